//! Convolutions over height and width, channels last, and their gradients.
//!
//! The kernel is `[kh, kw, channels / groups, filters]`. Group `g` reads channels `g · channels / groups..` and makes filters
//! `g · filters / groups..`. The gradient by `x` is the transposed convolution, where the input may hold cells that no
//! window reads: they get 0.

use keras_graph::op;

use super::activate::activate;
use super::window::{cell, input_cells, kernel_cells, output_cells, taps};
use super::{Call, Cpu, Reference};

impl Reference {
    pub(crate) fn conv2d(op: &op::Conv2D, call: Call<'_>) {
        let op::Conv2D { rows, columns, channels, filters, groups, bias, f } = *op;
        let (group_channels, group_filters) = (channels / groups, filters / groups);
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let (x, kernel) = (call.inputs[0], call.inputs[1]);
        assert_eq!(call.inputs.len(), 2 + usize::from(bias));
        assert_eq!(x.len(), call.samples * x_cells * channels);
        assert_eq!(kernel.len(), kernel_cells(&rows, &columns) * group_channels * filters);
        assert_eq!(call.output.len(), call.samples * y_cells * filters);
        for s in 0..call.samples {
            for y_cell in 0..y_cells {
                for o in 0..filters {
                    let first_channel = o / group_filters * group_channels;
                    let mut sum = if bias { f64::from(call.inputs[2][o]) } else { 0.0 };
                    for (tap, x_cell) in taps(&rows, &columns, y_cell) {
                        let x = &x[(s * x_cells + x_cell) * channels + first_channel..];
                        for c in 0..group_channels {
                            let weight = kernel[(tap * group_channels + c) * filters + o];
                            sum += f64::from(x[c]) * f64::from(weight);
                        }
                    }
                    call.output[(s * y_cells + y_cell) * filters + o] = sum as f32;
                }
            }
        }
        activate(f, call.output);
    }

    pub(crate) fn conv2d_grad_x(op: &op::Conv2DGradX, call: Call<'_>) {
        let op::Conv2DGradX { rows, columns, channels, filters, groups } = *op;
        let (group_channels, group_filters) = (channels / groups, filters / groups);
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let [d_y, kernel] = call.inputs();
        assert_eq!(d_y.len(), call.samples * y_cells * filters);
        assert_eq!(kernel.len(), kernel_cells(&rows, &columns) * group_channels * filters);
        assert_eq!(call.output.len(), call.samples * x_cells * channels);
        call.output.fill(0.0);
        for s in 0..call.samples {
            for y_cell in 0..y_cells {
                for (tap, x_cell) in taps(&rows, &columns, y_cell) {
                    for c in 0..channels {
                        let (group, c_in_group) = (c / group_channels, c % group_channels);
                        let first_filter = group * group_filters;
                        let d_y = &d_y[(s * y_cells + y_cell) * filters + first_filter..];
                        let weights = (tap * group_channels + c_in_group) * filters + first_filter;
                        let products = (0..group_filters)
                            .map(|o| f64::from(d_y[o]) * f64::from(kernel[weights + o]));
                        call.output[(s * x_cells + x_cell) * channels + c] +=
                            products.sum::<f64>() as f32;
                    }
                }
            }
        }
    }

    pub(crate) fn conv2d_grad_w(op: &op::Conv2DGradW, call: Call<'_>) {
        let op::Conv2DGradW { rows, columns, channels, filters, groups } = *op;
        let (group_channels, group_filters) = (channels / groups, filters / groups);
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let [x, d_y] = call.inputs();
        assert_eq!(x.len(), call.samples * x_cells * channels);
        assert_eq!(d_y.len(), call.samples * y_cells * filters);
        assert_eq!(call.output.len(), kernel_cells(&rows, &columns) * group_channels * filters);
        for (i, d_weight) in call.output.iter_mut().enumerate() {
            let (o, c, tap) =
                (i % filters, i / filters % group_channels, i / filters / group_channels);
            let c = o / group_filters * group_channels + c;
            let mut sum = 0.0;
            for s in 0..call.samples {
                for y_cell in 0..y_cells {
                    let row = cell(&rows, y_cell / columns.output, tap / columns.kernel);
                    let column = cell(&columns, y_cell % columns.output, tap % columns.kernel);
                    if let (Some(row), Some(column)) = (row, column) {
                        let x = x[(s * x_cells + row * columns.input + column) * channels + c];
                        sum += f64::from(x) * f64::from(d_y[(s * y_cells + y_cell) * filters + o]);
                    }
                }
            }
            *d_weight += sum as f32;
        }
    }
}

