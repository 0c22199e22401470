use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (5, 4, 2)), Cropping2D(((1, 1), (4, 0)))])
}

fn main() {
    let _ = Net::PARAMS;
}
