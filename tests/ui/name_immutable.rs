use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let image = Input(shape = (4,));
    let x = Dense(3)(image);
    x = Dense(2)(x);
    Model(inputs = image, outputs = x)
}

fn main() {
    let _ = Net::PARAMS;
}
