use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 6));
    let y = GroupQueryAttention(3, num_query_heads = 4, num_key_value_heads = 3)(x, x);
    Model(inputs = x, outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
