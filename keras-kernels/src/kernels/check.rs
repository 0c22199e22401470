//! What the kernels' tests share: values, calls and comparisons.

use keras_ir::algorithm::Algorithm;
use keras_ir::ops::Op;
use keras_target::needs::workspace_len;
use keras_target::target::{self, Target as _};

use super::{Backend, Call, Cpu, Reference, Run, run};
use crate::simd::{Level, with_level};

/// `len` numbers in `-1..1` that look random and depend on `seed`; none is 0 and no two neighbours
/// are equal.
pub(crate) fn values(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03;
    let next = |_| {
        // xorshift64*, Vigna 2016.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let bits = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32;
        (bits + 0.5) / (1u32 << 23) as f32 - 1.0
    };
    (0..len).map(next).collect()
}

/// What an op makes of its inputs; a reduced one adds to `start`.
pub(crate) fn output_onto<B: Backend>(
    op: impl Into<Op>,
    samples: usize,
    inputs: &[&[f32]],
    start: &[f32],
) -> Vec<f32> {
    output_with::<B>(op, samples, inputs, &[], start)
}

/// As [`output_onto`], of an op whose last input was prepared, if `prepared` holds anything.
pub(crate) fn output_with<B: Backend>(
    op: impl Into<Op>,
    samples: usize,
    inputs: &[&[f32]],
    prepared: &[f32],
    start: &[f32],
) -> Vec<f32> {
    let op = op.into();
    output_by::<B>(target::Cpu.algorithm(&op), &op, samples, inputs, prepared, start)
}

/// As [`output_with`], by a given algorithm.
pub(crate) fn output_by<B: Backend>(
    algorithm: Algorithm,
    op: &Op,
    samples: usize,
    inputs: &[&[f32]],
    prepared: &[f32],
    start: &[f32],
) -> Vec<f32> {
    let mut output = start.to_vec();
    // The workspace holds anything.
    let mut workspace = vec![f32::NAN; workspace_len(op, algorithm)];
    let call = Call {
        algorithm,
        samples,
        inputs,
        output: &mut output,
        workspace: &mut workspace,
        prepared,
        run: Run::default(),
    };
    run::<B>(op, call);
    output
}

/// What an op makes of its inputs, on an output that holds 0.
pub(crate) fn output<B: Backend>(
    op: impl Into<Op>,
    samples: usize,
    inputs: &[&[f32]],
    len: usize,
) -> Vec<f32> {
    output_onto::<B>(op, samples, inputs, &vec![0.0; len])
}

/// Panics unless the two agree to `tolerance`, relative to the larger of 1 and the expected
/// magnitude.
#[track_caller]
pub(crate) fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        if found.is_nan() && expected.is_nan() || found == expected {
            continue;
        }
        let bound = tolerance * expected.abs().max(1.0);
        assert!((found - expected).abs() <= bound, "{what}: [{i}] is {found}, not {expected}");
    }
}

/// Checks `Cpu` against `Reference` at every level of this processor, with and without a NaN in
/// each input. Outputs start with numbers, which reduced ops add to. `terms` is the largest number
/// of products that are added up.
#[track_caller]
pub(crate) fn assert_as_reference(
    op: impl Into<Op>,
    samples: usize,
    lens: &[usize],
    output_len: usize,
    terms: usize,
) {
    let op = op.into();
    assert_as_reference_by(target::Cpu.algorithm(&op), op, samples, lens, output_len, terms);
}

/// As [`assert_as_reference`], by an algorithm.
#[track_caller]
pub(crate) fn assert_as_reference_by(
    algorithm: Algorithm,
    op: Op,
    samples: usize,
    lens: &[usize],
    output_len: usize,
    terms: usize,
) {
    let start = values(output_len, 5);
    let tolerance = 4.0 * f32::EPSILON * (terms as f32 + 4.0);
    for poisoned in 0..=lens.len() {
        let mut inputs: Vec<Vec<f32>> =
            lens.iter().zip(1..).map(|(&len, seed)| values(len, seed)).collect();
        if let Some(input) = inputs.get_mut(poisoned).filter(|input| !input.is_empty()) {
            let middle = input.len() / 2;
            input[middle] = f32::NAN;
        }
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let expected = output_by::<Reference>(algorithm, &op, samples, &inputs, &[], &start);
        for level in Level::available() {
            let found = with_level(level, || {
                output_by::<Cpu>(algorithm, &op, samples, &inputs, &[], &start)
            });
            let what = format!("{op:?} of {samples} at {level:?}, NaN in input {poisoned}");
            let mut found = found.expect("an available level");
            if poisoned < lens.len() {
                // A kernel may multiply padding, which plain loops skip; so NaN may spread further.
                let spread = found.iter_mut().zip(&expected).filter(|(found, _)| found.is_nan());
                spread.for_each(|(found, &expected)| *found = expected);
            }
            assert_close(&found, &expected, tolerance, &what);
        }
    }
}

