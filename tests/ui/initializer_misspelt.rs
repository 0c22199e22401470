use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Dense(10, kernel_initializer = "he_norml"),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
