use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let a = Input(shape = (4,));
    let b = Input(shape = (4,));
    Model(inputs = [a, b], outputs = Add()(a, b))
}

fn main() {
    let _ = Net::PARAMS;
}
