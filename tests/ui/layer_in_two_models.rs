use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4,));
    let shared = Dense(3);
    let tower = Sequential([shared, Dense(3)]);
    Model(inputs = x, outputs = tower(shared(x)))
}

fn main() {
    let _ = Net::PARAMS;
}
