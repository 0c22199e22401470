//! Convolutions as products of register tiles, read in place.
//!
//! A tile's rows are neighbouring cells of an output row. Their windows overlap in memory, and so
//! do the rows of the left matrix: nothing is copied but padding (see [`band`](super::band)). With
//! one group and no dilation, a row of a window is one run.
//!
//! ```text
//! forward  y[i, j, :] = Σ over window rows a:  x[rows(i, a), columns(j, 0).., :] · kernel[a, ..]
//! by w     see `grad_w`: the same with the windows transposed
//! by x     see `grad_x`: the same with the kernel backwards and transposed
//! ```

use keras_ir::algorithm::Algorithm;
use keras_ir::ops as op;
use keras_target::cost::phase_lens;
use keras_target::winograd::Winograd;

use super::band::Geometry;
use super::convolution::Convolution;
use super::grad_w::GradW;
use super::grad_x::GradX;
use super::output_rows::OutputRows;
use super::two_sums::TwoSums;
use super::windows::Windows;
use super::{pairs, winograd};
use crate::kernels::activate::activate;
use crate::kernels::epilogue::{Clip, Epilogue};
use crate::kernels::fold::Inputs;
use crate::kernels::tile::Write;
use crate::kernels::{Call, Cpu, gemm};
use crate::simd::{Kernel, dispatch, dispatch_narrow};

/// Lanes of the narrower vectors, half of the widest's.
const NARROW_LANES: usize = 8;

/// Runs a product of so many columns with vectors of a width that they fill.
fn dispatch_for<K: Kernel>(columns: usize, product: K) -> K::Output {
    // One vector of sixteen lanes would be half empty, and so would the second of two. Measured on
    // Zen 4, whose units have eight.
    let vectors = columns.div_ceil(NARROW_LANES);
    if matches!(vectors, 1 | 3) { dispatch_narrow(product) } else { dispatch(product) }
}

/// A convolution; if it pools, of each two rows and two columns only the largest cell is written.
#[inline]
fn convolve(op: &op::Conv2D, algorithm: Algorithm, pools: bool, call: Call<'_>) {
    let sum: fn(Convolution<'_>) = match algorithm {
        Algorithm::General => by_windows,
        Algorithm::Product => by_product,
        Algorithm::TwoSums => by_two_sums,
        Algorithm::Rows => by_rows,
        Algorithm::Winograd => by_winograd,
        Algorithm::RoundedProduct => by_rounded_product,
        Algorithm::RoundedWindows => pairs::conv2d,
    };
    convolve_by(sum, op, pools, call);
}

/// A convolution whose sums a function makes.
fn convolve_by(sum: fn(Convolution<'_>), op: &op::Conv2D, pools: bool, call: Call<'_>) {
    let op::Conv2D { filters, bias, norm, f, .. } = *op;
    let (x, kernel) = (call.inputs[0], call.inputs[1]);
    let inputs = Inputs::new(&call.inputs[2..], bias, norm);
    let clip = Clip::of(f);
    let (bias, epilogue, scratch) =
        inputs.fold(filters, clip.unwrap_or(Clip::Nothing), call.workspace);
    let (y, prepared) = (&mut *call.output, call.prepared);
    sum(Convolution { op, pools, x, kernel, prepared, bias, epilogue, y, scratch });
    if clip.is_none() {
        activate(f, call.output);
    }
}

fn by_product(convolution: Convolution<'_>) {
    dispatch_for(convolution.op.filters, convolution.product());
}

fn by_rounded_product(convolution: Convolution<'_>) {
    gemm::pairs::forward(convolution.product());
}

fn by_two_sums(convolution: Convolution<'_>) {
    dispatch(TwoSums(convolution.product()));
}

fn by_winograd(convolution: Convolution<'_>) {
    let Convolution { op, pools, x, kernel, prepared, bias, epilogue, y, scratch } = convolution;
    let (shape, transposed) = (Winograd::conv2d(op), false);
    dispatch(winograd::Convolution {
        shape,
        x,
        kernel,
        transposed,
        pools,
        prepared,
        bias,
        epilogue,
        y,
        scratch,
    });
}

fn by_rows(convolution: Convolution<'_>) {
    let Convolution { op, pools, x, kernel, bias, epilogue, y, scratch, .. } = convolution;
    let geometry = Geometry::of(op);
    dispatch(OutputRows { geometry, x, kernel, bias, epilogue, pools, y, scratch });
}

fn by_windows(convolution: Convolution<'_>) {
    let Convolution { op, x, kernel, bias, epilogue, y, scratch, .. } = convolution;
    dispatch(Windows { geometry: Geometry::of(op), x, kernel, bias, epilogue, y, scratch });
}

// The methods are inlined, and what they choose from is not: where an algorithm is a constant, as
// in an emitted call, a program holds the kernels of that algorithm alone.
impl Cpu {
    #[inline]
    pub(crate) fn conv2d(op: &op::Conv2D, call: Call<'_>) {
        convolve(op, call.algorithm, false, call);
    }

    #[inline]
    pub(crate) fn conv_pool2d(op: &op::ConvPool2D, call: Call<'_>) {
        convolve(&op.conv, call.algorithm, true, call);
    }

    #[inline]
    pub(crate) fn conv2d_grad_x(op: &op::Conv2DGradX, call: Call<'_>) {
        let compute: fn(&op::Conv2DGradX, Call<'_>) = match call.algorithm {
            Algorithm::General | Algorithm::Rows => grad_x_by_windows,
            Algorithm::Product | Algorithm::TwoSums => grad_x_by_product,
            Algorithm::Winograd => grad_x_by_winograd,
            Algorithm::RoundedProduct => grad_x_by_rounded_product,
            Algorithm::RoundedWindows => pairs::conv2d_grad_x,
        };
        compute(op, call);
    }

    #[inline]
    pub(crate) fn conv2d_grad_w(op: &op::Conv2DGradW, call: Call<'_>) {
        let compute: fn(&op::Conv2DGradW, Call<'_>) = match call.algorithm {
            Algorithm::General | Algorithm::Rows => grad_w_by_windows,
            Algorithm::Product | Algorithm::TwoSums => grad_w_by_product,
            Algorithm::Winograd => grad_w_by_winograd,
            Algorithm::RoundedProduct => grad_w_by_rounded_product,
            Algorithm::RoundedWindows => pairs::conv2d_grad_w,
        };
        compute(op, call);
    }
}

/// A gradient by the input of a convolution of single cells as a product of matrices.
fn grad_x_product<'a>(op: &op::Conv2DGradX, call: Call<'a>) -> gemm::MatrixGradX<'a> {
    let [d_y, w] = call.inputs();
    let (d_x, scratch, prepared) = (call.output, call.workspace, call.prepared);
    let (rows, k, n) = (d_x.len() / op.channels, op.channels, op.filters);
    gemm::MatrixGradX { rows, k, n, d_y, w, prepared, d_x, scratch }
}

