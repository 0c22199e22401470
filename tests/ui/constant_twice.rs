use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    const UNITS: usize = 3;
    const UNITS: usize = 4;
    Sequential([Input(shape = (4,)), Dense(UNITS)])
}

fn main() {
    let _ = Net::PARAMS;
}
