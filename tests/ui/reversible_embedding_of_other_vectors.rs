use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;

    let ids = Input(shape = (6,), dtype = "int32");
    let tokens = ReversibleEmbedding(100, 8);
    let x = Dense(16)(tokens(ids));
    Model(inputs = ids, outputs = tokens(x, reverse = True))
}

fn main() {
    let _ = Net::PARAMS;
}
