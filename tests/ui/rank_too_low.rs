use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Conv2D(32, kernel_size = (3, 3)),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
