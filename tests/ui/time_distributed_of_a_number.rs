use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (3, 4)), TimeDistributed(8)])
}

fn main() {
    let _ = Net::PARAMS;
}
