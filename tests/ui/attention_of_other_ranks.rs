use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 6));
    let value = Input(shape = (2, 5, 6));
    let y = MultiHeadAttention(2, 3)(x, value);
    Model(inputs = [x, value], outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
