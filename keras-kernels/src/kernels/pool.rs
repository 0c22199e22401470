//! Pooling over height and width, channel by channel, and its gradients.
//!
//! Padding never counts: it is minus infinity to a maximum and absent from a mean. A window that
//! holds NaN gives NaN.

use keras_ir::ops as op;

use super::pool_pairs::Pairs;
use super::vectorized::vectorized;
use super::vectors::{for_each_vector, load, store};
use super::window::{for_each_window, input_cells, output_cells, taps};
use super::{Call, Reference};
use crate::simd::Simd;

/// The larger of two numbers, NaN if either is NaN.
#[inline(always)]
fn max(a: f32, b: f32) -> f32 {
    // `|` and not `||`: without a branch the compiler can vectorise.
    if (a > b) | a.is_nan() { a } else { b }
}

impl Reference {
    pub(crate) fn max_pool2d(op: &op::MaxPool2D, call: Call<'_>) {
        let op::MaxPool2D { rows, columns, channels } = *op;
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let [x] = call.inputs();
        for s in 0..call.samples {
            for y_cell in 0..y_cells {
                for c in 0..channels {
                    let cells = taps(&rows, &columns, y_cell)
                        .map(|(_, x_cell)| x[(s * x_cells + x_cell) * channels + c]);
                    call.output[(s * y_cells + y_cell) * channels + c] =
                        cells.fold(f32::NEG_INFINITY, max);
                }
            }
        }
    }

    pub(crate) fn max_pool2d_grad(op: &op::MaxPool2DGrad, call: Call<'_>) {
        let op::MaxPool2DGrad { rows, columns, channels } = *op;
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let [x, y, d_y] = call.inputs();
        call.output.fill(0.0);
        for s in 0..call.samples {
            for y_cell in 0..y_cells {
                for c in 0..channels {
                    let y_index = (s * y_cells + y_cell) * channels + c;
                    let first = taps(&rows, &columns, y_cell)
                        .map(|(_, x_cell)| (s * x_cells + x_cell) * channels + c)
                        .find(|&i| x[i] == y[y_index] || x[i].is_nan());
                    if let Some(first) = first {
                        call.output[first] += d_y[y_index];
                    }
                }
            }
        }
    }

    pub(crate) fn average_pool2d(op: &op::AveragePool2D, call: Call<'_>) {
        let op::AveragePool2D { rows, columns, channels } = *op;
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let [x] = call.inputs();
        for s in 0..call.samples {
            for y_cell in 0..y_cells {
                let count = taps(&rows, &columns, y_cell).count().max(1);
                for c in 0..channels {
                    let cells = taps(&rows, &columns, y_cell)
                        .map(|(_, x_cell)| f64::from(x[(s * x_cells + x_cell) * channels + c]));
                    call.output[(s * y_cells + y_cell) * channels + c] =
                        (cells.sum::<f64>() / count as f64) as f32;
                }
            }
        }
    }

    pub(crate) fn average_pool2d_grad(op: &op::AveragePool2DGrad, call: Call<'_>) {
        let op::AveragePool2DGrad { rows, columns, channels } = *op;
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let [d_y] = call.inputs();
        call.output.fill(0.0);
        for s in 0..call.samples {
            for y_cell in 0..y_cells {
                let share = 1.0 / taps(&rows, &columns, y_cell).count().max(1) as f32;
                for (_, x_cell) in taps(&rows, &columns, y_cell) {
                    for c in 0..channels {
                        call.output[(s * x_cells + x_cell) * channels + c] +=
                            d_y[(s * y_cells + y_cell) * channels + c] * share;
                    }
                }
            }
        }
    }
}

vectorized! {
    with simd:
    max_pool2d: MaxPool2D,
    max_pool2d_grad: MaxPool2DGrad,
    average_pool2d: AveragePool2D,
    average_pool2d_grad: AveragePool2DGrad,
}

#[inline(always)]
fn max_pool2d<S: Simd>(simd: S, op: &op::MaxPool2D, call: Call<'_>) {
    let op::MaxPool2D { rows, columns, channels } = *op;
    let x_len = input_cells(&rows, &columns) * channels;
    let y_len = output_cells(&rows, &columns) * channels;
    let [x] = call.inputs();
    let pairs = Pairs::of(&rows, &columns, channels);
    for (x, y) in x.chunks_exact(x_len).zip(call.output.chunks_exact_mut(y_len)) {
        if let Some(pairs) = pairs {
            pairs.largest(simd, x, y);
            continue;
        }
        for_each_window(&rows, &columns, |window| {
            let y = &mut y[window.y_cell * channels..][..channels];
            for_each_vector!(S, channels, |c, len| {
                let mut largest = simd.splat(f32::NEG_INFINITY);
                for row in window.rows() {
                    for x_cell in window.row(row) {
                        let x = load(simd, &x[x_cell * channels + c..], len);
                        largest = simd.maximum(largest, x);
                    }
                }
                store(simd, largest, &mut y[c..], len);
            });
        });
    }
}

