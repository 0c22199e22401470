use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (4,)), TimeDistributed(Dense(8))])
}

fn main() {
    let _ = Net::PARAMS;
}
