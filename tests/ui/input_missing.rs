use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Dense(10),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
