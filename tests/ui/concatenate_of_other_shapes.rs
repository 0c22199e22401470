use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let a = Input(shape = (4, 3));
    let b = Input(shape = (5, 2));
    Model(inputs = [a, b], outputs = Concatenate()([a, b]))
}

fn main() {
    let _ = Net::PARAMS;
}
