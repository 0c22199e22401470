use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (8, 24)), UnitNormalization(axis = 0)])
}

fn main() {
    let _ = Net::PARAMS;
}