#[inline(always)]
fn max_pool2d_grad<S: Simd>(simd: S, op: &op::MaxPool2DGrad, call: Call<'_>) {
    let op::MaxPool2DGrad { rows, columns, channels } = *op;
    let x_len = input_cells(&rows, &columns) * channels;
    let y_len = output_cells(&rows, &columns) * channels;
    let [x, y, d_y] = call.inputs();
    let zero = simd.splat(0.0);
    let pairs = Pairs::of(&rows, &columns, channels);
    for s in 0..call.samples {
        let (x, d_x) = (&x[s * x_len..][..x_len], &mut call.output[s * x_len..][..x_len]);
        if let Some(pairs) = pairs {
            let cells = s * y_len..(s + 1) * y_len;
            pairs.gradient(simd, [x, &y[cells.clone()], &d_y[cells]], d_x);
            continue;
        }
        d_x.fill(0.0);
        for_each_window(&rows, &columns, |window| {
            let begin = s * y_len + window.y_cell * channels;
            let (y, d_y) = (&y[begin..][..channels], &d_y[begin..][..channels]);
            for_each_vector!(S, channels, |c, len| {
                let y = load(simd, &y[c..], len);
                // What the first largest cell has taken is gone.
                let mut left = load(simd, &d_y[c..], len);
                for row in window.rows() {
                    for x_cell in window.row(row) {
                        let at = x_cell * channels + c;
                        let x = load(simd, &x[at..], len);
                        let d_x = &mut d_x[at..];
                        let taken = simd.where_equal(x, y, left, zero);
                        left = simd.where_equal(x, y, zero, left);
                        store(simd, simd.add(load(simd, d_x, len), taken), d_x, len);
                    }
                }
            });
        });
    }
}

#[inline(always)]
fn average_pool2d<S: Simd>(simd: S, op: &op::AveragePool2D, call: Call<'_>) {
    let op::AveragePool2D { rows, columns, channels } = *op;
    let x_len = input_cells(&rows, &columns) * channels;
    let y_len = output_cells(&rows, &columns) * channels;
    let [x] = call.inputs();
    for (x, y) in x.chunks_exact(x_len).zip(call.output.chunks_exact_mut(y_len)) {
        for_each_window(&rows, &columns, |window| {
            let y = &mut y[window.y_cell * channels..][..channels];
            let share = simd.splat(1.0 / window.count().max(1) as f32);
            for_each_vector!(S, channels, |c, len| {
                let mut sum = simd.splat(0.0);
                for row in window.rows() {
                    for x_cell in window.row(row) {
                        sum = simd.add(sum, load(simd, &x[x_cell * channels + c..], len));
                    }
                }
                store(simd, simd.mul(sum, share), &mut y[c..], len);
            });
        });
    }
}

