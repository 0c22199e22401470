use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 6));
    let memory = Input(shape = (5, 6));
    let mask = Input(shape = (4, 4), dtype = "bool");
    let y = MultiHeadAttention(2, 3)(x, memory, attention_mask = mask);
    Model(inputs = [x, memory, mask], outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
