//! What a trained weight is brought back to after each step of an optimizer.
//! Source: Keras 3.15 `constraints/constraints.py`.

use alloc::string::String;

use crate::literal::{List, Literal, literal};

/// A constraint on a weight. The four classes of Keras are these two.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// Negative elements become 0.
    NonNegative,
    /// Norms stay within bounds.
    Norm(NormBounds),
}

literal! {
    /// Scales a weight by `(rate · clip(norm, least, most) + (1 - rate) · norm) / (1e-7 + norm)`.
    #[derive(Clone, Debug, PartialEq)]
    pub struct NormBounds {
        /// The axes over which a norm is taken, in ascending order.
        pub axes: List<usize>,
        /// Least norm.
        pub least: f32,
        /// Greatest norm.
        pub most: f32,
        /// How much of the way to the bounds a step goes; 1 is all of it.
        pub rate: f32,
    }
}

impl Literal for Constraint {
    fn write(&self, out: &mut String) {
        out.push_str("::keras::__private::Constraint::");
        match self {
            Constraint::NonNegative => out.push_str("NonNegative"),
            Constraint::Norm(bounds) => {
                out.push_str("Norm(");
                bounds.write(out);
                out.push(')');
            }
        }
    }
}
