use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (4,)),
        Dense(3, kernel_constraint = regularizers.L2(0.1)),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
