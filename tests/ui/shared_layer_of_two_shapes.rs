use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let a = Input(shape = (4,));
    let b = Input(shape = (5,));
    let tower = Dense(3);
    Model(inputs = [a, b], outputs = Add()([tower(a), tower(b)]))
}

fn main() {
    let _ = Net::PARAMS;
}
