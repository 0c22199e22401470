use keras::prelude::*;

model! {
    /// A model.
    pub struct Net;

    Sequential([Input(shape = (4,)), Dense(3)])
}

static NET: Embedded<Net> = embed!("no_such_file.keras");

fn main() {
    let _ = &NET;
}
