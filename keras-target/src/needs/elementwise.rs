//! Functions of each element, which are cut anywhere.

use super::*;
use crate::LINE;
use crate::part::Read;

macro_rules! elements {
    ($($name:ident reads $inputs:literal),*) => {
        $(
            impl Needs for $name {
                fn units(&self, _: Algorithm) -> Option<Units> {
                    Some(Units { len: self.len, step: LINE })
                }

                fn part(&self, _: Algorithm, units: Range<usize>) -> Option<Part> {
                    let op = $name { len: units.len(), ..*self };
                    let inputs = (0..$inputs).map(|_| Read::Elements(units.clone()));
                    Some(Part::new(op, inputs, units.clone()))
                }
            }
        )*
    };
}
elements! { Unary reads 1, Affine reads 1, Binary reads 2 }
