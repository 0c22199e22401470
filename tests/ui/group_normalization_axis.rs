use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (8, 24)), GroupNormalization(4, axis = 3)])
}

fn main() {
    let _ = Net::PARAMS;
}
