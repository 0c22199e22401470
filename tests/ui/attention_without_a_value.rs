use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 6));
    let y = MultiHeadAttention(2, 3)(x);
    Model(inputs = x, outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
