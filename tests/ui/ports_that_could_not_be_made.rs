use keras::prelude::*;

model! {
    /// A model whose second output and first input have mistakes.
    pub struct Ranker;

    const KINDS: usize = 5;

    let query = Input(shape = (4,), nam = "query");
    let item = Input(shape = (3,));
    let score = Dense(2, name = "points")(item);
    let kind = Dense(KINDS, use_bias = 1, name = "kind")(item);
    Model(inputs = [query, item], outputs = [score, kind])
}

fn main() {
    let model = Ranker::new();
    let x = RankerInputs { query: [0.5; 4], item: [-0.5; 3] };
    let y = model.call(&x);
    let _: ([f32; 2], [f32; 5]) = (y.points, y.kind);
}
