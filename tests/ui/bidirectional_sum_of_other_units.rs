use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (7, 3)),
        Bidirectional(
            LSTM(8),
            backward_layer = LSTM(6, go_backwards = True),
            merge_mode = "sum",
        ),
        Dense(2),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
