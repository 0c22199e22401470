use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let a = Input(shape = (4,));
    let b = Dense(3)(a);
    Model(inputs = b, outputs = Dense(2)(b))
}

fn main() {
    let _ = Net::PARAMS;
}
