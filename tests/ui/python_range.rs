use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let image = Input(shape = (4,));
    let mut x = image;
    for i in range(3) { x = Dense(3)(x); }
    Model(inputs = image, outputs = x)
}

fn main() {
    let _ = Net::PARAMS;
}
