use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (5, 2)), Cropping1D((2, 3))])
}

fn main() {
    let _ = Net::PARAMS;
}