impl Cpu {
    pub(crate) fn conv2d(op: &op::Conv2D, call: Call<'_>) {
        Reference::conv2d(op, call);
    }

    pub(crate) fn conv2d_grad_x(op: &op::Conv2DGradX, call: Call<'_>) {
        Reference::conv2d_grad_x(op, call);
    }

    pub(crate) fn conv2d_grad_w(op: &op::Conv2DGradW, call: Call<'_>) {
        Reference::conv2d_grad_w(op, call);
    }
}

#[cfg(test)]
mod tests {
    use keras_graph::activation::Activation;
    use keras_graph::op::{Conv2D, Conv2DGradW, Conv2DGradX, Window};

    use crate::kernels::Reference;
    use crate::kernels::check::{assert_adjoint, output};

    #[test]
    fn convolution_by_hand() {
        // One row of two channels, window of 2 with stride 2 and one cell of padding in front.
        let rows = Window { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };
        let columns = Window { input: 3, output: 2, kernel: 2, stride: 2, dilation: 1, pad: 1 };
        let op = Conv2D {
            rows,
            columns,
            channels: 2,
            filters: 1,
            groups: 1,
            bias: true,
            f: Activation::Linear,
        };
        let x = [1.0, 2.0, 3.0, -4.0, 5.0, 6.0];
        let kernel = [10.0, 100.0, -1.0, 0.5];
        let y = output::<Reference>(op, 1, &[&x, &kernel, &[7.0]], 2);
        assert_eq!(y, [7.0 - 1.0 + 1.0, 7.0 + 30.0 - 400.0 - 5.0 + 3.0]);
    }

    #[test]
    fn cells_that_no_window_reads_have_gradient_zero() {
        let rows = Window { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };
        let columns = Window { input: 8, output: 3, kernel: 1, stride: 3, dilation: 1, pad: 0 };
        let op = Conv2DGradX { rows, columns, channels: 1, filters: 1, groups: 1 };
        let d_x = output::<Reference>(op, 1, &[&[1.0, 2.0, 3.0], &[-2.0]], 8);
        assert_eq!(d_x, [-2.0, 0.0, 0.0, -4.0, 0.0, 0.0, -6.0, 0.0]);
    }

    #[test]
    fn gradients_are_adjoint_to_the_convolution() {
        let rows = Window { input: 5, output: 3, kernel: 3, stride: 2, dilation: 1, pad: 1 };
        let columns = Window { input: 6, output: 4, kernel: 2, stride: 1, dilation: 3, pad: 1 };
        for (channels, filters, groups) in [(2, 3, 1), (4, 6, 2)] {
            let (bias, f, samples) = (false, Activation::Linear, 2);
            let op = Conv2D { rows, columns, channels, filters, groups, bias, f };
            let lens = [samples * 30 * channels, 6 * channels / groups * filters];
            let y_len = samples * 12 * filters;
            let by_x = Conv2DGradX { rows, columns, channels, filters, groups };
            assert_adjoint(op, by_x, |x, d_y| vec![d_y, x[1]], 0, &lens, y_len, samples);
            let by_w = Conv2DGradW { rows, columns, channels, filters, groups };
            assert_adjoint(op, by_w, |x, d_y| vec![x[0], d_y], 1, &lens, y_len, samples);
        }
    }
}
