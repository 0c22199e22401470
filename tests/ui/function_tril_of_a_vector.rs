use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    Model(inputs = x, outputs = ops.tril(x))
}

fn main() {
    let _ = Net::PARAMS;
}
