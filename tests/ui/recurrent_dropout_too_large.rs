use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (7, 3)),
        LSTM(8, recurrent_dropout = 1.5),
        Dense(2),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
