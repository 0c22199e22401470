//! Depthwise convolutions: each channel has its own `multiplier` kernels, `[kh, kw, channels, multiplier]`.

use keras_graph::op;

use super::activate::activate;
use super::window::{cell, input_cells, kernel_cells, output_cells, taps};
use super::{Call, Cpu, Reference};

impl Reference {
    pub(crate) fn depthwise2d(op: &op::Depthwise2D, call: Call<'_>) {
        let op::Depthwise2D { rows, columns, channels, multiplier, bias, f } = *op;
        let filters = channels * multiplier;
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let (x, kernel) = (call.inputs[0], call.inputs[1]);
        assert_eq!(call.inputs.len(), 2 + usize::from(bias));
        assert_eq!(x.len(), call.samples * x_cells * channels);
        assert_eq!(kernel.len(), kernel_cells(&rows, &columns) * filters);
        assert_eq!(call.output.len(), call.samples * y_cells * filters);
        for s in 0..call.samples {
            for y_cell in 0..y_cells {
                for o in 0..filters {
                    let start = if bias { f64::from(call.inputs[2][o]) } else { 0.0 };
                    let products = taps(&rows, &columns, y_cell).map(|(tap, x_cell)| {
                        let x = x[(s * x_cells + x_cell) * channels + o / multiplier];
                        f64::from(x) * f64::from(kernel[tap * filters + o])
                    });
                    call.output[(s * y_cells + y_cell) * filters + o] =
                        (start + products.sum::<f64>()) as f32;
                }
            }
        }
        activate(f, call.output);
    }

    pub(crate) fn depthwise2d_grad_x(op: &op::Depthwise2DGradX, call: Call<'_>) {
        let op::Depthwise2DGradX { rows, columns, channels, multiplier } = *op;
        let filters = channels * multiplier;
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let [d_y, kernel] = call.inputs();
        assert_eq!(d_y.len(), call.samples * y_cells * filters);
        assert_eq!(kernel.len(), kernel_cells(&rows, &columns) * filters);
        assert_eq!(call.output.len(), call.samples * x_cells * channels);
        call.output.fill(0.0);
        for s in 0..call.samples {
            for y_cell in 0..y_cells {
                for (tap, x_cell) in taps(&rows, &columns, y_cell) {
                    for o in 0..filters {
                        call.output[(s * x_cells + x_cell) * channels + o / multiplier] +=
                            d_y[(s * y_cells + y_cell) * filters + o] * kernel[tap * filters + o];
                    }
                }
            }
        }
    }

    pub(crate) fn depthwise2d_grad_w(op: &op::Depthwise2DGradW, call: Call<'_>) {
        let op::Depthwise2DGradW { rows, columns, channels, multiplier } = *op;
        let filters = channels * multiplier;
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let [x, d_y] = call.inputs();
        assert_eq!(x.len(), call.samples * x_cells * channels);
        assert_eq!(d_y.len(), call.samples * y_cells * filters);
        assert_eq!(call.output.len(), kernel_cells(&rows, &columns) * filters);
        for (i, d_weight) in call.output.iter_mut().enumerate() {
            let (o, tap) = (i % filters, i / filters);
            let mut sum = 0.0;
            for s in 0..call.samples {
                for y_cell in 0..y_cells {
                    let row = cell(&rows, y_cell / columns.output, tap / columns.kernel);
                    let column = cell(&columns, y_cell % columns.output, tap % columns.kernel);
                    if let (Some(row), Some(column)) = (row, column) {
                        let x_cell = s * x_cells + row * columns.input + column;
                        let x = x[x_cell * channels + o / multiplier];
                        sum += f64::from(x) * f64::from(d_y[(s * y_cells + y_cell) * filters + o]);
                    }
                }
            }
            *d_weight += sum as f32;
        }
    }
}

impl Cpu {
    pub(crate) fn depthwise2d(op: &op::Depthwise2D, call: Call<'_>) {
        Reference::depthwise2d(op, call);
    }

    pub(crate) fn depthwise2d_grad_x(op: &op::Depthwise2DGradX, call: Call<'_>) {
        Reference::depthwise2d_grad_x(op, call);
    }

    pub(crate) fn depthwise2d_grad_w(op: &op::Depthwise2DGradW, call: Call<'_>) {
        Reference::depthwise2d_grad_w(op, call);
    }
}

#[cfg(test)]
mod tests {
    use keras_graph::activation::Activation;
    use keras_graph::op::{Depthwise2D, Depthwise2DGradW, Depthwise2DGradX, Window};

    use crate::kernels::Reference;
    use crate::kernels::check::{assert_adjoint, output};

    #[test]
    fn convolution_by_hand() {
        let rows = Window { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };
        let columns = Window { input: 2, output: 2, kernel: 2, stride: 1, dilation: 1, pad: 0 };
        let (channels, multiplier, bias) = (2, 2, true);
        let f = Activation::Linear;
        let op = Depthwise2D { rows, columns, channels, multiplier, bias, f };
        let x = [1.0, 2.0, 3.0, -4.0];
        let kernel = [1.0, 10.0, 100.0, -1.0, 2.0, 20.0, 0.5, 5.0];
        // The second window's last cell is padding behind.
        let y = output::<Reference>(op, 1, &[&x, &kernel, &[0.0, 1.0, 2.0, 3.0]], 8);
        assert_eq!(y, [7.0, 71.0, 200.0, -19.0, 3.0, 31.0, -398.0, 7.0]);
    }

    #[test]
    fn gradients_are_adjoint_to_the_convolution() {
        let rows = Window { input: 5, output: 3, kernel: 3, stride: 2, dilation: 1, pad: 1 };
        let columns = Window { input: 6, output: 4, kernel: 2, stride: 1, dilation: 3, pad: 1 };
        let (channels, multiplier, samples) = (3, 2, 2);
        let (bias, f) = (false, Activation::Linear);
        let op = Depthwise2D { rows, columns, channels, multiplier, bias, f };
        let lens = [samples * 30 * channels, 6 * channels * multiplier];
        let y_len = samples * 12 * channels * multiplier;
        let by_x = Depthwise2DGradX { rows, columns, channels, multiplier };
        assert_adjoint(op, by_x, |x, d_y| vec![d_y, x[1]], 0, &lens, y_len, samples);
        let by_w = Depthwise2DGradW { rows, columns, channels, multiplier };
        assert_adjoint(op, by_w, |x, d_y| vec![x[0], d_y], 1, &lens, y_len, samples);
    }
}
