use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (4,)),
        Dense(3, kernel_constraint = constraints.MaxNorm(maximum = 3)),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
