use keras::prelude::*;

model! {
    /// Five mistakes, five errors; what uses the model has none.
    pub struct Net;

    Sequential([
        Input(shape = (28, 28, 1)),
        Conv2D(32, kernal_size = (3, 3)),
        MaxPoling2D(pool_size = (2, 2)),
        Dropout(5),
        Dense(CLASSES),
        Dense(10, activation = "sofmax"),
    ])
}

fn main() {
    let x = [[[0.0; 1]; 28]; 28];
    let model = Net::new();
    let y: [f32; 10] = model.call(&x);
    println!("{y:?} {}", Net::PARAMS);
}
