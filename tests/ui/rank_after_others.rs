use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Dense(64, activation = "relu"),
        Dropout(0.5),
        Conv2D(32, kernel_size = (3, 3)),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
