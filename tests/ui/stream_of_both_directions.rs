use keras::prelude::*;

model! {
    struct Both;

    Sequential([Input(shape = (8, 3)), Bidirectional(LSTM(4, return_sequences = True))])
}

fn main() {
    let _ = Both::stream();
}
