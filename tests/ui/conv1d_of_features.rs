use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (16000,)), Conv1D(8, 64, strides = 4)])
}

fn main() {
    let _ = Net::PARAMS;
}
