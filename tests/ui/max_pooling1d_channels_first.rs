use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (6, 16)), MaxPooling1D(2, data_format = "channels_first")])
}

fn main() {
    let _ = Net::PARAMS;
}
