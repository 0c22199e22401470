use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (None, 4)),
        Dense(10),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
