use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (7, 3)),
        Bidirectional(
            LSTM(8, return_sequences = True),
            backward_layer = GRU(8, go_backwards = True),
        ),
        Dense(2),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