/// Checks the gradient of a function that is linear in input `input`: `⟨d_y, f(v + e) - f(v)⟩ =
/// d_v[i]` for each unit step `e` along element `i`. Linear functions have no truncation error, so
/// a step of 1 is as good as a small one and rounds less. `gradient_inputs` orders the inputs and
/// `d_y` as the gradient op documents.
pub(crate) fn assert_adjoint(
    op: impl Into<Op>,
    gradient: impl Into<Op>,
    gradient_inputs: impl for<'a> Fn(&[&'a [f32]], &'a [f32]) -> Vec<&'a [f32]>,
    input: usize,
    lens: &[usize],
    y_len: usize,
    samples: usize,
) {
    let op = op.into();
    let mut inputs: Vec<Vec<f32>> =
        lens.iter().zip(1..).map(|(&len, seed)| values(len, seed)).collect();
    let d_y = values(y_len, 77);
    let views: Vec<&[f32]> = inputs.iter().map(|values| &values[..]).collect();
    let start = output::<Reference>(op, samples, &views, y_len);
    let inputs_and_d_y = gradient_inputs(&views, &d_y);
    let found = output::<Reference>(gradient, samples, &inputs_and_d_y, lens[input]);
    let expected: Vec<f32> = (0..lens[input])
        .map(|i| {
            inputs[input][i] += 1.0;
            let views: Vec<&[f32]> = inputs.iter().map(|values| &values[..]).collect();
            let stepped = output::<Reference>(op, samples, &views, y_len);
            inputs[input][i] -= 1.0;
            let changes = stepped.iter().zip(&start).map(|(a, b)| f64::from(*a) - f64::from(*b));
            changes.zip(&d_y).map(|(change, &d_y)| change * f64::from(d_y)).sum::<f64>() as f32
        })
        .collect();
    let tolerance = 1e-6 * (y_len as f32).sqrt() * 4.0;
    assert_close(&found, &expected, tolerance, op.name());
}

/// What an op makes of its inputs, if the fast kernels of every instruction set agree with the
/// plain loops.
#[track_caller]
pub(crate) fn agreed(
    op: impl Into<Op>,
    samples: usize,
    inputs: &[&[f32]],
    start: &[f32],
    tolerance: f32,
) -> Vec<f32> {
    let op = op.into();
    let expected = output_onto::<super::Reference>(op, samples, inputs, start);
    for level in Level::available() {
        let run = || output_onto::<super::Cpu>(op, samples, inputs, start);
        let found = with_level(level, run).expect("the level is available");
        assert_close(&found, &expected, tolerance, &format!("{op:?} on {level:?}"));
    }
    expected
}

/// Checks a gradient, as the plain loops have it, against differences of `⟨d_y, f(v)⟩` along each
/// element of input `input`; four points, so that the truncation error falls with the fourth power
/// of the step.
#[track_caller]
pub(crate) fn assert_gradient(
    op: impl Into<Op>,
    samples: usize,
    inputs: &[&[f32]],
    input: usize,
    d_y: &[f32],
    found: &[f32],
) {
    const STEP: f32 = 1.0 / 32.0;
    /// Rounding of a sum of a few dozen outputs, over the step.
    const TOLERANCE: f32 = 3e-4;
    let op = op.into();
    let mut moved = inputs[input].to_vec();
    let mut dot_at = |i: usize, steps: f32| {
        let before = moved[i];
        moved[i] += steps * STEP;
        let mut inputs = inputs.to_vec();
        inputs[input] = &moved;
        let y = output::<super::Reference>(op, samples, &inputs, d_y.len());
        moved[i] = before;
        y.iter().zip(d_y).map(|(y, d_y)| f64::from(*y) * f64::from(*d_y)).sum::<f64>()
    };
    let mut difference = |i: usize| {
        let near = dot_at(i, 1.0) - dot_at(i, -1.0);
        let far = dot_at(i, 2.0) - dot_at(i, -2.0);
        ((8.0 * near - far) / (12.0 * f64::from(STEP))) as f32
    };
    let expected: Vec<f32> = (0..inputs[input].len()).map(&mut difference).collect();
    assert_close(found, &expected, TOLERANCE, op.name());
}
