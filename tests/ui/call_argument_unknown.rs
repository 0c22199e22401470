use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    let y = Dense(3)(x, mask = x);
    Model(inputs = x, outputs = Dense(2)(y, training = 1))
}

fn main() {
    let _ = Net::PARAMS;
}