#[inline(always)]
fn average_pool2d_grad<S: Simd>(simd: S, op: &op::AveragePool2DGrad, call: Call<'_>) {
    let op::AveragePool2DGrad { rows, columns, channels } = *op;
    let x_len = input_cells(&rows, &columns) * channels;
    let y_len = output_cells(&rows, &columns) * channels;
    let [d_y] = call.inputs();
    for (d_x, d_y) in call.output.chunks_exact_mut(x_len).zip(d_y.chunks_exact(y_len)) {
        d_x.fill(0.0);
        for_each_window(&rows, &columns, |window| {
            let d_y = &d_y[window.y_cell * channels..][..channels];
            let share = simd.splat(1.0 / window.count().max(1) as f32);
            for_each_vector!(S, channels, |c, len| {
                let shared = simd.mul(load(simd, &d_y[c..], len), share);
                for row in window.rows() {
                    for x_cell in window.row(row) {
                        let d_x = &mut d_x[x_cell * channels + c..];
                        store(simd, simd.add(load(simd, d_x, len), shared), d_x, len);
                    }
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use keras_ir::ops::{AveragePool2D, AveragePool2DGrad, MaxPool2D, MaxPool2DGrad, Window};

    use crate::kernels::check::{assert_adjoint, assert_as_reference, output, values};
    use crate::kernels::{Cpu, Reference};
    use crate::simd::{Level, with_level};

    const ONE: Window = Window { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };
    /// Windows overlap; the first and the last hold one cell of padding.
    const COLUMNS: Window =
        Window { input: 5, output: 3, kernel: 3, stride: 2, dilation: 1, pad: 1 };

    #[test]
    fn padding_never_wins() {
        let op = MaxPool2D { rows: ONE, columns: COLUMNS, channels: 2 };
        let x = [-1.0, 5.0, -2.0, f32::NAN, -3.0, 1.0, -3.0, 2.0, -4.0, f32::NEG_INFINITY];
        let y = output::<Reference>(op, 1, &[&x], 6);
        assert_eq!([y[0], y[2], y[4], y[5]], [-1.0, -2.0, -3.0, 2.0]);
        assert!(y[1].is_nan() && y[3].is_nan());
    }

    #[test]
    fn the_first_largest_cell_gets_the_gradient() {
        let op = MaxPool2DGrad { rows: ONE, columns: COLUMNS, channels: 1 };
        let (x, y) = ([-2.0, -2.0, 3.0, 3.0, 1.0], [-2.0, 3.0, 3.0]);
        let d_x = output::<Reference>(op, 1, &[&x, &y, &[1.0, 10.0, -100.0]], 5);
        assert_eq!(d_x, [1.0, 0.0, 10.0, -100.0, 0.0]);
    }

    #[test]
    fn padding_does_not_count_in_a_mean() {
        let op = AveragePool2D { rows: ONE, columns: COLUMNS, channels: 1 };
        let y = output::<Reference>(op, 1, &[&[1.0, -2.0, 4.0, 7.0, -9.0]], 3);
        assert_eq!(y, [-0.5, 3.0, -1.0]);
    }

    #[test]
    fn gradient_is_adjoint_to_the_mean() {
        let rows = Window { input: 4, output: 4, kernel: 2, stride: 1, dilation: 2, pad: 1 };
        let op = AveragePool2D { rows, columns: COLUMNS, channels: 3 };
        let gradient = AveragePool2DGrad { rows, columns: COLUMNS, channels: 3 };
        assert_adjoint(op, gradient, |_, d_y| vec![d_y], 0, &[120], 72, 2);
    }

    const HUGE: usize = 1 << 31;

    /// Same, valid, overlapping, dilated, windows that hold only padding, or mostly.
    const WINDOWS: [(Window, Window); 5] = [
        (
            Window { input: 6, output: 3, kernel: 2, stride: 2, dilation: 1, pad: 0 },
            Window { input: 9, output: 4, kernel: 2, stride: 2, dilation: 1, pad: 0 },
        ),
        (Window { input: 4, output: 4, kernel: 2, stride: 1, dilation: 2, pad: 1 }, COLUMNS),
        (
            Window { input: 7, output: 7, kernel: 3, stride: 1, dilation: 1, pad: 1 },
            Window { input: 5, output: 5, kernel: 3, stride: 1, dilation: 1, pad: 1 },
        ),
        (ONE, Window { input: 3, output: 4, kernel: 2, stride: 2, dilation: 1, pad: 3 }),
        (
            Window { input: 5, output: 1, kernel: HUGE, stride: HUGE, dilation: 1, pad: HUGE / 2 },
            Window { input: 3, output: 1, kernel: 2, stride: HUGE, dilation: 1, pad: 0 },
        ),
    ];

    #[test]
    fn pools_are_those_of_plain_loops() {
        for (rows, columns) in WINDOWS {
            for channels in [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 37] {
                let x_len = 2 * rows.input * columns.input * channels;
                let y_len = 2 * rows.output * columns.output * channels;
                let taps = rows.kernel.min(rows.input) * columns.kernel.min(columns.input);
                assert_as_reference(MaxPool2D { rows, columns, channels }, 2, &[x_len], y_len, 1);
                let op = AveragePool2D { rows, columns, channels };
                assert_as_reference(op, 2, &[x_len], y_len, taps);
                let op = AveragePool2DGrad { rows, columns, channels };
                assert_as_reference(op, 2, &[y_len], x_len, taps);
            }
        }
    }

    #[test]
    fn ties_go_to_the_first_cell_at_every_level() {
        for (rows, columns) in WINDOWS {
            for channels in [1, 5, 16, 19, 32] {
                let x_len = 2 * rows.input * columns.input * channels;
                let y_len = 2 * rows.output * columns.output * channels;
                // Few values, so that many are equal.
                let mut x: Vec<f32> = values(x_len, 1).iter().map(|x| (x * 2.0).round()).collect();
                x[x_len / 2] = f32::NAN;
                let pool = MaxPool2D { rows, columns, channels };
                let (y, d_y) = (output::<Reference>(pool, 2, &[&x], y_len), values(y_len, 2));
                let op = MaxPool2DGrad { rows, columns, channels };
                let expected = output::<Reference>(op, 2, &[&x, &y, &d_y], x_len);
                for level in Level::available() {
                    let found = with_level(level, || output::<Cpu>(op, 2, &[&x, &y, &d_y], x_len));
                    assert_eq!(found.expect("an available level"), expected, "{op:?} {level:?}");
                }
            }
        }
    }
}
