use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    let y = activations.linear(0.5);
    Model(inputs = x, outputs = Dense(3)(y))
}

fn main() {
    let _ = Net::PARAMS;
}
