use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let a = Input(shape = (4,));
    Model(inputs = a, outputs = a)
}

fn main() {
    let _ = Net::PARAMS;
}
