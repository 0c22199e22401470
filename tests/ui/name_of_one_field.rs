use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Dense(4, name = "block-1"),
        Dense(4, name = "block_1"),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
