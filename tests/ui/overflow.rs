use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Dense(4_000_000_000 * 4_000_000_000),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
