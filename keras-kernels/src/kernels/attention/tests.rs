use keras_ir::ops::{Attention, AttentionGrad};

use crate::kernels::check::{assert_close, output, values};
use crate::kernels::{Cpu, Reference};
use crate::simd::{Level, with_level};

const PLAIN: Attention = Attention {
    queries: 3,
    first: 0,
    keys: 5,
    heads: 2,
    group: 1,
    key_dim: 4,
    value_dim: 3,
    scale: 0.5,
    causal: false,
    window: None,
    masked: false,
    mask: [1; 3],
    even: true,
    rate: 0.0,
    key: 3,
    seed: None,
};

/// Heads, groups, extents around whole vectors and around the queries that are worked on together,
/// and everything that makes a key count or not.
fn ops() -> Vec<Attention> {
    let long = Attention { queries: 67, keys: 97, key_dim: 17, value_dim: 49, ..PLAIN };
    let square = Attention { queries: 50, keys: 50, key_dim: 16, value_dim: 16, ..PLAIN };
    vec![
        PLAIN,
        Attention { queries: 1, keys: 1, heads: 1, key_dim: 1, value_dim: 1, ..PLAIN },
        long,
        Attention { heads: 6, group: 3, ..long },
        Attention { heads: 4, group: 4, causal: true, ..long },
        Attention { causal: true, ..square },
        Attention { causal: true, window: Some(7), ..square },
        Attention { window: Some(1), ..square },
        // Queries that no key is near to.
        Attention { queries: 20, window: Some(2), ..PLAIN },
        Attention { queries: 20, window: Some(2), even: false, ..PLAIN },
        Attention { first: 4, causal: true, ..PLAIN },
        Attention { masked: true, mask: [1, 67, 97], ..long },
        Attention { masked: true, mask: [2, 67, 97], even: false, ..long },
        Attention { masked: true, mask: [1, 1, 97], causal: true, ..long },
        Attention { masked: true, mask: [2, 67, 1], ..long },
        Attention { masked: true, mask: [2, 67, 1], even: false, ..long },
        Attention { rate: 0.3, even: false, ..long },
        Attention {
            rate: 0.5,
            even: false,
            causal: true,
            masked: true,
            mask: [1, 1, 50],
            ..square
        },
    ]
}

const SAMPLES: usize = 2;

/// What an op reads: a mask has rows without any key, and `d_y` comes last.
fn inputs(op: &Attention) -> Vec<Vec<f32>> {
    let mut lens = op.gradient_lens().to_vec();
    lens.push(op.queries * op.heads * op.value_dim);
    let random = |(i, len): (usize, &usize)| values(SAMPLES * len, i as u64 + 1);
    let mut inputs: Vec<Vec<f32>> = lens.iter().enumerate().map(random).collect();
    if op.masked {
        let [heads, queries, keys] = op.mask;
        let rows = 0..SAMPLES * heads * queries;
        let cell = |row: usize, key: usize| row % 5 != 2 && !(row + key).is_multiple_of(3);
        let truths = rows.flat_map(|row| (0..keys).map(move |key| f32::from(cell(row, key))));
        inputs.insert(3, truths.collect());
    }
    inputs
}

fn forward<B: crate::kernels::Backend>(op: Attention, inputs: &[Vec<f32>]) -> Vec<f32> {
    let len = SAMPLES * op.queries * op.heads * op.value_dim;
    let inputs: Vec<&[f32]> =
        inputs[..3 + usize::from(op.masked)].iter().map(Vec::as_slice).collect();
    output::<B>(op, SAMPLES, &inputs, len)
}

fn gradient<B: crate::kernels::Backend>(op: Attention, inputs: &[Vec<f32>]) -> Vec<f32> {
    let len = SAMPLES * op.gradient_lens().iter().sum::<usize>();
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    output::<B>(AttentionGrad { of: op }, SAMPLES, &inputs, len)
}

/// Relative error of a sum of so many products.
fn tolerance(terms: usize) -> f32 {
    4.0 * f32::EPSILON * (terms as f32 + 4.0)
}

