use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let image = Input(shape = (4,));
    let mut x = image;
    for i in 0..1_000_000_000 { x = x; }
    Model(inputs = image, outputs = Dense(3)(x))
}

fn main() {
    let _ = Net::PARAMS;
}
