use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (7, 3), name = "x");
    let counts = Input(shape = (6,), dtype = "bool", name = "counts");
    Model(inputs = [x, counts], outputs = LSTM(8)(x, mask = counts))
}

fn main() {
    let _ = Net::PARAMS;
}
