use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let hidden = Input(shape = (4,));
    Model(inputs = hiden, outputs = Dense(3)(hidden))
}

fn main() {
    let _ = Net::PARAMS;
}
