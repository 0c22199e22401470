use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (4,), dtype = "complex64"),
        Dense(10),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
