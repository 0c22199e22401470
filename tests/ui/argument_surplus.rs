use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (784,)),
        Flatten("channels_last", 3),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
