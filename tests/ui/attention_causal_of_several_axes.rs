use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (3, 4, 6));
    let y = MultiHeadAttention(2, 3)(x, x, use_causal_mask = True);
    Model(inputs = x, outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
