use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let ids = Input(shape = (6,), dtype = "int32");
    let tokens = ReversibleEmbedding(100, 8);
    Model(inputs = ids, outputs = tokens(tokens(ids), reverse = 1))
}

fn main() {
    let _ = Net::PARAMS;
}
