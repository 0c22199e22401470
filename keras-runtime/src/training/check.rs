//! What a user's data must be before a number of it is used.

use rayon::prelude::*;

use super::head::{Input, Output, Supervised};
use crate::error::{Error, Result, Shape};
use crate::losses::Losses;
use crate::sample::{Samples, Values};

/// Rows from which on looking at them is shared out among threads.
const PARALLEL_ROWS: usize = 4096;

/// Refuses data that is empty, of unequal lengths, not finite, or with labels that name no class.
pub(super) fn data(
    data: &Supervised<'_>,
    inputs: &[Input],
    losses: &dyn Losses,
    outputs: &[Output],
) -> Result<()> {
    lengths("x", data.x.count(), "y", data.y.count())?;
    let row = |row: usize| -> Option<Error> {
        let wrong = input_row(data.x, inputs, row).err();
        wrong.or_else(|| target_row(data.y, losses, outputs, row).err())
    };
    let rows = 0..data.x.count();
    let wrong = if rows.len() < PARALLEL_ROWS {
        rows.into_iter().find_map(row)
    } else {
        rows.into_par_iter().with_min_len(PARALLEL_ROWS / 4).find_map_first(row)
    };
    wrong.map_or(Ok(()), Err)
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
    // Without a way out of the loop it is one of vectors. The exponent of such a value is all ones.
    const EXPONENT: u32 = f32::INFINITY.to_bits();
    let is_wrong = |value: &f32| u32::from(value.to_bits() & EXPONENT == EXPONENT);
    if values.iter().map(is_wrong).fold(0, |any, wrong| any | wrong) == 0 {
        return None;
    }
    values.iter().copied().find(|value| !value.is_finite())
}

fn input_row(x: &dyn Samples, inputs: &[Input], row: usize) -> Result<()> {
    for (i, Input { name, indices }) in inputs.iter().enumerate() {
        let is_unsigned = x.is_unsigned(i);
        let what = || if inputs.len() > 1 { format!("input \"{name}\"") } else { "input".into() };
        match (x.port(row, i), *indices) {
            (Values::Floats(values), _) => {
                if let Some(value) = not_finite(values) {
                    return Err(Error::NonFinite { what: what(), sample: row, value });
                }
            }
            (Values::Labels(ids), Some(rows)) => {
                // A negative index counts from the end, as in Keras.
                let fits = |id: &i64| (-(rows as i64)..rows as i64).contains(id);
                let mut given = ids.iter().map(|&id| as_given(id, is_unsigned));
                if let Some(index) = given.find(|id| !fits(id)) {
                    return Err(Error::IndexOutOfRange { what: what(), sample: row, index, rows });
                }
            }
            (Values::Labels(_), None) => {}
        }
    }
    Ok(())
}

fn target_row(y: &dyn Samples, losses: &dyn Losses, outputs: &[Output], row: usize) -> Result<()> {
    for (i, output) in outputs.iter().enumerate() {
        losses.head(i).check(row, y.port(row, i), output.extent).map_err(|error| match error {
            Error::LabelOutOfRange { sample, label, classes } => {
                let label = i32::try_from(label).map_or(label, |l| as_given(l, y.is_unsigned(i)));
                Error::LabelOutOfRange { sample, label, classes }
            }
            error => error,
        })?;
    }
    Ok(())
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

/// The weight of each row: the user's own, or that of the row's class, for which there is `room`. None if all count the same.
pub(super) fn sample_weights<'a>(
    y: &dyn Samples,
    outputs: &[Output],
    RowWeights { sample_weight, class_weight }: RowWeights<'a>,
    room: &'a mut Vec<f32>,
) -> Result<Option<&'a [f32]>> {
    let check = |what: &'static str, index: usize, value: f32| {
        let is_weight = value.is_finite() && value >= 0.0;
        if is_weight { Ok(()) } else { Err(Error::InvalidWeight { what, index, value }) }
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
