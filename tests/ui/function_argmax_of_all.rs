use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 3));
    Model(inputs = x, outputs = ops.argmax(x))
}

fn main() {
    let _ = Net::PARAMS;
}