#[test]
fn fast_is_plain() {
    for op in ops() {
        let inputs = inputs(&op);
        let expected = forward::<Reference>(op, &inputs);
        let expected_gradient = gradient::<Reference>(op, &inputs);
        for level in Level::available() {
            let found = with_level(level, || forward::<Cpu>(op, &inputs)).expect("it is available");
            let what = format!("{op:?} at {level:?}");
            assert_close(&found, &expected, tolerance(op.keys + op.key_dim), &what);
            let found =
                with_level(level, || gradient::<Cpu>(op, &inputs)).expect("it is available");
            let terms = op.keys + op.queries * op.group + op.key_dim + op.value_dim;
            assert_close(&found, &expected_gradient, tolerance(terms), &format!("d {what}"));
        }
    }
}

#[test]
fn one_query_by_hand() {
    // Scores 0 and ln 3, so shares of 1/4 and 3/4.
    let op = Attention { queries: 1, keys: 2, heads: 1, key_dim: 1, value_dim: 2, ..PLAIN };
    let op = Attention { scale: 1.0, ..op };
    let inputs = [vec![1.0], vec![0.0, 3f32.ln()], vec![4.0, 8.0, 12.0, -8.0]];
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    for found in [output::<Reference>(op, 1, &inputs, 2), output::<Cpu>(op, 1, &inputs, 2)] {
        assert_close(&found, &[10.0, -4.0], 1e-6, "by hand");
    }
}

/// Differences of `Σ y · upstream` in the direction of each input, against the gradient.
#[test]
fn gradients_are_those_of_differences() {
    const WIDTH: f32 = 1.0 / 64.0;
    for op in ops().into_iter().filter(|op| op.rate == 0.0) {
        let inputs = inputs(&op);
        let d_y = inputs.last().expect("d_y comes last").clone();
        let gradient = gradient::<Reference>(op, &inputs);
        let lens = op.gradient_lens();
        let loss = |inputs: &[Vec<f32>]| -> f64 {
            let y = forward::<Reference>(op, inputs);
            y.iter().zip(&d_y).map(|(y, d)| f64::from(*y) * f64::from(*d)).sum()
        };
        for (input, &len) in lens.iter().enumerate() {
            let direction = values(SAMPLES * len, 77);
            let moved = |by: f32| {
                let mut inputs = inputs.clone();
                inputs[input].iter_mut().zip(&direction).for_each(|(x, d)| *x += by * d);
                loss(&inputs)
            };
            let difference = (moved(WIDTH) - moved(-WIDTH)) / f64::from(2.0 * WIDTH);
            let begin = lens[..input].iter().sum::<usize>();
            let of_sample = |sample: usize| &gradient[sample * lens.iter().sum::<usize>()..];
            let along: f64 = (0..SAMPLES)
                .flat_map(|sample| {
                    of_sample(sample)[begin..][..len].iter().zip(&direction[sample * len..])
                })
                .map(|(g, d)| f64::from(*g) * f64::from(*d))
                .sum();
            let error = (difference - along).abs();
            assert!(error <= 2e-3 * along.abs().max(1.0), "{op:?}: {input}: {difference} {along}");
        }
    }
}

#[test]
fn what_a_query_sees_of_nan_reaches_it() {
    for op in [PLAIN, Attention { causal: true, queries: 50, keys: 50, ..PLAIN }] {
        let mut inputs = inputs(&op);
        inputs[1][0] = f32::NAN;
        for y in [forward::<Reference>(op, &inputs), forward::<Cpu>(op, &inputs)] {
            // The first head of the first sample.
            let rows = y.chunks(op.value_dim).step_by(op.heads).take(op.queries);
            assert!(rows.flatten().all(|y| y.is_nan()));
            assert!(
                y.chunks(op.value_dim).skip(1).step_by(op.heads).flatten().all(|y| y.is_finite())
            );
        }
    }
}

/// A query does not depend on those that are computed with it.
#[test]
fn a_part_of_the_queries_is_computed_as_with_the_others() {
    let op = Attention { queries: 50, keys: 50, causal: true, window: Some(9), ..PLAIN };
    let inputs = inputs(&op);
    let all = forward::<Cpu>(op, &inputs);
    let (begin, count) = (13, 20);
    let part = Attention { queries: count, first: begin, ..op };
    let (q_row, y_row) = (op.heads * op.key_dim, op.heads * op.value_dim);
    let q = &inputs[0][begin * q_row..][..count * q_row];
    let lens = op.gradient_lens();
    let found =
        output::<Cpu>(part, 1, &[q, &inputs[1][..lens[1]], &inputs[2][..lens[2]]], count * y_row);
    assert_eq!(found, all[begin * y_row..][..count * y_row]);
}
