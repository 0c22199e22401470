use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let block = |x, size| { MaxPooling2D(2)(Conv2D(8, size)(x)) };
    let image = Input(shape = (12, 12, 1));
    let y = block(block(image, 3), 7);
    Model(inputs = image, outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
