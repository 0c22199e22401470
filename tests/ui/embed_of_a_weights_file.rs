use keras::prelude::*;

model! {
    /// A model.
    pub struct Net;

    Sequential([Input(shape = (4,)), Dense(3)])
}

static NET: Embedded<Net> = embed!("net.weights.h5");

fn main() {
    let _ = &NET;
}
