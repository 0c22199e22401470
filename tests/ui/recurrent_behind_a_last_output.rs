use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (7, 3)),
        LSTM(8),
        LSTM(4),
        Dense(2),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
