use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (4,)),
        Dense(3, bias_constraint = constraints.MinMaxNorm(-1.0, 1.0)),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
