use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (28, 28, 1)),
        Conv2D(8, (3, 3, 3)),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
