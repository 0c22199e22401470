use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Dense(10, kernel_regularizer = regularizers.L3(1e-4)),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
