use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([Input(shape = (5, 2)), ZeroPadding1D((0, -3))])
}

fn main() {
    let _ = Net::PARAMS;
}
