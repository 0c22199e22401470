use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (6, 2)), Conv1D(8, kernel_size = 3, dilation_rate = 4)])
}

fn main() {
    let _ = Net::PARAMS;
}
