use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (4, 3)),
        Dense(2),
        Masking(),
        Dense(1),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
