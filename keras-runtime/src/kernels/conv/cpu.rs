//! Convolutions as products of register tiles, read in place.
//!
//! A tile's rows are neighbouring cells of an output row. Their windows overlap in memory, and so do the rows of the left matrix:
//! nothing is copied but padding (see [`band`]). With one group and no dilation, a row of a window is one run.
//!
//! ```text
//! forward  y[i, j, :]        = Σ over window rows a:  x[rows(i, a), columns(j, 0).., :] · kernel[a, ..]
//! by w     d_kernel[a, ..]  += Σ over cells (i, j):   x[rows(i, a), columns(j, 0).., :]ᵀ · d_y[i, j, :]
//! by x     d_x[rows(i, a), columns(j, 0).., :] += d_y[i, j, :] · kernel[a, ..]ᵀ
//! ```

use std::ops::Range;

use keras_graph::activation::Activation;
use keras_graph::cost::{is_pointwise, transposed_len};
use keras_graph::op;

use super::band::{self, Geometry};
use crate::kernels::activate::activate;
use crate::kernels::tile::{Columns, Panel, Panels, Product, Right, Rows, Write, multiply};
use crate::kernels::window::{real_cells, real_outputs};
use crate::kernels::{Call, Cpu, gemm};
use crate::simd::{Kernel, Simd, dispatch};

impl Cpu {
    pub(crate) fn conv2d(op: &op::Conv2D, call: Call<'_>) {
        let op::Conv2D { rows, columns, channels, filters, groups, bias, f } = *op;
        let geometry = Geometry { rows, columns, channels, filters, groups };
        let (x, kernel) = (call.inputs[0], call.inputs[1]);
        assert_eq!(call.inputs.len(), 2 + usize::from(bias));
        assert_eq!(x.len(), call.samples * geometry.x_len());
        assert_eq!(kernel.len(), geometry.kernel_len());
        assert_eq!(call.output.len(), call.samples * geometry.y_len());
        let bias = bias.then(|| call.inputs[2]);
        assert_eq!(bias.map_or(filters, <[f32]>::len), filters);
        let relu = f == Activation::RELU;
        let (y, scratch) = (&mut *call.output, call.workspace);
        if is_pointwise(&rows, &columns, groups) {
            let (rows, k, n) = (x.len() / channels, channels, filters);
            dispatch(gemm::Forward { rows, k, n, x, w: kernel, bias, relu, y, scratch });
        } else {
            let weights = Weights { geometry, kernel, bias, relu };
            dispatch(Forward { weights, x, y, scratch });
        }
        if !relu {
            activate(f, call.output);
        }
    }

    pub(crate) fn conv2d_grad_x(op: &op::Conv2DGradX, call: Call<'_>) {
        let op::Conv2DGradX { rows, columns, channels, filters, groups } = *op;
        let geometry = Geometry { rows, columns, channels, filters, groups };
        let [d_y, kernel] = call.inputs();
        assert_eq!(d_y.len(), call.samples * geometry.y_len());
        assert_eq!(kernel.len(), geometry.kernel_len());
        assert_eq!(call.output.len(), call.samples * geometry.x_len());
        let (d_x, scratch) = (call.output, call.workspace);
        if is_pointwise(&rows, &columns, groups) {
            let (rows, k, n) = (d_x.len() / channels, channels, filters);
            dispatch(gemm::GradX { rows, k, n, d_y, w: kernel, d_x, scratch });
        } else {
            let (transposed, band) = scratch.split_at_mut(transposed_len(op));
            dispatch(GradX { geometry, d_y, kernel, d_x, transposed, band });
        }
    }

    pub(crate) fn conv2d_grad_w(op: &op::Conv2DGradW, call: Call<'_>) {
        let op::Conv2DGradW { rows, columns, channels, filters, groups } = *op;
        let geometry = Geometry { rows, columns, channels, filters, groups };
        let [x, d_y] = call.inputs();
        assert_eq!(x.len(), call.samples * geometry.x_len());
        assert_eq!(d_y.len(), call.samples * geometry.y_len());
        assert_eq!(call.output.len(), geometry.kernel_len());
        let (d_w, scratch) = (call.output, call.workspace);
        if is_pointwise(&rows, &columns, groups) {
            let (rows, stride, n) = (x.len() / channels, channels, filters);
            dispatch(gemm::GradW { rows, stride, n, x, count: channels, d_y, d_w, scratch });
        } else {
            dispatch(GradW { geometry, x, d_y, d_w, scratch });
        }
    }
}

/// What all rows of a forward pass share.
struct Weights<'a> {
    geometry: Geometry,
    kernel: &'a [f32],
    bias: Option<&'a [f32]>,
    relu: bool,
}

