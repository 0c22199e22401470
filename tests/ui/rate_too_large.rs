use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Dropout(1.5),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
