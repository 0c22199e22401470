use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let encoder = Sequential([Input(shape = (4,)), Dense(3)]);
    let x = Input(shape = (5,));
    Model(inputs = x, outputs = encoder(x))
}

fn main() {
    let _ = Net::PARAMS;
}
