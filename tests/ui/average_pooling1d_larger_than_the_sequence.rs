use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (3, 16)), AveragePooling1D(pool_size = 4)])
}

fn main() {
    let _ = Net::PARAMS;
}
