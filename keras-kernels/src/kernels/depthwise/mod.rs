//! Depthwise convolutions: each channel has its own `multiplier` kernels,
//! `[kh, kw, channels, multiplier]`.
//!
//! With one kernel for each channel, as nearly all have it, the work is in `cpu.rs`; more are plain
//! loops.

mod cpu;
mod image;
mod line;
#[cfg(test)]
mod tests;
mod three;
mod three_grad_w;
mod two_rows;

use keras_ir::ops as op;

use super::activate::activate;
use super::epilogue::{Clip, Epilogue};
use super::fold::Inputs;
use super::window::{cell, for_each_window, input_cells, output_cells, taps};
use super::{Call, Cpu, Reference};
use crate::simd::{Kernel, Simd, dispatch};

impl Reference {
    pub(crate) fn depthwise2d(op: &op::Depthwise2D, call: Call<'_>) {
        let op::Depthwise2D { rows, columns, channels, multiplier, bias, norm, f } = *op;
        let filters = channels * multiplier;
        let (x_cells, y_cells) = (input_cells(&rows, &columns), output_cells(&rows, &columns));
        let (x, kernel) = (call.inputs[0], call.inputs[1]);
        let inputs = Inputs::new(&call.inputs[2..], bias, norm);
        for s in 0..call.samples {
            for y_cell in 0..y_cells {
                for o in 0..filters {
                    let products = taps(&rows, &columns, y_cell).map(|(tap, x_cell)| {
                        let x = x[(s * x_cells + x_cell) * channels + o / multiplier];
                        f64::from(x) * f64::from(kernel[tap * filters + o])
                    });
                    let place = (s * y_cells + y_cell) * filters + o;
                    call.output[place] = inputs.number(products.sum(), o, place) as f32;
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

/// The loops of an op, as a kernel.
macro_rules! kernel {
    ($kernel:ident: $name:ident, $loops:ident) => {
        struct $kernel<'a>(&'a op::$name, Call<'a>);

        impl Kernel for $kernel<'_> {
            type Output = ();

            #[inline(always)]
            fn run<S: Simd>(self, simd: S) {
                $loops(simd, self.0, self.1);
            }
        }
    };
}
kernel!(GradX: Depthwise2DGradX, grad_x);
kernel!(GradW: Depthwise2DGradW, grad_w);

impl Cpu {
    pub(crate) fn depthwise2d(op: &op::Depthwise2D, call: Call<'_>) {
        let op::Depthwise2D { channels, multiplier, bias, norm, f, .. } = *op;
        let (filters, y) = (channels * multiplier, call.output);
        let (x, kernel) = (call.inputs[0], call.inputs[1]);
        let inputs = Inputs::new(&call.inputs[2..], bias, norm);
        let clip = Clip::of(f);
        let (bias, epilogue, _) =
            inputs.fold(filters, clip.unwrap_or(Clip::Nothing), call.workspace);
        dispatch(DepthwiseProduct { op, x, kernel, bias, epilogue, y: &mut *y });
        if clip.is_none() {
            activate(f, y);
        }
    }

    pub(crate) fn depthwise2d_grad_x(op: &op::Depthwise2DGradX, call: Call<'_>) {
        dispatch(GradX(op, call));
    }

    pub(crate) fn depthwise2d_grad_w(op: &op::Depthwise2DGradW, call: Call<'_>) {
        dispatch(GradW(op, call));
    }
}

/// The convolution, with no activation but a clip.
struct DepthwiseProduct<'a> {
    op: &'a op::Depthwise2D,
    x: &'a [f32],
    kernel: &'a [f32],
    bias: Option<&'a [f32]>,
    epilogue: Epilogue<'a>,
    y: &'a mut [f32],
}

impl Kernel for DepthwiseProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let DepthwiseProduct { op, x, kernel, bias, epilogue, y } = self;
        let op::Depthwise2D { rows, columns, channels, multiplier, .. } = *op;
        let filters = channels * multiplier;
        let x_len = input_cells(&rows, &columns) * channels;
        let y_len = output_cells(&rows, &columns) * filters;
        for (x, y) in x.chunks_exact(x_len).zip(y.chunks_exact_mut(y_len)) {
            if multiplier == 1 && image::fits(&rows, &columns) {
                three::forward(simd, [&rows, &columns], channels, [x, kernel], bias, epilogue, y);
                continue;
            }
            if multiplier == 1 {
                cpu::forward(simd, [&rows, &columns], channels, [x, kernel], bias, y);
            } else {
                forward_plain(op, [x, kernel], bias, y);
            }
            epilogue.apply(simd, filters, y);
        }
    }
}

/// The sums of a sample where channels have several kernels.
#[inline(always)]
fn forward_plain(
    op: &op::Depthwise2D,
    [x, kernel]: [&[f32]; 2],
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    let op::Depthwise2D { rows, columns, channels, multiplier, .. } = *op;
    let filters = channels * multiplier;
    for_each_window(&rows, &columns, |window| {
        let y = &mut y[window.y_cell * filters..][..filters];
        match bias {
            Some(bias) => y.copy_from_slice(bias),
            None => y.fill(0.0),
        }
        window.for_each(|tap, x_cell| {
            let x = &x[x_cell * channels..][..channels];
            for (o, y) in y.iter_mut().enumerate() {
                *y += x[o / multiplier] * kernel[tap * filters + o];
            }
        });
    });
}

#[inline(always)]
fn grad_x<S: Simd>(simd: S, op: &op::Depthwise2DGradX, call: Call<'_>) {
    let op::Depthwise2DGradX { rows, columns, channels, multiplier } = *op;
    let filters = channels * multiplier;
    let x_len = input_cells(&rows, &columns) * channels;
    let y_len = output_cells(&rows, &columns) * filters;
    let [d_y, kernel] = call.inputs();
    for (d_x, d_y) in call.output.chunks_exact_mut(x_len).zip(d_y.chunks_exact(y_len)) {
        if multiplier == 1 && image::fits(&rows, &columns) {
            three::grad_x(simd, [&rows, &columns], channels, [d_y, kernel], d_x);
            continue;
        }
        if multiplier == 1 {
            cpu::grad_x(simd, op, [d_y, kernel], d_x);
            continue;
        }
        d_x.fill(0.0);
        for_each_window(&rows, &columns, |window| {
            let d_y = &d_y[window.y_cell * filters..][..filters];
            window.for_each(|tap, x_cell| {
                let d_x = &mut d_x[x_cell * channels..][..channels];
                let kernel = &kernel[tap * filters..][..filters];
                for o in 0..filters {
                    d_x[o / multiplier] += d_y[o] * kernel[o];
                }
            });
        });
    }
}

#[inline(always)]
fn grad_w<S: Simd>(simd: S, op: &op::Depthwise2DGradW, call: Call<'_>) {
    let op::Depthwise2DGradW { rows, columns, channels, multiplier } = *op;
    let filters = channels * multiplier;
    let x_len = input_cells(&rows, &columns) * channels;
    let y_len = output_cells(&rows, &columns) * filters;
    let [x, d_y] = call.inputs();
    let d_w = call.output;
    for (x, d_y) in x.chunks_exact(x_len).zip(d_y.chunks_exact(y_len)) {
        if multiplier == 1 && image::fits(&rows, &columns) {
            three_grad_w::grad_w(simd, [&rows, &columns], channels, [x, d_y], d_w);
            continue;
        }
        if multiplier == 1 {
            cpu::grad_w(simd, [&rows, &columns], channels, [x, d_y], d_w);
            continue;
        }
        for_each_window(&rows, &columns, |window| {
            let d_y = &d_y[window.y_cell * filters..][..filters];
            window.for_each(|tap, x_cell| {
                let x = &x[x_cell * channels..][..channels];
                let d_w = &mut d_w[tap * filters..][..filters];
                for (o, d_w) in d_w.iter_mut().enumerate() {
                    *d_w += x[o / multiplier] * d_y[o];
                }
            });
        });
    }
}
