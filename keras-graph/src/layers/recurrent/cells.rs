//! The cells as the catalogue lists them. They have no cases of their own: a call needs states, and
//! the layers that run them have cases.

use crate::layers::Case;

pub(in crate::layers) const CASES: &[Case] = &[];