fn grad_x_by_product(op: &op::Conv2DGradX, call: Call<'_>) {
    dispatch_for(op.channels, grad_x_product(op, call));
}

fn grad_x_by_rounded_product(op: &op::Conv2DGradX, call: Call<'_>) {
    gemm::pairs::grad_x(grad_x_product(op, call));
}

fn grad_x_by_winograd(op: &op::Conv2DGradX, call: Call<'_>) {
    let [d_y, kernel] = call.inputs();
    dispatch(winograd::Convolution {
        shape: Winograd::grad_x(op).expect("one phase that begins at the first cell"),
        x: d_y,
        kernel,
        transposed: true,
        pools: false,
        prepared: call.prepared,
        bias: None,
        epilogue: Epilogue::NOTHING,
        y: call.output,
        scratch: call.workspace,
    });
}

fn grad_x_by_windows(op: &op::Conv2DGradX, call: Call<'_>) {
    let op::Conv2DGradX { rows, columns, channels, filters, groups } = *op;
    let geometry = Geometry { rows, columns, channels, filters, groups };
    let [d_y, kernel] = call.inputs();
    let d_x = call.output;
    let (transposed, band) = call.workspace.split_at_mut(phase_lens(op).0);
    dispatch(GradX { geometry, d_y, kernel, d_x, transposed, band });
}

/// A gradient by the kernel of a convolution of single cells as a product of matrices.
fn grad_w_product<'a>(op: &op::Conv2DGradW, call: Call<'a>) -> gemm::MatrixGradW<'a> {
    let [x, d_y] = call.inputs();
    let (d_w, scratch, prepared) = (call.output, call.workspace, call.prepared);
    let (rows, stride, n, count) = (x.len() / op.channels, op.channels, op.filters, op.channels);
    let write = Write::Continue;
    gemm::MatrixGradW { rows, stride, n, x, count, d_y, prepared, write, d_w, scratch }
}

fn grad_w_by_product(op: &op::Conv2DGradW, call: Call<'_>) {
    dispatch_for(op.filters, grad_w_product(op, call));
}

fn grad_w_by_rounded_product(op: &op::Conv2DGradW, call: Call<'_>) {
    gemm::pairs::grad_w(grad_w_product(op, call));
}

fn grad_w_by_winograd(op: &op::Conv2DGradW, call: Call<'_>) {
    let [x, d_y] = call.inputs();
    let (d_w, scratch) = (call.output, call.workspace);
    dispatch(winograd::GradW { shape: Winograd::grad_w(op), x, d_y, d_w, scratch });
}

fn grad_w_by_windows(op: &op::Conv2DGradW, call: Call<'_>) {
    let op::Conv2DGradW { rows, columns, channels, filters, groups } = *op;
    let geometry = Geometry { rows, columns, channels, filters, groups };
    let [x, d_y] = call.inputs();
    let (d_w, scratch) = (call.output, call.workspace);
    dispatch(GradW { geometry, x, d_y, d_w, scratch });
}
