//! The forward ops' shape rules: one method of [`Graph`] for each, which computes the shape of the result and appends the node.
//!
//! Layers call these. Inputs of integers are cast where an op computes with them. Every extent and every product of
//! extents is checked here, so that no later pass can overflow. Windows over images stand in [`window`](crate::window).

mod norm;

pub use norm::ScaleAndCenter;

use crate::activation::{Activation, ActivationFunction};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, Node, NodeId, NodeKind, Source, WeightId};
use crate::op::{
    Affine, Binary, BinaryFunction, Broadcast, CastFloat, Concat, Dropout, Embedding, Gemm,
    LogSoftmax, MAX_RANK, MaxRows, MeanRows, Op, Prelu, Reshape, Slice, Softmax, Sparsemax,
    Transpose, Unary,
};
use crate::parameter::Axes;
use crate::schema::ParameterType;
use crate::shape::{Shape, checked_len};

/// Extents of a tensor of fewer than [`MAX_RANK`] axes, filled up with 1.
fn ranked(extents: &[usize]) -> Result<[usize; MAX_RANK], LayerError> {
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
        checked_len(&extents)?;
        Ok(self.push(op, inputs, Shape::new(extents)))
    }

    /// The same tensor as floats.
    pub fn float(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        let len = checked_len(self.shape(x).extents())?;
        match self.dtype(x) {
            Dtype::Float32 => Ok(x),
            Dtype::Int32 => self.emit(CastFloat { len }, &[x.into()], self.extents(x)),
        }
    }

    /// An activation function that Keras has by name.
    pub fn activation(
        &mut self,
        x: NodeId,
        function: ActivationFunction,
    ) -> Result<NodeId, LayerError> {
        if let ActivationFunction::ElementWise(f) = function {
            return self.unary(x, f);
        }
        let Some(last) = self.shape(x).rank().checked_sub(1) else {
            return Err(LayerError::input(
                "the activation expects (batch, ..., features), found (batch)",
            ));
        };
        match function {
            ActivationFunction::ElementWise(f) => self.unary(x, f),
            ActivationFunction::Softmax => self.softmax(x, last),
            ActivationFunction::LogSoftmax => self.log_softmax(x, last),
            ActivationFunction::Sparsemax => self.sparsemax(x, last),
            ActivationFunction::Glu => self.glu(x, last),
        }
    }

    /// `y = f(x)` for each element.
    pub fn unary(&mut self, x: NodeId, f: Activation) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        if f == Activation::Linear {
            return Ok(x);
        }
        let len = self.shape(x).len();
        self.emit(Unary { len, f }, &[x.into()], self.extents(x))
    }

    /// `y = scale · x + offset`.
    pub fn affine(&mut self, x: NodeId, scale: f32, offset: f32) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let len = self.shape(x).len();
        self.emit(Affine { len, scale, offset }, &[x.into()], self.extents(x))
    }

    /// `y = f(a, b)` for each element. Errors: shapes that differ.
    pub fn binary(
        &mut self,
        a: NodeId,
        b: NodeId,
        f: BinaryFunction,
    ) -> Result<NodeId, LayerError> {
        let (a, b) = (self.float(a)?, self.float(b)?);
        let (left, right) = (self.shape(a), self.shape(b));
        if left != right {
            return Err(LayerError::input(format!(
                "expects equal shapes, found {left} and {right}"
            )));
        }
        let len = left.len();
        self.emit(Binary { len, f }, &[a.into(), b.into()], self.extents(a))
    }

    /// Repeats `x` along axes where its extent is 1; missing axes are inserted after the batch.
    /// Errors: extents that differ and are not 1.
    pub fn broadcast(&mut self, x: NodeId, to: &[usize]) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        if self.shape(x).extents() == to {
            return Ok(x);
        }
        let extents = self.extents(x);
        let missing = to.len().saturating_sub(extents.len());
        let from = [vec![1; missing], extents].concat();
        let fits = from.len() == to.len()
            && from.iter().zip(to).all(|(&from, &to)| from == to || from == 1);
        if !fits {
            let (found, to) = (self.shape(x), Shape::new(to));
            return Err(LayerError::input(format!("{found} cannot be repeated to {to}")));
        }
        let op = Broadcast { rank: to.len(), from: ranked(&from)?, to: ranked(to)? };
        self.emit(op, &[x.into()], to.to_vec())
    }

    /// Axis `a` of the result is axis `axes[a]` of `x`.
    pub fn transpose(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let from = self.extents(x);
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..from.len()) {
            let axes: Vec<usize> = axes.iter().map(|axis| axis + 1).collect();
            return Err(LayerError::input(format!(
                "{axes:?} is no order of the axes 1 to {} of {}",
                from.len(),
                self.shape(x)
            )));
        }
        if sorted == axes {
            return Ok(x);
        }
        let mut all = std::array::from_fn(|axis| axis);
        let op_from = ranked(&from)?;
        all[..axes.len()].copy_from_slice(axes);
        let op = Transpose { rank: from.len(), from: op_from, axes: all };
        self.emit(op, &[x.into()], axes.iter().map(|&axis| from[axis]).collect())
    }

    /// The indices of an argument's axes, sorted. Errors: an axis that is not there, is the batch, or stands twice.
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
                "`{class}` expects `axis` to be among the axes of {shape} but the batch, each once, found `axis = {found}`"
            );
            LayerError::argument("axis", message)
        })
    }

    /// Computes on `x` with some axes, given in order, moved to the end, and moves them back.
    pub fn with_axes_last(
        &mut self,
        x: NodeId,
        axes: &[usize],
        compute: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId, LayerError>,
    ) -> Result<NodeId, LayerError> {
        let others = (0..self.shape(x).rank()).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = others.chain(axes.iter().copied()).collect();
        let moved = self.transpose(x, &order)?;
        let y = compute(self, moved)?;
        let mut back = vec![0; order.len()];
        for (to, &from) in order.iter().enumerate() {
            back[from] = to;
        }
        self.transpose(y, &back)
    }

    /// The same elements under another shape. Errors: another number of elements.
    pub fn reshape(&mut self, x: NodeId, extents: &[usize]) -> Result<NodeId, LayerError> {
        if self.shape(x).extents() == extents {
            return Ok(x);
        }
        let (len, wanted) = (checked_len(self.shape(x).extents())?, checked_len(extents)?);
        if len != wanted {
            let (found, wanted_shape) = (self.shape(x), Shape::new(extents));
            return Err(LayerError::input(format!(
                "{wanted_shape} has {wanted} elements per sample, found {found} with {len}"
            )));
        }
        let kind = NodeKind::Sample(Reshape { len }.into());
        let (dtype, shape) = (self.dtype(x), Shape::new(extents));
        Ok(self.add(Node { kind, inputs: vec![x.into()], shape, dtype }))
    }

    /// Joins tensors along an axis. Errors: other extents that differ.
    pub fn concat(&mut self, inputs: &[NodeId], axis: usize) -> Result<NodeId, LayerError> {
        let inputs = inputs.iter().map(|&x| self.float(x)).collect::<Result<Vec<NodeId>, _>>()?;
        let Some(&first) = inputs.first() else {
            return Err(LayerError::input("expects one tensor or more, found none"));
        };
        let mut extents = self.extents(first);
        let mut extent = 0usize;
        for &x in &inputs {
            let found = self.shape(x).extents();
            let mut expected = extents.clone();
            if let (Some(expected), Some(found)) = (expected.get_mut(axis), found.get(axis)) {
                *expected = *found;
                extent = extent.saturating_add(*found);
            }
            if expected != found || axis >= found.len() {
                return Err(LayerError::input(format!(
                    "expects shapes that differ in axis {} alone, found {} and {}",
                    axis + 1,
                    self.shape(first),
                    self.shape(x)
                )));
            }
        }
        extents[axis] = extent;
        checked_len(&extents)?;
        let (outer, extent, inner) = Shape::new(extents.clone()).around(axis);
        let sources: Vec<Source> = inputs.into_iter().map(Source::from).collect();
        self.emit(Concat { outer, extent, inner }, &sources, extents)
    }

    /// `x[begin..begin + len]` along an axis, which must hold so many.
    pub fn slice(
        &mut self,
        x: NodeId,
        axis: usize,
        begin: usize,
        len: usize,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, extent, inner) = self.shape(x).around(axis);
        let mut extents = self.extents(x);
        extents[axis] = len;
        self.emit(Slice { outer, extent, inner, begin, len }, &[x.into()], extents)
    }

    /// The first half along an axis times the sigmoid of the second. Errors: an odd extent.
    fn glu(&mut self, x: NodeId, axis: usize) -> Result<NodeId, LayerError> {
        let (_, extent, _) = self.shape(x).around(axis);
        if extent % 2 == 1 {
            let found = self.shape(x);
            return Err(LayerError::input(format!(
                "`glu` expects an even extent of the last axis, found {found}"
            )));
        }
        let value = self.slice(x, axis, 0, extent / 2)?;
        let gate = self.slice(x, axis, extent / 2, extent / 2)?;
        let gate = self.unary(gate, Activation::Sigmoid)?;
        self.binary(value, gate, BinaryFunction::Multiply)
    }

    /// `y[.., n] = Σ_k x[.., k] · w[k, n]`. The last axis of `x` must fit the first of `w`.
    pub fn gemm(&mut self, x: NodeId, w: WeightId) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let mut extents = self.extents(x);
        let (k, n) = match (self.source_shape(w.into()).extents(), extents.last()) {
            (&[k, n], Some(&found)) if k == found => (k, n),
            _ => return Err(LayerError::input(format!("a product cannot take {}", self.shape(x)))),
        };
        let m = self.shape(x).len() / k;
        if let Some(last) = extents.last_mut() {
            *last = n;
        }
        let op = Gemm { m, k, n, bias: false, f: Activation::Linear };
        self.emit(op, &[x.into(), w.into()], extents)
    }

    /// `y[.., n] = x[.., n] + bias[n]`.
    pub fn bias_add(&mut self, x: NodeId, bias: WeightId) -> Result<NodeId, LayerError> {
        let n = self.source_shape(bias.into()).len();
        let rows = self.shape(x).len() / n;
        self.emit(crate::op::BiasAdd { rows, n }, &[x.into(), bias.into()], self.extents(x))
    }

    /// The mean over all axes but the last.
    pub fn mean_rows(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, extent, channels) = self.rows(x)?;
        self.emit(MeanRows { extent, channels }, &[x.into()], vec![channels])
    }

    /// The maximum over all axes but the last.
    pub fn max_rows(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, extent, channels) = self.rows(x)?;
        self.emit(MaxRows { extent, channels }, &[x.into()], vec![channels])
    }

    fn rows(&mut self, x: NodeId) -> Result<(NodeId, usize, usize), LayerError> {
        let x = self.float(x)?;
        let channels = self.shape(x).extents().last().copied().unwrap_or(1);
        Ok((x, self.shape(x).len() / channels, channels))
    }

    /// `softmax` along an axis.
    pub fn softmax(&mut self, x: NodeId, axis: usize) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, extent, inner) = self.shape(x).around(axis);
        self.emit(Softmax { outer, extent, inner }, &[x.into()], self.extents(x))
    }

    /// `log_softmax` along an axis.
    pub fn log_softmax(&mut self, x: NodeId, axis: usize) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, extent, inner) = self.shape(x).around(axis);
        self.emit(LogSoftmax { outer, extent, inner }, &[x.into()], self.extents(x))
    }

    /// `sparsemax` along an axis.
    pub fn sparsemax(&mut self, x: NodeId, axis: usize) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, extent, inner) = self.shape(x).around(axis);
        self.emit(Sparsemax { outer, extent, inner }, &[x.into()], self.extents(x))
    }

    /// `y = x` where `x >= 0`, else `alpha · x`; `alpha` has the rank of `x`.
    pub fn prelu(&mut self, x: NodeId, alpha: WeightId) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let from = ranked(self.source_shape(alpha.into()).extents())?;
        let to = ranked(self.shape(x).extents())?;
        let rank = self.shape(x).rank();
        self.emit(Prelu { rank, from, to }, &[x.into(), alpha.into()], self.extents(x))
    }

    /// Zeroes elements with probability `rate`, below 1. Elements along an axis where `mask` is 1 fall together; without a
    /// mask each falls alone.
    pub fn dropout(
        &mut self,
        x: NodeId,
        rate: f32,
        mask: Option<&[usize]>,
        seed: Option<u64>,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        // Elements that fall alone are numbered as they lie, so their axes do not matter.
        let flat = [self.shape(x).len()];
        let (mask, to) = match mask {
            Some(mask) => (mask, self.shape(x).extents()),
            None => (flat.as_slice(), flat.as_slice()),
        };
        let (rank, mask, to) = (to.len(), ranked(mask)?, ranked(to)?);
        let key = self.next_dropout_key();
        let op = Dropout { rank, mask, to, rate, key, seed };
        self.emit(op, &[x.into()], self.extents(x))
    }

    /// `y[.., :] = table[ids[..], :]`.
    pub fn embedding(&mut self, ids: NodeId, table: WeightId) -> Result<NodeId, LayerError> {
        let len = checked_len(self.shape(ids).extents())?;
        let (rows, columns, _) = self.source_shape(table.into()).around(1);
        let extents = [self.shape(ids).extents(), &[columns]].concat();
        self.emit(Embedding { len, rows, columns }, &[ids.into(), table.into()], extents)
    }
}
