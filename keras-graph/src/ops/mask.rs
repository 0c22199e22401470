//! Masks: truth values that say which steps of a tensor count. Each covers the leading axes of its
//! tensor, as `(batch, steps)` does of `(batch, steps, features)`.

use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::op::{BinaryFunction, CastInt, Compare, Comparison, Select, SumTo};
use crate::ops::ranked;
use crate::shape::Shape;

impl Graph {
    /// A truth value for each element: whether it compares so with `value`.
    pub(crate) fn compare_with(
        &mut self,
        x: NodeId,
        f: Comparison,
        value: f32,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (extents, len) = (self.extents(x), self.shape(x).len());
        let value = self.ramp(&extents, value, 0.0)?;
        let op = Compare { len, f, integers: false };
        let y = self.emit(op, &[x.into(), value.into()], extents)?;
        Ok(self.truth(y))
    }

    /// `x` as truth values: those above 0.5, if it has none.
    pub(crate) fn as_truth(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        match self.dtype(x) {
            Dtype::Bool => Ok(x),
            Dtype::Float32 | Dtype::Int32 => self.compare_with(x, Comparison::Greater, 0.5),
        }
    }

    /// Integers of `x`, cut off towards zero.
    pub(crate) fn integer(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        if self.dtype(x) == Dtype::Int32 {
            return Ok(x);
        }
        let (extents, len) = (self.extents(x), self.shape(x).len());
        let y = self.emit(CastInt { len }, &[x.into()], extents)?;
        self.nodes[y.0].dtype = Dtype::Int32;
        Ok(y)
    }

    /// Says that a node holds truth values.
    fn truth(&mut self, x: NodeId) -> NodeId {
        self.nodes[x.0].dtype = Dtype::Bool;
        x
    }

    /// `a[i]` where the condition holds, else `b[i]`, of equal shapes.
    pub(crate) fn select(
        &mut self,
        condition: NodeId,
        a: NodeId,
        b: NodeId,
    ) -> Result<NodeId, LayerError> {
        let (a, b) = (self.float(a)?, self.float(b)?);
        let (extents, len) = (self.extents(a), self.shape(a).len());
        self.emit(Select { len }, &[condition.into(), a.into(), b.into()], extents)
    }

    /// `x` where the mask holds, else `otherwise`.
    pub(crate) fn masked(
        &mut self,
        x: NodeId,
        mask: NodeId,
        otherwise: f32,
    ) -> Result<NodeId, LayerError> {
        let extents = self.extents(x);
        let mask = self.cover(mask, &extents)?;
        let otherwise = self.ramp(&extents, otherwise, 0.0)?;
        self.select(mask, x, otherwise)
    }

    /// A mask, repeated over the last axes of what it belongs to. Errors: other leading axes.
    pub(crate) fn cover(&mut self, mask: NodeId, extents: &[usize]) -> Result<NodeId, LayerError> {
        let mut leading = self.extents(mask);
        let fits = leading.len() <= extents.len()
            && leading.iter().zip(extents).all(|(&from, &to)| from == to || from == 1);
        if !fits {
            let (mask, whole) = (self.shape(mask), Shape::new(extents));
            let message = format!("a mask of shape {mask} does not fit a tensor of shape {whole}");
            return Err(LayerError::argument("mask", message));
        }
        leading.resize(extents.len(), 1);
        let mask = self.reshape(mask, &leading)?;
        let mask = self.broadcast(mask, extents)?;
        Ok(self.truth(mask))
    }

    /// Whether any element along the last axis is true.
    pub(crate) fn any_last(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        let extents = self.extents(x);
        let Some((&last, left)) = extents.split_last() else { return Ok(x) };
        if last == 1 {
            let x = self.reshape(x, left)?;
            return Ok(self.truth(x));
        }
        let to = [left, &[1]].concat();
        let op = SumTo { rank: extents.len(), from: ranked(&extents)?, to: ranked(&to)? };
        let count = self.emit(op, &[x.into()], left.to_vec())?;
        self.compare_with(count, Comparison::NotEqual, 0.0)
    }

    /// Whether any of several truth values holds; axes of extent 1 are repeated.
    pub(crate) fn any_of(&mut self, masks: &[NodeId]) -> Result<Option<NodeId>, LayerError> {
        let Some((&first, others)) = masks.split_first() else { return Ok(None) };
        let mut any = first;
        for &mask in others {
            if mask == any {
                continue;
            }
            let (a, b) = (self.extents(any), self.extents(mask));
            let rank = a.len().max(b.len());
            let extent = |extents: &[usize], axis: usize| {
                (axis + extents.len()).checked_sub(rank).map_or(1, |axis| extents[axis])
            };
            let to: Vec<usize> = (0..rank).map(|i| extent(&a, i).max(extent(&b, i))).collect();
            let (left, right) = (self.broadcast(any, &to)?, self.broadcast(mask, &to)?);
            let either = self.binary(left, right, BinaryFunction::Maximum)?;
            any = self.truth(either);
        }
        Ok(Some(any))
    }
}
