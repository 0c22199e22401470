use keras::prelude::*;

const CLASSES: usize = 10;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Dense(CLASSES, activation = "softmax"),
    ])
}

fn main() {
    let _ = (Net::PARAMS, CLASSES);
}
