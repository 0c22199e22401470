//! Pooling over height and width, channel by channel, and its gradients.
//!
//! Padding never counts: it is minus infinity to a maximum and absent from a mean. A window that holds NaN gives NaN.

use keras_graph::op;

use super::window::{input_cells, output_cells, taps};
use super::{Call, Cpu, Reference};

/// The larger of two numbers, NaN if either is NaN.
fn max(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

impl Reference {
    pub(crate) fn max_pool2d(op: &op::MaxPool2D, call: Call<'_>) {
        let op::MaxPool2D { rows, columns, channels } = *op;
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let [x] = call.inputs();
        assert_eq!(x.len(), call.samples * x_cells * channels);
        assert_eq!(call.output.len(), call.samples * y_cells * channels);
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
        assert_eq!(x.len(), call.samples * x_cells * channels);
        assert_eq!(y.len(), call.samples * y_cells * channels);
        assert_eq!((d_y.len(), call.output.len()), (y.len(), x.len()));
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
        assert_eq!(x.len(), call.samples * x_cells * channels);
        assert_eq!(call.output.len(), call.samples * y_cells * channels);
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
        assert_eq!(d_y.len(), call.samples * y_cells * channels);
        assert_eq!(call.output.len(), call.samples * x_cells * channels);
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

impl Cpu {
    pub(crate) fn max_pool2d(op: &op::MaxPool2D, call: Call<'_>) {
        Reference::max_pool2d(op, call);
    }

    pub(crate) fn max_pool2d_grad(op: &op::MaxPool2DGrad, call: Call<'_>) {
        Reference::max_pool2d_grad(op, call);
    }

    pub(crate) fn average_pool2d(op: &op::AveragePool2D, call: Call<'_>) {
        Reference::average_pool2d(op, call);
    }

    pub(crate) fn average_pool2d_grad(op: &op::AveragePool2DGrad, call: Call<'_>) {
        Reference::average_pool2d_grad(op, call);
    }
}

#[cfg(test)]
mod tests {
    use keras_graph::op::{AveragePool2D, AveragePool2DGrad, MaxPool2D, MaxPool2DGrad, Window};

    use crate::kernels::Reference;
    use crate::kernels::check::{assert_adjoint, output};

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
}
