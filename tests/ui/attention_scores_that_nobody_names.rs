use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 6));
    let y = MultiHeadAttention(2, 3)(x, x, return_attention_scores = True);
    Model(inputs = x, outputs = Dense(2)(y))
}

fn main() {
    let _ = Net::PARAMS;
}
