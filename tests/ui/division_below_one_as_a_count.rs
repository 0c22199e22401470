use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (784,)), Dense(3 / 4)])
}

fn main() {
    let _ = Net::PARAMS;
}
