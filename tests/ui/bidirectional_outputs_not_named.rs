use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (7, 3));
    let y = Bidirectional(GRU(8), merge_mode = None)(x);
    Model(inputs = x, outputs = Dense(2)(y))
}

fn main() {
    let _ = Net::PARAMS;
}
