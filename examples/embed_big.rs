//! Measured by hand.
use keras::prelude::*;
model! {
    /// Large.
    pub struct Big;
    Sequential([Input(shape = (5000,)), Dense(5000)])
}
static BIG: Embedded<Big> = embed!("/tmp/emb/big.keras");
fn main() {
    println!("{:?}", &BIG.dense.kernel[4999][4990..]);
}
