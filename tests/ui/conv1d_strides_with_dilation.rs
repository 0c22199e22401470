use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (16, 6)), Conv1D(8, 3, strides = 2, dilation_rate = 2)])
}

fn main() {
    let _ = Net::PARAMS;
}
