use keras::prelude::*;

model! {
    /// A model with a mistake.
    pub struct Net = include!("no_such_file.keras");


}

fn main() {
    let _ = Net::PARAMS;
}
