use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (7, 3)),
        RNN([GRUCell(4), LSTMCell(8, recurrent_activation = "softmax")]),
        Dense(2),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
