//! What a user's data must be before a number of it is used.

use core::ops::Range;

use rayon::prelude::*;

use super::ports::{Input, Output, Supervised};
use crate::error::{Error, Result, Shape};
use crate::losses::Losses;
use crate::sample::{Samples, Values};
use crate::simd::{Kernel, Simd, dispatch};

/// Rows that are looked at together.
const CHUNK_ROWS: usize = 1024;
/// Rows from which on looking at them is shared out among threads.
const PARALLEL_ROWS: usize = 4 * CHUNK_ROWS;

/// Refuses data that is empty, of unequal lengths, not finite, or with labels that name no class.
pub(super) fn data(
    data: &Supervised<'_>,
    inputs: &[Input],
    losses: &dyn Losses,
    outputs: &[Output],
) -> Result<()> {
    lengths("x", data.x.count(), "y", data.y.count())?;
    let count = data.x.count();
    let chunk = |chunk: usize| -> Option<Error> {
        let mut rows = chunk * CHUNK_ROWS..count.min((chunk + 1) * CHUNK_ROWS);
        if are_right(data, inputs, losses, outputs, &rows) {
            return None;
        }
        rows.find_map(|row| {
            let wrong = inputs
                .iter()
                .enumerate()
                .find_map(|(i, _)| input_values(data.x, inputs, i, row, data.x.port(row, i)).err());
            wrong.or_else(|| {
                let mut outputs = outputs.iter().enumerate();
                outputs.find_map(|(i, output)| {
                    target_values(data.y, losses, (i, output), row, data.y.port(row, i)).err()
                })
            })
        })
    };
    let chunks = 0..count.div_ceil(CHUNK_ROWS);
    let wrong = if count < PARALLEL_ROWS {
        chunks.into_iter().find_map(chunk)
    } else {
        chunks.into_par_iter().find_map_first(chunk)
    };
    wrong.map_or(Ok(()), Err)
}

/// Whether rows can be seen to be right without taking them one by one: they lie together in
/// memory.
fn are_right(
    data: &Supervised<'_>,
    inputs: &[Input],
    losses: &dyn Losses,
    outputs: &[Output],
    rows: &Range<usize>,
) -> bool {
    let first = rows.start;
    (0..inputs.len()).all(|i| {
        let values = data.x.ports(rows.clone(), i);
        values.is_some_and(|values| input_values(data.x, inputs, i, first, values).is_ok())
    }) && outputs.iter().enumerate().all(|(i, output)| {
        let values = data.y.ports(rows.clone(), i);
        let check = |values| target_values(data.y, losses, (i, output), first, values);
        values.is_some_and(|values| check(values).is_ok())
    })
}

/// Refuses two lists of different lengths, and empty ones.
pub(super) fn lengths(
    first: &str,
    first_len: usize,
    second: &str,
    second_len: usize,
) -> Result<()> {
    if first_len == 0 {
        return Err(Error::EmptyData { what: first.into() });
    }
    if first_len != second_len {
        let (first, second) = (first.into(), second.into());
        return Err(Error::LengthsDiffer { first, first_len, second, second_len });
    }
    Ok(())
}

/// The first value that is infinite or no number.
fn not_finite(values: &[f32]) -> Option<f32> {
    match dispatch(AreFinite(values)) {
        true => None,
        false => values.iter().copied().find(|value| !value.is_finite()),
    }
}

/// Whether no value is infinite or no number.
struct AreFinite<'a>(&'a [f32]);

/// Values of some vectors' worth of work, which the compiler unrolls into vectors of any length.
const GROUP: usize = 64;

impl Kernel for AreFinite<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> bool {
        // The exponent of such a value is all ones. Without a way out of the loop it is one of
        // vectors.
        const EXPONENT: u32 = f32::INFINITY.to_bits();
        let (groups, rest) = self.0.as_chunks::<GROUP>();
        let mut wrong = [0; GROUP];
        for group in groups {
            for (wrong, value) in wrong.iter_mut().zip(group) {
                *wrong |= u32::from(value.to_bits() & EXPONENT == EXPONENT);
            }
        }
        wrong == [0; GROUP] && rest.iter().all(|value| value.is_finite())
    }
}

