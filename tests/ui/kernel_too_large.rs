use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (8, 8, 1)),
        Conv2D(8, 3),
        MaxPooling2D(2),
        Conv2D(8, 5),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
