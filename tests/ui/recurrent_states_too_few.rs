use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (7, 3), name = "x");
    let h = Input(shape = (8,), name = "h");
    Model(inputs = [x, h], outputs = LSTM(8)(x, initial_state = [h]))
}

fn main() {
    let _ = Net::PARAMS;
}
