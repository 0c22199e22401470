use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    const PARAMS: usize = 3;
    Sequential([Input(shape = (4,)), Dense(PARAMS)])
}

fn main() {
    let _ = Net::PARAMS;
}
