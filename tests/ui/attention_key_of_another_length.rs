use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 6));
    let key = Input(shape = (5, 6));
    let value = Input(shape = (7, 6));
    let y = MultiHeadAttention(2, 3)(x, value, key = key);
    Model(inputs = [x, key, value], outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
