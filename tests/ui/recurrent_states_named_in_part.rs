use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (7, 3));
    let (y, h) = LSTM(8, return_state = True)(x);
    Model(inputs = x, outputs = Dense(2)(y + h))
}

fn main() {
    let _ = Net::PARAMS;
}
