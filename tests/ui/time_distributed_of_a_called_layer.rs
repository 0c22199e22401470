use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let x = Input(shape = (3, 4));
    let each = Dense(4);
    let y = TimeDistributed(each)(x);
    Model(inputs = x, outputs = each(y))
}

fn main() {
    let _ = Net::PARAMS;
}
