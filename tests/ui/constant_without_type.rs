use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    const UNITS = 3;
    Sequential([Input(shape = (4,)), Dense(UNITS)])
}

fn main() {
    let _ = Net::PARAMS;
}
