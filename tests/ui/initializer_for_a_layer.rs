use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    Sequential([
        Input(shape = (4, 2)),
        TimeDistributed(initializers.Identity()),
    ])
}

fn main() {
    let _ = Net::PARAMS;
}
