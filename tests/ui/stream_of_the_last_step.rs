use keras::prelude::*;

model! {
    struct Last;

    Sequential([Input(shape = (8, 3)), GRU(4, name = "memory"), Dense(2)])
}

fn main() {
    let _ = Last::stream();
}
