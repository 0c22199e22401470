use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (6, 4, 9, 2)),
        ConvLSTM2D(4, 5),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
