use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    Model(inputs = x, outputs = Dropout(0.5)(x, training = True))
}

fn main() {
    let _ = Net::PARAMS;
}
