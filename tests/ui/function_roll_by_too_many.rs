use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 3));
    Model(inputs = x, outputs = ops.roll(x, (1, 2), axis = 1))
}

fn main() {
    let _ = Net::PARAMS;
}
