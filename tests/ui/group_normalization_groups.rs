use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (8, 8, 24)), GroupNormalization()])
}

fn main() {
    let _ = Net::PARAMS;
}
