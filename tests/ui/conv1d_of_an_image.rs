use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (28, 28, 1)), Conv1D(8, 3)])
}

fn main() {
    let _ = Net::PARAMS;
}
