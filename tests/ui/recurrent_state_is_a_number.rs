use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (7, 3), name = "x");
    Model(inputs = x, outputs = GRU(8)(x, initial_state = 0))
}

fn main() {
    let _ = Net::PARAMS;
}
