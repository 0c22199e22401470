use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 6));
    let value = Input(shape = (5, 8));
    let y = AdditiveAttention()([x, value]);
    Model(inputs = [x, value], outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
