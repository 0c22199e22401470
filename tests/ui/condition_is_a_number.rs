use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Dense(if 1 { 2 } else { 3 }),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
