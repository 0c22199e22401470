use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (4, 2)),
        Dense(3, activation = Softmax(axis = 1)),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
