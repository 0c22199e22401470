//! What the compiler says of mistakes in `model!`: one file and one text for each.
//! `TRYBUILD=overwrite` rewrites the texts.
//!
//! Models without mistakes stand in `dsl.rs`.

#[test]
fn mistakes_are_told_at_their_tokens() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
