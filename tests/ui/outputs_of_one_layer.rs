use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let a = Input(shape = (4,));
    let b = Input(shape = (4,));
    let score = Dense(2, name = "score");
    Model(inputs = [a, b], outputs = [score(a), score(b)])
}

fn main() {
    let _ = Net::PARAMS;
}
