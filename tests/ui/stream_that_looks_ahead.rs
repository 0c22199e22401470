use keras::prelude::*;

model! {
    struct Ahead;

    Sequential([Input(shape = (8, 3)), Conv1D(4, 3, padding = "same", name = "wide"), Dense(2)])
}

fn main() {
    let _ = Ahead::stream();
}
