//! Convolutions over height and width, channels last, and their gradients.
//!
//! The kernel is `[kh, kw, channels / groups, filters]`. Group `g` reads channels
//! `g · channels / groups..` and makes filters `g · filters / groups..`. The gradient by `x` is the
//! transposed convolution, where the input may hold cells that no window reads: they get 0.

mod band;
mod convolution;
mod cpu;
mod grad_w;
mod grad_x;
mod narrow;
mod output_rows;
mod pairs;
#[cfg(test)]
mod tests;
mod three_columns;
mod two_sums;
mod windows;
pub(super) mod winograd;

use alloc::vec;

use keras_ir::algorithm::Algorithm;
use keras_ir::ops as op;
use keras_target::cost::POOLED;

use super::activate::activate;
use super::fold::Inputs;
use super::window::{cell, input_cells, output_cells, taps};
use super::{Call, Reference};

impl Reference {
    pub(crate) fn conv2d(op: &op::Conv2D, call: Call<'_>) {
        let op::Conv2D { rows, columns, channels, filters, groups, bias, norm, f, .. } = *op;
        let (group_channels, group_filters) = (channels / groups, filters / groups);
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let (x, kernel) = (call.inputs[0], call.inputs[1]);
        let inputs = Inputs::new(&call.inputs[2..], bias, norm);
        for s in 0..call.samples {
            for y_cell in 0..y_cells {
                for o in 0..filters {
                    let first_channel = o / group_filters * group_channels;
                    let mut sum = 0.0;
                    for (tap, x_cell) in taps(&rows, &columns, y_cell) {
                        let x = &x[(s * x_cells + x_cell) * channels + first_channel..];
                        for c in 0..group_channels {
                            let weight = kernel[(tap * group_channels + c) * filters + o];
                            sum += f64::from(x[c]) * f64::from(weight);
                        }
                    }
                    let place = (s * y_cells + y_cell) * filters + o;
                    call.output[place] = inputs.number(sum, o, place) as f32;
                }
            }
        }
        activate(f, call.output);
    }

    pub(crate) fn conv_pool2d(op: &op::ConvPool2D, call: Call<'_>) {
        let op::Conv2D { rows, columns, filters, .. } = op.conv;
        let mut y = vec![0.0; call.samples * output_cells(&rows, &columns) * filters];
        let (samples, inputs, prepared, run) = (call.samples, call.inputs, call.prepared, call.run);
        let (algorithm, output, workspace) = (call.algorithm, &mut y[..], call.workspace);
        let conv = Call { algorithm, samples, inputs, output, workspace, prepared, run };
        Reference::conv2d(&op.conv, conv);
        let pooled = |window: op::Window| op::Window {
            input: window.output,
            output: window.output / POOLED,
            kernel: POOLED,
            stride: POOLED,
            dilation: 1,
            pad: 0,
        };
        let (rows, columns, channels) = (pooled(rows), pooled(columns), filters);
        let (algorithm, prepared) = (Algorithm::General, &[]);
        let (inputs, output, workspace) = (&[&y[..]], call.output, &mut []);
        let pool = Call { algorithm, samples, inputs, output, workspace, prepared, run };
        Reference::max_pool2d(&op::MaxPool2D { rows, columns, channels }, pool);
    }

    pub(crate) fn conv2d_grad_x(op: &op::Conv2DGradX, call: Call<'_>) {
        let op::Conv2DGradX { rows, columns, channels, filters, groups } = *op;
        let (group_channels, group_filters) = (channels / groups, filters / groups);
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let [d_y, kernel] = call.inputs();
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
