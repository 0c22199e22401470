use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (6, 8, 9, 3), name = "x");
    let h = Input(shape = (8, 9, 4), name = "h");
    Model(inputs = [x, h], outputs = ConvLSTM2D(4, 3)(x, initial_state = [h, h]))
}

fn main() {
    let _ = Net::PARAMS;
}
