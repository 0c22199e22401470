use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        keras.layer.Dense(10),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
