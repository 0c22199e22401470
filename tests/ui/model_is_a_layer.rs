use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Dense(3)
}

fn main() {
    let _ = Net::PARAMS;
}
