use keras::prelude::*;

model! {
    Sequential([Input(shape = (4,)), Dense(3)])
}

fn main() {}
