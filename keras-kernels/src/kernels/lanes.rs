//! Sums and maxima of a slice, in a fixed number of lanes, so that they vectorise and give the same
//! bits everywhere.
//!
//! Lanes are joined by halves; chunks of [`CHUNK`] elements are added up in `f64`, so that long
//! sums stay accurate.

/// Partial results side by side: one register of the widest instruction set.
const LANES: usize = 16;
/// Elements summed in `f32` before they join the `f64` total.
const CHUNK: usize = 4096;

/// `Σ f(x[i])`.
#[inline(always)]
pub(super) fn sum_of(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let chunk = |x: &[f32]| {
        let mut lanes = [0.0; LANES];
        let mut chunks = x.chunks_exact(LANES);
        for x in &mut chunks {
            for (lane, x) in lanes.iter_mut().zip(x) {
                *lane += f(*x);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
            *lane += f(*x);
        }
        f64::from(join(lanes, |a, b| a + b))
    };
    x.chunks(CHUNK).map(chunk).sum::<f64>() as f32
}

/// `Σ f(x[i], y[i])`. Panics if the lengths differ.
#[inline(always)]
pub(super) fn sum_of_pairs(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    assert_eq!(x.len(), y.len(), "pairs come from equal lengths");
    let chunk = |(x, y): (&[f32], &[f32])| {
        let mut lanes = [0.0; LANES];
        let (mut xs, mut ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
        for (x, y) in (&mut xs).zip(&mut ys) {
            for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
                *lane += f(*x, *y);
            }
        }
        for ((lane, x), y) in lanes.iter_mut().zip(xs.remainder()).zip(ys.remainder()) {
            *lane += f(*x, *y);
        }
        f64::from(join(lanes, |a, b| a + b))
    };
    x.chunks(CHUNK).zip(y.chunks(CHUNK)).map(chunk).sum::<f64>() as f32
}

/// `Σ x[i]`.
#[inline(always)]
pub(super) fn sum(x: &[f32]) -> f32 {
    sum_of(x, |x| x)
}

/// The largest element; minus infinity if there is none. NaN is passed over.
#[inline(always)]
pub(super) fn max(x: &[f32]) -> f32 {
    fold(x, f32::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

/// What is left of `start` and all elements, two of which `f` makes one, in any order; `start` may
/// count more than once.
#[inline(always)]
pub(super) fn fold(x: &[f32], start: f32, f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let mut chunks = x.chunks_exact(LANES);
    for x in &mut chunks {
        for (lane, x) in lanes.iter_mut().zip(x) {
            *lane = f(*lane, *x);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = f(*lane, *x);
    }
    join(lanes, f)
}

/// Joins the lanes by halves.
#[inline(always)]
fn join(mut lanes: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] = f(lanes[lane], lanes[lane + width]);
        }
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_maxima_at_any_length() {
        for len in [0, 1, 15, 16, 17, 31, 97, CHUNK - 1, CHUNK + 5, 3 * CHUNK + 1] {
            let x: Vec<f32> = (0..len).map(|i| ((i * 37) % 101) as f32 - 50.0).collect();
            let y: Vec<f32> = (0..len).map(|i| ((i * 53) % 97) as f32 - 48.0).collect();
            assert_eq!(sum(&x), x.iter().sum::<f32>());
            let dot: f64 = x.iter().zip(&y).map(|(x, y)| f64::from(x * y)).sum();
            assert_eq!(sum_of_pairs(&x, &y, |x, y| x * y), dot as f32);
            assert_eq!(max(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