struct Forward<'a> {
    weights: Weights<'a>,
    x: &'a [f32],
    y: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { weights, x, y, scratch } = self;
        let geometry = weights.geometry;
        let (x_len, y_len) = (geometry.x_len(), geometry.y_len());
        let panels = Panels::new::<S>(geometry.columns.output, geometry.group_filters());
        for (x, y) in x.chunks_exact(x_len).zip(y.chunks_exact_mut(y_len)) {
            for outputs in geometry.parts() {
                let rows = band::read(&geometry, x, &outputs, scratch);
                for group in 0..geometry.groups {
                    for panel in panels.iter() {
                        for i in outputs.clone() {
                            forward_row(simd, &weights, &rows, (group, panel, i), y);
                        }
                    }
                }
            }
        }
    }
}

/// One panel of row `i` of a sample's output.
#[inline(always)]
fn forward_row<S: Simd>(
    simd: S,
    weights: &Weights<'_>,
    x: &band::Rows<'_>,
    (group, panel, i): (usize, Panel, usize),
    y: &mut [f32],
) {
    let Weights { geometry, kernel, bias, relu } = *weights;
    let Geometry { rows, columns, channels, filters, .. } = geometry;
    let real = real_cells(&rows, i);
    let (inner, run) = geometry.runs();
    let filter = group * geometry.group_filters() + panel.begin;
    let write = bias.map_or(Write::Set, |bias| Write::Bias(&bias[filter..]));
    let (left, right) = if real.is_empty() {
        // The window lies in the padding: no runs, so what is left is the bias.
        (Rows { outer: 0, ..Rows::plain(&[], 0, run) }, Right { cells: &[], stride: filters })
    } else {
        let row = i * rows.stride + real.start * rows.dilation - rows.pad - x.first;
        let left = Rows {
            cells: &x.cells[row * x.pitch + group * geometry.group_channels()..],
            row_stride: columns.stride * channels,
            outer: real.len(),
            outer_stride: rows.dilation * x.pitch,
            inner,
            inner_stride: columns.dilation * channels,
            run,
        };
        let right = &kernel[real.start * inner * run * filters + filter..];
        (left, Right { cells: right, stride: filters })
    };
    let output = &mut y[i * columns.output * filters + filter..];
    let product = Product { columns: panel.len, right, write, relu, output, stride: filters };
    multiply(simd, columns.output, left, product);
}

struct GradW<'a> {
    geometry: Geometry,
    x: &'a [f32],
    d_y: &'a [f32],
    d_w: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for GradW<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let GradW { geometry, x, d_y, d_w, scratch } = self;
        let (x_len, y_len) = (geometry.x_len(), geometry.y_len());
        let (inner, run) = geometry.runs();
        let panels = Panels::new::<S>(run, geometry.group_filters());
        for (x, d_y) in x.chunks_exact(x_len).zip(d_y.chunks_exact(y_len)) {
            for outputs in geometry.parts() {
                let rows = band::read(&geometry, x, &outputs, scratch);
                for group in 0..geometry.groups {
                    for panel in panels.iter() {
                        for tap in 0..geometry.rows.kernel * inner {
                            let place = (group, panel, tap);
                            add_run_by_w(simd, &geometry, &rows, d_y, &outputs, place, d_w);
                        }
                    }
                }
            }
        }
    }
}

/// The gradient by one run of the kernel, from rows `outputs` of a sample's output.
#[inline(always)]
fn add_run_by_w<S: Simd>(
    simd: S,
    geometry: &Geometry,
    x: &band::Rows<'_>,
    d_y: &[f32],
    outputs: &Range<usize>,
    (group, panel, tap): (usize, Panel, usize),
    d_w: &mut [f32],
) {
    let Geometry { rows, columns, channels, filters, .. } = *geometry;
    let (inner, run) = geometry.runs();
    let (a, b) = (tap / inner, tap % inner);
    let real = real_outputs(&rows, a);
    let (begin, end) = (real.start.max(outputs.start), real.end.min(outputs.end));
    if begin >= end {
        return;
    }
    let filter = group * geometry.group_filters() + panel.begin;
    let row = begin * rows.stride + a * rows.dilation - rows.pad - x.first;
    let column = b * columns.dilation * channels + group * geometry.group_channels();
    let left = Columns {
        cells: &x.cells[row * x.pitch + column..],
        lines: end - begin,
        line_stride: rows.stride * x.pitch,
        steps: columns.output,
        step_stride: columns.stride * channels,
    };
    let right = &d_y[begin * columns.output * filters + filter..];
    let right = Right { cells: right, stride: filters };
    let output = &mut d_w[tap * run * filters + filter..];
    let (write, relu) = (Write::Add, false);
    let product = Product { columns: panel.len, right, write, relu, output, stride: filters };
    multiply(simd, run, left, product);
}

