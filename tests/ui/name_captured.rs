use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let image = Input(shape = (4,));
    let mut count = 0;
    let block = |x| { count = count + 1; Dense(3)(x) };
    Model(inputs = image, outputs = block(image))
}

fn main() {
    let _ = Net::PARAMS;
}
