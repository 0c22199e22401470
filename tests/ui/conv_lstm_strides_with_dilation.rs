use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (6, 9, 2)),
        ConvLSTM1D(4, 3, strides = 2, dilation_rate = 2),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
