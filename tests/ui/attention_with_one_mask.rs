use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (4, 6));
    let mask = Input(shape = (4,), dtype = "bool");
    let y = Attention()([x, x], mask = mask);
    Model(inputs = [x, mask], outputs = y)
}

fn main() {
    let _ = Net::PARAMS;
}
