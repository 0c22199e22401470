use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (6, 3, 8, 8)),
        ConvLSTM2D(4, 3, data_format = "channels_first"),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
