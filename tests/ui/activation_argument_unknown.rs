use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    Model(inputs = x, outputs = activations.relu(x, slope = 0.1))
}

fn main() {
    let _ = Net::PARAMS;
}
