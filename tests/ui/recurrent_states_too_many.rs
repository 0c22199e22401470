use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (7, 3), name = "x");
    let (y, h, c) = LSTM(8, return_state = True)(x);
    Model(inputs = x, outputs = GRU(8)(x, initial_state = [h, c]) + y)
}

fn main() {
    let _ = Net::PARAMS;
}
