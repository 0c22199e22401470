use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let width = 7;
    let units = if width / 2 == 3 { 4 } else { 5 };
    Sequential([Input(shape = (784,)), Dense(units)])
}

fn main() {
    let _ = Net::PARAMS;
}