struct GradX<'a> {
    geometry: Geometry,
    d_y: &'a [f32],
    kernel: &'a [f32],
    d_x: &'a mut [f32],
    transposed: &'a mut [f32],
    band: &'a mut [f32],
}

impl Kernel for GradX<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let GradX { geometry, d_y, kernel, d_x, transposed, band } = self;
        let (x_len, y_len) = (geometry.x_len(), geometry.y_len());
        let blocks = Blocks::new::<S>(&geometry);
        d_x.fill(0.0);
        let mut begin = 0;
        while begin < blocks.count() {
            let end = blocks.transpose(begin, kernel, transposed);
            for (d_x, d_y) in d_x.chunks_exact_mut(x_len).zip(d_y.chunks_exact(y_len)) {
                for outputs in geometry.parts() {
                    band::add(&geometry, d_x, &outputs, band, |mut d_x| {
                        let mut kernel = &transposed[..];
                        for block in begin..end {
                            let (right, others) = kernel.split_at(blocks.len(block));
                            blocks.add_by_x(simd, (block, right), d_y, &outputs, &mut d_x);
                            kernel = others;
                        }
                    });
                }
            }
            begin = end;
        }
    }
}

/// The kernel cut into blocks: one panel of one run of one group each, which are transposed one by one.
struct Blocks<'a> {
    geometry: &'a Geometry,
    panels: Panels,
}

impl<'a> Blocks<'a> {
    #[inline(always)]
    fn new<S: Simd>(geometry: &'a Geometry) -> Blocks<'a> {
        // At least two rows, so that a panel fits the scratch.
        let panels = Panels::new::<S>(geometry.columns.output.max(2), geometry.runs().1);
        Blocks { geometry, panels }
    }

    fn count(&self) -> usize {
        self.geometry.groups
            * self.geometry.rows.kernel
            * self.geometry.runs().0
            * self.panels.count
    }

    /// Group, run and panel of a block.
    fn at(&self, block: usize) -> (usize, usize, Panel) {
        let runs = self.geometry.rows.kernel * self.geometry.runs().0;
        let (tap, panel) = (block / self.panels.count, block % self.panels.count);
        (tap / runs, tap % runs, self.panels.at(panel))
    }

    /// Elements of a block.
    fn len(&self, block: usize) -> usize {
        self.at(block).2.len * self.geometry.group_filters()
    }

    /// Transposes as many blocks as fit, from `begin` on; returns the first that does not.
    fn transpose(&self, begin: usize, kernel: &[f32], mut transposed: &mut [f32]) -> usize {
        let (filters, group_filters) = (self.geometry.filters, self.geometry.group_filters());
        for block in begin..self.count() {
            if self.len(block) > transposed.len() {
                return block;
            }
            let (group, tap, panel) = self.at(block);
            let row = tap * self.geometry.runs().1 + panel.begin;
            let cells = &kernel[row * filters + group * group_filters..];
            Right::pack_transposed(cells, filters, group_filters, panel.len, transposed);
            transposed = &mut transposed[self.len(block)..];
        }
        self.count()
    }

    /// Adds what rows `outputs` of the output give to the input's cells by one block.
    #[inline(always)]
    fn add_by_x<S: Simd>(
        &self,
        simd: S,
        (block, right): (usize, &[f32]),
        d_y: &[f32],
        outputs: &Range<usize>,
        d_x: &mut band::RowsMut<'_>,
    ) {
        let Geometry { rows, columns, channels, filters, .. } = *self.geometry;
        let (group, tap, panel) = self.at(block);
        let inner = self.geometry.runs().0;
        let (a, b) = (tap / inner, tap % inner);
        let real = real_outputs(&rows, a);
        let group_filters = self.geometry.group_filters();
        let channel = group * self.geometry.group_channels() + panel.begin;
        for i in real.start.max(outputs.start)..real.end.min(outputs.end) {
            let d_y = &d_y[i * columns.output * filters + group * group_filters..];
            let row = i * rows.stride + a * rows.dilation - rows.pad - d_x.first;
            let column = b * columns.dilation * channels;
            let output = &mut d_x.cells[row * d_x.pitch + column + channel..];
            let right = Right { cells: right, stride: panel.len };
            let (write, relu, stride) = (Write::Add, false, columns.stride * channels);
            let product = Product { columns: panel.len, right, write, relu, output, stride };
            let left = Rows::plain(d_y, filters, group_filters);
            multiply(simd, columns.output, left, product);
        }
    }
}
