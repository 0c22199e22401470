//! Masks: truth values that say which steps of a tensor count. Each covers the leading axes of its
//! tensor, as `(batch, steps)` does of `(batch, steps, features)`.

use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::op::{BinaryFunction, Comparison, ReduceFunction};
use crate::shape::{Shape, broadcast};

impl Graph {
    /// A truth value for each element: whether it compares so with `value`. The ops are those of
    /// the functions of `keras.ops`, as which Keras saves masks.
    pub(crate) fn compare_with(
        &mut self,
        x: NodeId,
        f: Comparison,
        value: f32,
    ) -> Result<NodeId, LayerError> {
        let is_whole = self.dtype(x) == Dtype::Int32 && value.fract() == 0.0;
        let x = if is_whole { x } else { self.float(x)? };
        let value = self.constants(&[], &[value])?;
        let value = self.cast(value, self.dtype(x))?;
        let value = self.broadcast(value, &self.extents(x))?;
        self.compare(x, value, f)
    }

    /// `x` as truth values: those above 0.5, if it has none.
    pub(crate) fn as_truth(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        match self.dtype(x) {
            Dtype::Bool => Ok(x),
            Dtype::Float32 | Dtype::Int32 => self.compare_with(x, Comparison::Greater, 0.5),
        }
    }

    /// Says that a node holds truth values.
    fn truth(&mut self, x: NodeId) -> NodeId {
        self.set_dtype(x, Dtype::Bool);
        x
    }

    /// Refuses a mask that does not cover all axes of `x` but the last.
    pub(crate) fn expect_mask_of_steps(
        &self,
        class: &str,
        x: NodeId,
        mask: NodeId,
    ) -> Result<(), LayerError> {
        let (shape, found) = (self.shape(x), self.shape(mask));
        let steps = shape.extents().split_last().map_or(&[][..], |(_, steps)| steps);
        if found.extents() == steps {
            return Ok(());
        }
        let expected = Shape::new(steps);
        let message = format!("`{class}` expects `mask` of shape {expected}, found {found}");
        Err(LayerError::argument("mask", message)
            .help("a mask has all axes of the tensor but the last"))
    }

    /// `x` where the mask holds, else `otherwise`.
    pub(crate) fn masked(
        &mut self,
        x: NodeId,
        mask: NodeId,
        otherwise: f32,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let extents = self.extents(x);
        let mask = self.cover(mask, &extents)?;
        let otherwise = self.ramp(&extents, otherwise, 0.0)?;
        self.choose(mask, x, otherwise)
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
        self.broadcast(mask, extents)
    }

    /// Whether any element along the last axis is true.
    pub(crate) fn any_last(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        let extents = self.extents(x);
        let Some((&last, left)) = extents.split_last() else { return Ok(x) };
        if last == 1 {
            let x = self.reshape(x, left)?;
            return Ok(self.truth(x));
        }
        let any = self.reduce_axes(x, &[extents.len() - 1], ReduceFunction::Max)?;
        Ok(self.truth(any))
    }

    /// Where one of two truth values of one shape holds. What is never true adds nothing: Keras
    /// writes a mask of fewer axes than its tensor as "or" with zeros like the tensor.
    pub(crate) fn either(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, LayerError> {
        match (self.known(a), self.known(b)) {
            (Some(0.0), _) => Ok(b),
            (_, Some(0.0)) => Ok(a),
            _ => {
                let either = self.binary(a, b, BinaryFunction::Maximum)?;
                Ok(self.truth(either))
            }
        }
    }

    /// Where both of two truth values of one shape hold.
    pub(crate) fn both(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, LayerError> {
        let both = self.binary(a, b, BinaryFunction::Minimum)?;
        Ok(self.truth(both))
    }

    /// Whether any of several truth values holds; axes of extent 1 are repeated.
    pub(crate) fn any_of(&mut self, masks: &[NodeId]) -> Result<Option<NodeId>, LayerError> {
        let Some((&first, others)) = masks.split_first() else { return Ok(None) };
        let mut any = first;
        for &mask in others {
            if mask == any {
                continue;
            }
            let Some(to) = broadcast(&[self.shape(any).extents(), self.shape(mask).extents()])
            else {
                let (any, mask) = (self.shape(any), self.shape(mask));
                return Err(LayerError::argument(
                    "mask",
                    format!("masks of {any} and {mask} do not fit"),
                ));
            };
            let (left, right) = (self.broadcast(any, &to)?, self.broadcast(mask, &to)?);
            any = self.either(left, right)?;
        }
        Ok(Some(any))
    }
}
