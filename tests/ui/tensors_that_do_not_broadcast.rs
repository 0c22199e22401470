use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    Model(inputs = x, outputs = x + Dense(5)(x))
}

fn main() {
    let _ = Net::PARAMS;
}
