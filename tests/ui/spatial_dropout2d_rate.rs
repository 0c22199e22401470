use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (8, 8, 3)), SpatialDropout2D(20), Flatten(), Dense(2)])
}

fn main() {
    let _ = Net::PARAMS;
}
