use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (6, 8, 8, 3));
    let h = Input(shape = (8, 8, 4));
    let c = Input(shape = (8, 8, 4));
    let y = ConvLSTM2D(4, 3)(x, initial_state = [h, c]);
    Model(inputs = [x, h, c], outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
