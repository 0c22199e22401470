use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net;


}

fn main() {
    let _ = Net::PARAMS;
}
