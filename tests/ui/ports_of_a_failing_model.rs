use keras::prelude::*;

model! {
    /// A model with a mistake; the code that uses it has none.
    pub struct Ranker;

    let query = Input(shape = (4,));
    let item = Input(shape = (3,), name = "thing");
    let both = Concatenate()([query, item]);
    let score = Dense(1, activaton = "sigmoid")(both);
    let kind = Dense(5, name = "class")(both);
    Model(inputs = [query, item], outputs = [score, kind])
}

fn main() {
    let model = Ranker::new();
    let x = RankerInputs { query: [0.5; 4], thing: [-0.5; 3] };
    let RankerOutputs { score, class } = model.call(&x);
    let _: ([f32; 1], [f32; 5]) = (score, class);
}
