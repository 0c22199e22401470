use keras::prelude::*;

model! {
    /// The model of the example `digits` with a smaller layer.
    pub struct Digits;

    Sequential([
        Input(shape = (8, 8, 1)),
        Conv2D(32, kernel_size = 3, padding = "same", activation = "relu"),
        Conv2D(32, kernel_size = 3, activation = "relu"),
        MaxPooling2D(pool_size = 2),
        Flatten(),
        Dropout(0.3),
        Dense(48, activation = "relu"),
        Dense(10, activation = "softmax"),
    ])
}

static DIGITS: Embedded<Digits> = embed!("../../../../examples/digits.keras");

fn main() {
    DIGITS.call(&[[[0.0]; 8]; 8]);
}
