use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 6));
    let memory = Input(shape = (5, 6));
    let mask = Input(shape = (4,), dtype = "bool");
    let y = GroupQueryAttention(3, 4, 2)(x, memory, value_mask = mask);
    Model(inputs = [x, memory, mask], outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
