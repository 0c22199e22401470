use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Dense(4, name = "hidden"),
        Dense(4, name = "hidden"),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
