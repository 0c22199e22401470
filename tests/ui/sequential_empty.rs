use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([])
}

fn main() {
    let _ = Net::PARAMS;
}
