use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (16, 6)), Conv1DTranspose(8, 3, padding = "causal")])
}

fn main() {
    let _ = Net::PARAMS;
}
