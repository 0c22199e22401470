//! Comparisons, choices between two tensors, constants, integers.

use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId, Source, WeightId};
use crate::op::{
    BinaryFunction, BinaryInt, CastInt, Compare, Comparison, Op, Ramp, Reshape, Select,
};
use crate::ops::gradient::{Differentiate, Gradients, Made, not_differentiable};
use crate::shape::checked_len;

/// Whether `f(a, b)` holds.
fn holds(f: Comparison, a: f32, b: f32) -> bool {
    match f {
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
        Comparison::Less => a < b,
        Comparison::LessEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterEqual => a >= b,
    }
}

impl Graph {
    /// 1 where `f(a, b)` holds, else 0. Both have one shape, and one type or become floats.
    pub(crate) fn compare(
        &mut self,
        a: NodeId,
        b: NodeId,
        f: Comparison,
    ) -> Result<NodeId, LayerError> {
        let integers = [a, b].iter().all(|&x| self.dtype(x) == Dtype::Int32);
        let (a, b) = if integers { (a, b) } else { (self.float(a)?, self.float(b)?) };
        let y = match (self.known(a), self.known(b)) {
            (Some(known_a), Some(known_b)) => {
                let truth = if holds(f, known_a, known_b) { 1.0 } else { 0.0 };
                self.ramp(&self.extents(a), truth, 0.0)?
            }
            _ => {
                let len = checked_len(self.shape(a).extents())?;
                let inputs = [a.into(), b.into()];
                self.emit(Compare { len, f, integers }, &inputs, self.extents(a))?
            }
        };
        self.set_dtype(y, Dtype::Bool);
        Ok(y)
    }

    /// The number that every element of a tensor is, if that is known before anything is computed.
    pub(crate) fn known(&self, x: NodeId) -> Option<f32> {
        let node = &self.nodes()[x.0];
        let read = || match node.inputs[..] {
            [Source::Node(x)] => self.known(x),
            _ => None,
        };
        match node.op()? {
            Op::Ramp(Ramp { start, step, .. }) if *step == 0.0 => Some(*start),
            Op::Broadcast(_) | Op::Reshape(_) | Op::CastFloat(_) => read(),
            Op::CastInt(_) => read().map(f32::trunc),
            _ => None,
        }
    }

    /// `f(a, b)` of integers of one shape.
    pub(crate) fn binary_int(
        &mut self,
        a: NodeId,
        b: NodeId,
        f: BinaryFunction,
    ) -> Result<NodeId, LayerError> {
        let len = checked_len(self.shape(a).extents())?;
        self.emit(BinaryInt { len, f }, &[a.into(), b.into()], self.extents(a))
    }

    /// Numbers as integers, cut off towards zero.
    pub(crate) fn truncated(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        if self.dtype(x) == Dtype::Int32 {
            return Ok(x);
        }
        let len = checked_len(self.shape(x).extents())?;
        self.emit(CastInt { len }, &[x.into()], self.extents(x))
    }

    /// A tensor as one of another type.
    pub(crate) fn cast(&mut self, x: NodeId, dtype: Dtype) -> Result<NodeId, LayerError> {
        match (self.dtype(x), dtype) {
            (from, to) if from == to => Ok(x),
            (Dtype::Bool, Dtype::Float32) => {
                let y = self.copied(x)?;
                self.set_dtype(y, Dtype::Float32);
                Ok(y)
            }
            (_, Dtype::Float32) => self.float(x),
            (_, Dtype::Int32) => {
                let x = self.float(x)?;
                self.truncated(x)
            }
            (_, Dtype::Bool) => {
                let zero = self.ramp(&self.extents(x), 0.0, 0.0)?;
                self.compare(x, zero, Comparison::NotEqual)
            }
        }
    }

    /// The same tensor as a result of its own.
    pub(crate) fn copied(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        let len = checked_len(self.shape(x).extents())?;
        self.emit(Reshape { len }, &[x.into()], self.extents(x))
    }

    /// `a` where the condition, of truth values, holds, else `b`: both have one shape. The
    /// result has their type: a truth value beside a float is one.
    pub(crate) fn choose(
        &mut self,
        condition: NodeId,
        a: NodeId,
        b: NodeId,
    ) -> Result<NodeId, LayerError> {
        let len = checked_len(self.shape(a).extents())?;
        let inputs = [condition.into(), a.into(), b.into()];
        self.emit(Select { len }, &inputs, self.extents(a))
    }

    /// The numbers `start`, `start + step`, .. in these extents, the same for each sample.
    pub(crate) fn ramp(
        &mut self,
        extents: &[usize],
        start: f32,
        step: f32,
    ) -> Result<NodeId, LayerError> {
        let len = checked_len(extents)?;
        self.emit(Ramp { len, start, step }, &[], extents.to_vec())
    }

    /// Numbers in these extents, the same for each sample.
    pub(crate) fn constants(
        &mut self,
        extents: &[usize],
        numbers: &[f32],
    ) -> Result<NodeId, LayerError> {
        let first = numbers.first().copied().unwrap_or(0.0);
        let step = numbers.get(1).map_or(0.0, |second| second - first);
        // What the ramp's kernel makes, which may differ from the numbers in the last digits.
        let made = |i: usize| (f64::from(first) + f64::from(step) * i as f64) as f32;
        if numbers.iter().enumerate().all(|(i, &number)| made(i) == number) {
            return self.ramp(extents, first, step);
        }
        let cells: Result<Vec<NodeId>, LayerError> =
            numbers.iter().map(|&number| self.ramp(&[1], number, 0.0)).collect();
        let row = self.concat(&cells?, 0)?;
        self.reshape(row, extents)
    }

    /// A weight as a tensor of each sample, for what cannot read weights themselves.
    pub(crate) fn weight_tensor(&mut self, weight: WeightId) -> Result<NodeId, LayerError> {
        let extents = self.source_shape(weight.into()).extents().to_vec();
        let zeros = self.ramp(&[checked_len(&extents)?], 0.0, 0.0)?;
        let copy = self.bias_add(zeros, weight)?;
        self.reshape(copy, &extents)
    }
}

impl Differentiate for Select {
    /// The gradient goes to the one that was chosen.
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let [condition, a, b] = made.inputs()?;
        if gradients.wants(a) || gradients.wants(b) {
            let zero = Ramp { len: self.len, start: 0.0, step: 0.0 };
            let zero = gradients.made(zero, &[], made.d_y);
            gradients.push(a, *self, &[condition, made.d_y, zero]);
            gradients.push(b, *self, &[condition, zero, made.d_y]);
        }
        Ok(())
    }
}

not_differentiable! { BinaryInt, CastInt, Compare, Ramp }
