use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (8, 8, 3)),
        ConvLSTM2D(4, 3),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
