use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    let a = Dense(4, name = "out-1")(x);
    let b = Dense(4, name = "out_1")(x);
    Model(inputs = x, outputs = [a, b])
}

fn main() {
    let _ = Net::PARAMS;
}
