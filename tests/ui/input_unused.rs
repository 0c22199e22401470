use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let a = Input(shape = (4,));
    let b = Input(shape = (5,));
    Model(inputs = a, outputs = Dense(3)(a))
}

fn main() {
    let _ = Net::PARAMS;
}
