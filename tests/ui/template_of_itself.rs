use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let block = |x| block(Dense(3)(x));
    let x = Input(shape = (4,));
    Model(inputs = x, outputs = block(x))
}

fn main() {
    let _ = Net::PARAMS;
}
