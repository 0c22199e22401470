use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Reshape((28, 27)),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
