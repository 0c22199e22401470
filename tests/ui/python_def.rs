use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    def block(x):
        return Dense(3)(x)
    Sequential([Input(shape = (4,)), Dense(3)])
}

fn main() {
    let _ = Net::PARAMS;
}
