use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let scale = (1 / 255) as f32;
    Sequential([Input(shape = (784,)), Rescaling(scale), Dense(10)])
}

fn main() {
    let _ = Net::PARAMS;
}
