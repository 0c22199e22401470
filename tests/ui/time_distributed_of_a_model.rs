use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let part = Sequential([Input(shape = (4,)), Dense(8)]);
    Sequential([Input(shape = (3, 4)), TimeDistributed(part)])
}

fn main() {
    let _ = Net::PARAMS;
}
