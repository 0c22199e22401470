use keras::prelude::*;

model! {
    #[derive(Clone)]
    pub struct Net;

    Sequential([Input(shape = (4,)), Dense(3)])
}

fn main() {
    let _ = Net::PARAMS;
}
