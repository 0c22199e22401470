use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    let model = Model(inputs = x, outputs = Dense(3)(x));
    model.compile(optimizer = "adam");
    model
}

fn main() {
    let _ = Net::PARAMS;
}
