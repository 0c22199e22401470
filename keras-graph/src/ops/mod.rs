//! The ops of a model: how a layer appends them, and their gradients.
//!
//! A family of ops has a file, as it has one in `keras_ir::ops`, which declares them. In it stand a
//! method of [`Graph`] for each op, which computes the shape of the result and appends the node,
//! and the op's `Differentiate`, which every op has.
//!
//! Layers call the methods. Inputs of integers are cast where an op computes with them. Every
//! extent and every product of extents is checked here, so that no later pass can overflow.

mod attention;
mod choice;
pub(crate) mod contract;
mod convolution;
mod elementwise;
mod embedding;
pub(crate) mod gradient;
mod layout;
mod mask;
mod normalization;
mod penalty;
mod pool;
mod product;
mod random;
mod recurrent;
mod reduce;
mod resize;
mod softmax;

pub(crate) use attention::{Attended, Attending, Unmatched};
pub use normalization::ScaleAndCenter;
pub use recurrent::{Recurred, Recurrence};
pub(crate) use reduce::{kept, without};

use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId, Source};
use crate::op::{CastFloat, MAX_RANK, Op};
use crate::parameter::Axes;
use crate::schema::ParameterType;
use crate::shape::{Shape, checked_len};

/// Extents of a tensor of at most [`MAX_RANK`] axes, filled up with 1.
pub(crate) fn ranked(extents: &[usize]) -> Result<[usize; MAX_RANK], LayerError> {
    let mut ranked = [1; MAX_RANK];
    let Some(front) = ranked.get_mut(..extents.len()) else {
        return Err(LayerError::input(format!(
            "a tensor may have {MAX_RANK} axes beside the batch, found {}",
            Shape::new(extents)
        )));
    };
    front.copy_from_slice(extents);
    Ok(ranked)
}

impl Graph {
    /// Extents of a node, per sample.
    pub fn extents(&self, x: NodeId) -> Vec<usize> {
        self.shape(x).extents().to_vec()
    }

    /// Appends an op whose result has these extents per sample.
    pub(crate) fn emit(
        &mut self,
        op: impl Into<Op>,
        inputs: &[Source],
        extents: Vec<usize>,
    ) -> Result<NodeId, LayerError> {
        if self.repeat > 1 {
            checked_len(&[&[self.repeat], &extents[..]].concat())?;
        }
        checked_len(&extents)?;
        Ok(self.push(op, inputs, Shape::new(extents)))
    }

    /// Appends an op of floats along an axis, of a result as large. It is made of the elements
    /// before the axis, its extent, and the elements behind it.
    pub(crate) fn along<O: Into<Op>>(
        &mut self,
        x: NodeId,
        axis: usize,
        op: impl FnOnce(usize, usize, usize) -> O,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, extent, inner) = self.shape(x).around(axis);
        self.emit(op(outer, extent, inner), &[x.into()], self.extents(x))
    }

    /// The same tensor as floats.
    pub fn float(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        let len = checked_len(self.shape(x).extents())?;
        match self.dtype(x) {
            Dtype::Float32 | Dtype::Bool => Ok(x),
            Dtype::Int32 => self.emit(CastFloat { len }, &[x.into()], self.extents(x)),
        }
    }

    /// The index of the axis that an argument says. Errors: one that is not there, or is the batch.
    pub fn one_axis(&self, class: &str, x: NodeId, axis: i64) -> Result<usize, LayerError> {
        let shape = self.shape(x);
        shape.axis(axis).ok_or_else(|| {
            let message = format!(
                "`{class}` expects `axis` to be one of {shape} but the batch, found `axis = {axis}`"
            );
            LayerError::argument("axis", message)
        })
    }

    /// The indices of an argument's axes, sorted. Errors: an axis that is not there, is the batch,
    /// or stands twice.
    pub fn axes(&self, class: &str, x: NodeId, axes: &Axes) -> Result<Vec<usize>, LayerError> {
        let shape = self.shape(x);
        let indices: Option<Vec<usize>> =
            axes.list().iter().map(|&axis| shape.axis(axis)).collect();
        let sorted = indices.map(|mut indices| {
            indices.sort_unstable();
            indices
        });
        sorted.filter(|indices| indices.is_sorted_by(|a, b| a < b)).ok_or_else(|| {
            let found = axes.to_value();
            let message = format!(
                "`{class}` expects `axis` to be among the axes of {shape} but the batch, \
                 each once, found `axis = {found}`"
            );
            LayerError::argument("axis", message)
        })
    }
}
