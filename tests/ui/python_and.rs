use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    let y = if 1 == 1 and 2 == 2 { Dense(3)(x) } else { Dense(4)(x) };
    Model(inputs = x, outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
