use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (7, 3)),
        GRU(0),
        Dense(2),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
