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
use keras_target::needs::Needs as _;
use keras_target::winograd::Winograd;

use super::band::Geometry;
use super::direct::Direct;
use super::forward::Forward;
use super::grad_w::GradW;
use super::grad_x::GradX;
use super::halves::Halves;
use super::winograd;
use crate::kernels::activate::activate;
use crate::kernels::finish::{Clip, Finish, Inputs};
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
fn convolve(op: &op::Conv2D, pools: bool, call: Call<'_>) {
    let op::Conv2D { rows, columns, channels, filters, groups, bias, norm, f, .. } = *op;
    let geometry = Geometry { rows, columns, channels, filters, groups };
    let (x, kernel) = (call.inputs[0], call.inputs[1]);
    let inputs = Inputs::new(&call.inputs[2..], bias, norm);
    let clip = Clip::of(f);
    let (bias, finish, scratch) =
        inputs.fold(filters, clip.unwrap_or(Clip::Nothing), call.workspace);
    let (y, prepared) = (&mut *call.output, call.prepared);
    let product = |x: &'_ [f32]| (x.len() / channels, channels, filters);
    match op.algorithm() {
        Algorithm::Product | Algorithm::RoundedProduct => {
            let ((rows, k, n), w) = (product(x), kernel);
            let product = gemm::Forward { rows, k, n, x, w, prepared, bias, finish, y, scratch };
            dispatch_for(n, product);
        }
        Algorithm::TwoSums => {
            let ((rows, k, n), w) = (product(x), kernel);
            let product = gemm::Forward { rows, k, n, x, w, prepared, bias, finish, y, scratch };
            dispatch(Halves(product));
        }
        Algorithm::Winograd => dispatch(winograd::Convolution {
            shape: Winograd::conv2d(op),
            x,
            kernel,
            transposed: false,
            pools,
            prepared,
            bias,
            finish,
            y,
            scratch,
        }),
        Algorithm::Rows => {
            dispatch(Direct { geometry, x, kernel, bias, finish, pools, y, scratch });
        }
        Algorithm::General | Algorithm::RoundedWindows => {
            dispatch(Forward { geometry, x, kernel, bias, finish, y, scratch });
        }
    }
    if clip.is_none() {
        activate(f, call.output);
    }
}

impl Cpu {
    pub(crate) fn conv2d(op: &op::Conv2D, call: Call<'_>) {
        convolve(op, false, call);
    }

    pub(crate) fn conv_pool2d(op: &op::ConvPool2D, call: Call<'_>) {
        convolve(&op.conv, true, call);
    }

    pub(crate) fn conv2d_grad_x(op: &op::Conv2DGradX, call: Call<'_>) {
        let op::Conv2DGradX { rows, columns, channels, filters, groups } = *op;
        let geometry = Geometry { rows, columns, channels, filters, groups };
        let [d_y, kernel] = call.inputs();
        let (d_x, scratch, prepared) = (call.output, call.workspace, call.prepared);
        match op.algorithm() {
            Algorithm::Product | Algorithm::TwoSums | Algorithm::RoundedProduct => {
                let (rows, k, n) = (d_x.len() / channels, channels, filters);
                dispatch_for(k, gemm::GradX { rows, k, n, d_y, w: kernel, prepared, d_x, scratch });
            }
            Algorithm::Winograd => dispatch(winograd::Convolution {
                shape: Winograd::grad_x(op).expect("one phase that begins at the first cell"),
                x: d_y,
                kernel,
                transposed: true,
                pools: false,
                prepared,
                bias: None,
                finish: Finish::NOTHING,
                y: d_x,
                scratch,
            }),
            Algorithm::General | Algorithm::Rows | Algorithm::RoundedWindows => {
                let (transposed, band) = scratch.split_at_mut(phase_lens(op).0);
                dispatch(GradX { geometry, d_y, kernel, d_x, transposed, band });
            }
        }
    }

    pub(crate) fn conv2d_grad_w(op: &op::Conv2DGradW, call: Call<'_>) {
        let op::Conv2DGradW { rows, columns, channels, filters, groups } = *op;
        let geometry = Geometry { rows, columns, channels, filters, groups };
        let [x, d_y] = call.inputs();
        let (d_w, scratch, prepared) = (call.output, call.workspace, call.prepared);
        match op.algorithm() {
            Algorithm::Product | Algorithm::TwoSums | Algorithm::RoundedProduct => {
                let (rows, stride, n, count) = (x.len() / channels, channels, filters, channels);
                let write = Write::Continue;
                let product =
                    gemm::GradW { rows, stride, n, x, count, d_y, prepared, write, d_w, scratch };
                dispatch_for(n, product);
            }
            Algorithm::Winograd => {
                dispatch(winograd::GradW { shape: Winograd::grad_w(op), x, d_y, d_w, scratch });
            }
            Algorithm::General | Algorithm::Rows | Algorithm::RoundedWindows => {
                dispatch(GradW { geometry, x, d_y, d_w, scratch });
            }
        }
    }
}
