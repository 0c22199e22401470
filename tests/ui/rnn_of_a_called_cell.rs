use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (7, 3), name = "x");
    let h = Input(shape = (4,), name = "h");
    let cell = GRUCell(4);
    let (y, _) = cell(x[.., 0], [h]);
    Model(inputs = [x, h], outputs = RNN(cell)(x) + y)
}

fn main() {
    let _ = Net::PARAMS;
}
