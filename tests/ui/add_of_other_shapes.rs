use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    let sum = Add()([Dense(3)(x), Dense(5)(x)]);
    Model(inputs = x, outputs = sum)
}

fn main() {
    let _ = Net::PARAMS;
}
