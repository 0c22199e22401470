use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (4,)),
        Dense(3, activation = initializers.Zeros()),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