/// Refuses values of input `i`, which are those of row `row` or begin with them.
fn input_values(
    x: &dyn Samples,
    inputs: &[Input],
    i: usize,
    row: usize,
    values: Values<'_>,
) -> Result<()> {
    let Input { name, indices } = &inputs[i];
    let what = || if inputs.len() > 1 { format!("input \"{name}\"") } else { "input".into() };
    match (values, *indices) {
        (Values::Floats(values), _) => match not_finite(values) {
            Some(value) => Err(Error::NonFinite { what: what(), sample: row, value }),
            None => Ok(()),
        },
        (Values::Labels(ids), Some(rows)) => {
            let is_unsigned = x.is_unsigned(i);
            // A negative index counts from the end, as in Keras.
            let fits = |id: &i64| (-(rows as i64)..rows as i64).contains(id);
            let mut given = ids.iter().map(|&id| as_given(id, is_unsigned));
            match given.find(|id| !fits(id)) {
                Some(index) => {
                    Err(Error::IndexOutOfRange { what: what(), sample: row, index, rows })
                }
                None => Ok(()),
            }
        }
        (Values::Labels(_), None) => Ok(()),
    }
}

/// Refuses targets of output `i`, which are those of row `row` or begin with them.
fn target_values(
    y: &dyn Samples,
    losses: &dyn Losses,
    (i, output): (usize, &Output),
    row: usize,
    values: Values<'_>,
) -> Result<()> {
    losses.head(i).check(row, values, output.extent).map_err(|error| match error {
        Error::LabelOutOfRange { sample, label, classes } => {
            let label = i32::try_from(label).map_or(label, |l| as_given(l, y.is_unsigned(i)));
            Error::LabelOutOfRange { sample, label, classes }
        }
        error => error,
    })
}

/// An integer as the user wrote it: a `u32` above `i32::MAX` is seen as a negative number.
fn as_given(seen: i32, is_unsigned: bool) -> i64 {
    if is_unsigned { i64::from(seen.cast_unsigned()) } else { i64::from(seen) }
}

/// What rows count: by themselves, or by their class. Not both.
#[derive(Clone, Copy, Default)]
pub(super) struct RowWeights<'a> {
    pub(super) sample_weight: Option<&'a [f32]>,
    pub(super) class_weight: &'a [(usize, f32)],
}

/// The weight of each row: the user's own, or that of the row's class, for which there is `room`.
/// None if all count the same.
pub(super) fn sample_weights<'a>(
    y: &dyn Samples,
    outputs: &[Output],
    RowWeights { sample_weight, class_weight }: RowWeights<'a>,
    room: &'a mut Vec<f32>,
) -> Result<Option<&'a [f32]>> {
    let check = |what: &'static str, index: usize, value: f32| match value.is_finite() {
        true => Ok(()),
        false => Err(Error::InvalidWeight { what, index, value }),
    };
    if let Some(weights) = sample_weight {
        lengths("y", y.count(), "sample_weight", weights.len())?;
        weights.iter().enumerate().try_for_each(|(i, &w)| check("sample_weight", i, w))?;
        if !class_weight.is_empty() {
            return Err(Error::InvalidFit {
                argument: "class_weight",
                expected: "either `class_weight` or `sample_weight`".into(),
                found: "both".into(),
            });
        }
        return Ok(Some(weights));
    }
    if class_weight.is_empty() {
        return Ok(None);
    }
    let [output] = outputs else {
        return Err(Error::InvalidFit {
            argument: "class_weight",
            expected: "a model with a single output".into(),
            found: format!("{} outputs", outputs.len()),
        });
    };
    let classes = output.extent.max(2);
    for (i, &(class, weight)) in class_weight.iter().enumerate() {
        check("class_weight", class, weight)?;
        if class >= classes {
            return Err(Error::ClassWeightClass { class, classes });
        }
        if class_weight[..i].iter().any(|(other, _)| *other == class) {
            return Err(Error::InvalidFit {
                argument: "class_weight",
                expected: "each class once".into(),
                found: format!("class {class} twice"),
            });
        }
    }
    let weight =
        |class: usize| class_weight.iter().find(|(c, _)| *c == class).map_or(1.0, |(_, w)| *w);
    room.clear();
    for row in 0..y.count() {
        room.push(weight(class_of(y.port(row, 0))?));
    }
    Ok(Some(room))
}

/// The class that a target names: a label, the place of a one, or a lone number.
fn class_of(target: Values<'_>) -> Result<usize> {
    match target {
        Values::Labels([label]) => Ok(*label as usize),
        Values::Floats([value]) if *value >= 0.0 && value.fract() == 0.0 => Ok(*value as usize),
        Values::Floats(values) if values.len() > 1 => {
            let largest = (1..values.len())
                .fold(0, |best, i| if values[i] > values[best] { i } else { best });
            Ok(largest)
        }
        Values::Floats(values) => {
            let found = format!("float32 of shape {}", Shape(&[values.len()]));
            Err(Error::ClassWeightTargets { found })
        }
        Values::Labels(labels) => {
            let found = format!("integers of shape {}", Shape(&[labels.len()]));
            Err(Error::ClassWeightTargets { found })
        }
    }
}
