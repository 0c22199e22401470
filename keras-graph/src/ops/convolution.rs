//! Convolutions.

use crate::activation::Activation;
use crate::graph::{Graph, LayerError, NodeId, WeightId};
use crate::op::{
    Conv2D, Conv2DGradW, Conv2DGradX, ConvPool2D, Depthwise2D, Depthwise2DGradW, Depthwise2DGradX,
    Op, SumRows, Window,
};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient};
use crate::shape::{MAX_SCRATCH_LEN, MAX_SCRATCHES};
use keras_target::needs::workspace_len;
use keras_target::target::{Cpu, Target as _};

impl Graph {
    /// `y[i, j, o] = Σ x[rows(i, a), columns(j, b), c] · kernel[a, b, c, o]`. The kernel is
    /// `[kh, kw, channels / groups, filters]`; of a sequence it has no `kh`.
    pub fn conv2d(
        &mut self,
        x: NodeId,
        kernel: WeightId,
        [rows, columns]: [Window; 2],
        groups: usize,
    ) -> Result<NodeId, LayerError> {
        let [_, filters] = self.last_two(kernel.into());
        let [_, channels] = self.last_two(x.into());
        let f = Activation::Linear;
        let op = Conv2D {
            rows,
            columns,
            channels,
            filters,
            groups,
            bias: false,
            norm: None,
            add: false,
            f,
        };
        check_scratch(&op)?;
        let extents = self.cells_like(x, [rows.output, columns.output], filters);
        self.emit(op, &[x.into(), kernel.into()], extents)
    }

    /// The transposed convolution: the gradient by its input of the convolution that `rows` and
    /// `columns` describe. The kernel is `[kh, kw, filters, channels]`.
    pub fn conv2d_transpose(
        &mut self,
        x: NodeId,
        kernel: WeightId,
        [rows, columns]: [Window; 2],
    ) -> Result<NodeId, LayerError> {
        // The convolution leads from this op's result to its input.
        let [channels, filters] = self.last_two(kernel.into());
        let op = Conv2DGradX { rows, columns, channels, filters, groups: 1 };
        check_scratch(&undone(&op))?;
        let extents = self.cells_like(x, [rows.input, columns.input], channels);
        self.emit(op, &[x.into(), kernel.into()], extents)
    }

    /// `y[i, j, c · multiplier + m] = Σ x[rows(i, a), columns(j, b), c] · kernel[a, b, c, m]`.
    pub fn depthwise2d(
        &mut self,
        x: NodeId,
        kernel: WeightId,
        [rows, columns]: [Window; 2],
    ) -> Result<NodeId, LayerError> {
        let [channels, multiplier] = self.last_two(kernel.into());
        let f = Activation::Linear;
        let op = Depthwise2D { rows, columns, channels, multiplier, bias: false, norm: None, f };
        let made = channels.saturating_mul(multiplier);
        let extents = self.cells_like(x, [rows.output, columns.output], made);
        self.emit(op, &[x.into(), kernel.into()], extents)
    }
}

/// The convolution that a transposed one undoes.
fn undone(op: &Conv2DGradX) -> Conv2D {
    let Conv2DGradX { rows, columns, channels, filters, groups } = *op;
    let (bias, norm, add, f) = (false, None, false, Activation::Linear);
    Conv2D { rows, columns, channels, filters, groups, bias, norm, add, f }
}

/// Refuses a convolution for which kernels, also those of its gradients, would copy so much padding
/// that the scratch has more than [`MAX_SCRATCH_LEN`] elements and is far larger than what they
/// read.
fn check_scratch(op: &Conv2D) -> Result<(), LayerError> {
    let Conv2D { rows, columns, channels, filters, groups, .. } = *op;
    let by_x = Conv2DGradX { rows, columns, channels, filters, groups };
    let by_w = Conv2DGradW { rows, columns, channels, filters, groups };
    let ops = [Op::from(*op), by_x.into(), by_w.into()];
    let len = ops.iter().map(|op| workspace_len(op, Cpu.algorithm(op))).max().unwrap_or(0);
    let image = rows.input * columns.input * channels;
    let result = rows.output * columns.output * filters;
    let kernel = rows.kernel * columns.kernel * (channels / groups) * filters;
    let largest = image.max(result).max(kernel);
    if len <= MAX_SCRATCH_LEN.max(largest.saturating_mul(MAX_SCRATCHES)) {
        return Ok(());
    }
    let dilates = [rows, columns].iter().any(|window| window.dilation > 1);
    let argument = if dilates { "dilation_rate" } else { "kernel_size" };
    let reach = |window: Window| (window.kernel - 1) * window.dilation + 1;
    Err(LayerError::argument(
        argument,
        format!(
            "a kernel that reaches over ({}, {}) cells of {channels} channels needs scratch memory \
             for {len} numbers, where an image of ({}, {}) cells allows {MAX_SCRATCH_LEN}",
            reach(rows),
            reach(columns),
            rows.input,
            columns.input,
        ),
    )
    .help(format!("write a smaller `{argument}`: most of these cells are padding")))
}

impl Differentiate for Conv2D {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x, kernel], others) = made.first_inputs()?;
        let Conv2D { rows, columns, channels, filters, groups, f, .. } = *self;
        let d_y = gradients.before_activation(f, made)?;
        let sums = SumRows { rows: rows.output * columns.output, n: filters };
        gradients.push_bias(others.first(), sums, d_y);
        let grad_w = Conv2DGradW { rows, columns, channels, filters, groups };
        gradients.push_weight(kernel, grad_w, &[x, d_y]);
        gradients.push(x, Conv2DGradX { rows, columns, channels, filters, groups }, &[d_y, kernel]);
        Ok(())
    }
}

/// A transposed convolution: its fields, and so its gradients, are those of the convolution that it
/// undoes.
impl Differentiate for Conv2DGradX {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x, kernel], d_y) = (made.inputs()?, made.d_y);
        let Conv2DGradX { rows, columns, channels, filters, groups } = *self;
        let grad_w = Conv2DGradW { rows, columns, channels, filters, groups };
        gradients.push_weight(kernel, grad_w, &[d_y, x]);
        gradients.push(x, undone(self), &[d_y, kernel]);
        Ok(())
    }
}

impl Differentiate for Depthwise2D {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x, kernel], others) = made.first_inputs()?;
        let Depthwise2D { rows, columns, channels, multiplier, f, .. } = *self;
        let d_y = gradients.before_activation(f, made)?;
        let sums = SumRows { rows: rows.output * columns.output, n: channels * multiplier };
        gradients.push_bias(others.first(), sums, d_y);
        let grad_w = Depthwise2DGradW { rows, columns, channels, multiplier };
        gradients.push_weight(kernel, grad_w, &[x, d_y]);
        gradients.push(x, Depthwise2DGradX { rows, columns, channels, multiplier }, &[d_y, kernel]);
        Ok(())
    }
}

no_gradient! { ConvPool2D, Conv2DGradW, Depthwise2DGradX, Depthwise2DGradW }
