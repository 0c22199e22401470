//! Pools over windows, which are cut between rows.

use super::*;
use crate::part::{Read, scaled, window_part};

macro_rules! pools {
    ($($name:ident),*) => {
        $(
            impl Needs for $name {
                fn units(&self, _: Algorithm) -> Option<Units> {
                    Some(Units { len: self.rows.output, step: 1 })
                }

                fn part(&self, _: Algorithm, units: Range<usize>) -> Option<Part> {
                    let (rows, x) = window_part(&self.rows, &units)?;
                    let x = Read::Elements(scaled(&x, self.columns.input * self.channels));
                    let y = scaled(&units, self.columns.output * self.channels);
                    Some(Part::new($name { rows, ..*self }, [x], y))
                }
            }
        )*
    };
}
pools! { MaxPool2D, AveragePool2D }
