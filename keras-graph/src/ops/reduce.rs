//! Sums, means and extrema over axes, and elements picked along one.

use crate::activation::Activation;
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::op::{
    BinaryFunction, Cumsum, Gather, GatherGrad, Reduce, ReduceFunction, ReduceGrad, SumTo,
};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient};
use crate::ops::ranked;

impl Graph {
    /// The sum over some axes, given in order, which are gone from the result.
    pub(crate) fn sum_axes(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let extents = self.extents(x);
        let to = kept(&extents, axes);
        let left = without(&extents, axes);
        if extents == to {
            return self.reshape(x, &left);
        }
        let (from, to) = (ranked(&extents)?, ranked(&to)?);
        self.emit(SumTo { rank: extents.len(), from, to }, &[x.into()], left)
    }

    /// The sums of the elements up to each along an axis; from each on if `reverse`.
    pub fn cumsum(&mut self, x: NodeId, axis: usize, reverse: bool) -> Result<NodeId, LayerError> {
        self.along(x, axis, |outer, extent, inner| Cumsum { outer, extent, inner, reverse })
    }

    /// The mean over some axes, given in order, which are gone from the result.
    pub(crate) fn mean_axes(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId, LayerError> {
        let count: usize = axes.iter().map(|&axis| self.shape(x).extents()[axis]).product();
        let sum = self.sum_axes(x, axes)?;
        self.affine(sum, 1.0 / count as f32, 0.0)
    }

    /// The largest or the smallest element over some axes, given in order, which are gone from the
    /// result.
    pub(crate) fn reduce_axes(
        &mut self,
        x: NodeId,
        axes: &[usize],
        f: ReduceFunction,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let left = without(&self.extents(x), axes);
        if axes.is_empty() {
            return Ok(x);
        }
        let (x, [outer, extent, inner]) = self.joined_axes(x, axes)?;
        self.emit(Reduce { outer, extent, inner, f }, &[x.into()], left)
    }

    /// A tensor in which some axes, given in order, stand side by side, and the elements before
    /// them, of them, and behind them.
    fn joined_axes(
        &mut self,
        x: NodeId,
        axes: &[usize],
    ) -> Result<(NodeId, [usize; 3]), LayerError> {
        let (first, last) = (axes[0], axes[axes.len() - 1]);
        // Neighbouring axes are one; others are brought to the end.
        let (x, begin) = if last - first + 1 == axes.len() {
            (x, first)
        } else {
            let others = (0..self.shape(x).rank()).filter(|axis| !axes.contains(axis));
            let order: Vec<usize> = others.chain(axes.iter().copied()).collect();
            (self.transpose(x, &order)?, order.len() - axes.len())
        };
        let extents = self.shape(x).extents();
        let (outer, rest) = extents.split_at(begin);
        let (extent, inner) = rest.split_at(axes.len());
        Ok((x, [outer, extent, inner].map(|extents| extents.iter().product())))
    }

    /// The sum, the largest or the smallest of integers over some axes, given in order, which are
    /// gone from the result: exact, or wrapped around.
    ///
    /// Each step combines the first half of what is left with the second, so the number of ops
    /// grows with the logarithm of the extent.
    pub(crate) fn reduce_integers(
        &mut self,
        x: NodeId,
        axes: &[usize],
        f: BinaryFunction,
    ) -> Result<NodeId, LayerError> {
        let left = without(&self.extents(x), axes);
        if axes.is_empty() {
            return Ok(x);
        }
        let (x, extents) = self.joined_axes(x, axes)?;
        let mut y = self.reshape(x, &extents)?;
        let (mut len, mut odd) = (extents[1], None);
        while len > 1 {
            let half = len / 2;
            let [front, behind] = [0, half].map(|begin| self.slice(y, 1, begin, half));
            if len % 2 == 1 {
                let last = self.slice(y, 1, len - 1, 1)?;
                odd = Some(match odd {
                    None => last,
                    Some(other) => self.binary_int(other, last, f)?,
                });
            }
            (y, len) = (self.binary_int(front?, behind?, f)?, half);
        }
        if let Some(odd) = odd {
            y = self.binary_int(y, odd, f)?;
        }
        self.reshape(y, &left)
    }

    /// The sums of the integers up to each along an axis, wrapped around.
    pub(crate) fn cumsum_integers(&mut self, x: NodeId, axis: usize) -> Result<NodeId, LayerError> {
        let mut sums = x;
        let extent = self.shape(x).extents()[axis];
        // After each step an element is the sum of twice as many.
        let mut step = 1;
        while step < extent {
            let mut extents = self.extents(x);
            extents[axis] = step;
            let zeros = self.ramp(&extents, 0.0, 0.0)?;
            let zeros = self.truncated(zeros)?;
            let before = self.slice(sums, axis, 0, extent - step)?;
            let before = self.concat(&[zeros, before], axis)?;
            sums = self.binary_int(sums, before, BinaryFunction::Add)?;
            step *= 2;
        }
        Ok(sums)
    }

    /// What a reduction left, repeated along the axes that it reduced, to the extents of `x`.
    pub(crate) fn spread(
        &mut self,
        reduced: NodeId,
        axes: &[usize],
        x: NodeId,
    ) -> Result<NodeId, LayerError> {
        let extents = self.extents(x);
        let reduced = self.reshape(reduced, &kept(&extents, axes))?;
        self.broadcast(reduced, &extents)
    }

    /// For each index the element of that number along an axis; other extents are equal.
    pub(crate) fn gather(
        &mut self,
        x: NodeId,
        ids: NodeId,
        axis: usize,
    ) -> Result<NodeId, LayerError> {
        let (outer, extent, inner) = self.shape(x).around(axis);
        let (_, count, _) = self.shape(ids).around(axis);
        let op = Gather { outer, extent, inner, count };
        self.emit(op, &[x.into(), ids.into()], self.extents(ids))
    }

    /// The same elements in the other order along an axis.
    pub(crate) fn reverse(&mut self, x: NodeId, axis: usize) -> Result<NodeId, LayerError> {
        let extents = self.extents(x);
        let extent = extents[axis];
        let indices = self.ramp(&[extent], extent.saturating_sub(1) as f32, -1.0)?;
        let indices = self.cast(indices, Dtype::Int32)?;
        let mut row = vec![1; extents.len()];
        row[axis] = extent;
        let indices = self.reshape(indices, &row)?;
        let indices = self.broadcast(indices, &extents)?;
        self.gather(x, indices, axis)
    }

    /// `x / max(√Σ x², least)`, where the sum is over some axes, given in order.
    pub(crate) fn l2_normalized(
        &mut self,
        x: NodeId,
        axes: &[usize],
        least: f32,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let squares = self.binary(x, x, BinaryFunction::Multiply)?;
        let sum = self.sum_axes(squares, axes)?;
        let small = self.extents(sum);
        // Below the root, whose slope at 0 is infinite.
        let least = self.ramp(&small, least * least, 0.0)?;
        let bounded = self.binary(sum, least, BinaryFunction::Maximum)?;
        let norm = self.unary(bounded, Activation::Sqrt)?;
        self.over(x, norm, axes)
    }

    /// `x / √(mean(x²) + epsilon)`, where the mean is over some axes, given in order.
    pub(crate) fn rms_normalized(
        &mut self,
        x: NodeId,
        axes: &[usize],
        epsilon: f32,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let count: usize = axes.iter().map(|&axis| self.shape(x).extents()[axis]).product();
        let squares = self.binary(x, x, BinaryFunction::Multiply)?;
        let sum = self.sum_axes(squares, axes)?;
        let mean = self.affine(sum, 1.0 / count as f32, epsilon)?;
        let norm = self.unary(mean, Activation::Sqrt)?;
        self.over(x, norm, axes)
    }

    /// `x / norm`, where `norm` is what a reduction of `x` over some axes left.
    fn over(&mut self, x: NodeId, norm: NodeId, axes: &[usize]) -> Result<NodeId, LayerError> {
        let one = self.ramp(&self.extents(norm), 1.0, 0.0)?;
        let factor = self.binary(one, norm, BinaryFunction::Divide)?;
        let factor = self.spread(factor, axes, x)?;
        self.binary(x, factor, BinaryFunction::Multiply)
    }
}

/// The extents with those of some axes as 1.
pub(crate) fn kept(extents: &[usize], axes: &[usize]) -> Vec<usize> {
    let mut kept = extents.to_vec();
    axes.iter().for_each(|&axis| kept[axis] = 1);
    kept
}

/// The extents of the other axes.
pub(crate) fn without(extents: &[usize], axes: &[usize]) -> Vec<usize> {
    let others = (0..extents.len()).filter(|axis| !axes.contains(axis));
    others.map(|axis| extents[axis]).collect()
}

impl Differentiate for Reduce {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], Reduce { outer, extent, inner, .. }) = (made.inputs()?, *self);
        gradients.push(x, ReduceGrad { outer, extent, inner }, &[x, made.y.into(), made.d_y]);
        Ok(())
    }
}

impl Differentiate for Gather {
    /// The indices have no gradient.
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x, ids], Gather { outer, extent, inner, count }) = (made.inputs()?, *self);
        gradients.push(x, GatherGrad { outer, extent, inner, count }, &[ids, made.d_y]);
        Ok(())
    }
}

impl Differentiate for Cumsum {
    /// An element is part of all sums from it on, so its gradient is the sum of theirs.
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let [x] = made.inputs()?;
        gradients.push(x, Cumsum { reverse: !self.reverse, ..*self }, &[made.d_y]);
        Ok(())
    }
}

no_gradient! { ReduceGrad, GatherGrad }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grad::differentiate;
    use crate::graph::Mode;
    use crate::models;
    use crate::network::{Class, Network};
    use crate::program::Program;

    fn running_sums(graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
        graph.cumsum(inputs[0], 0, false)
    }

    #[test]
    fn the_gradient_of_running_sums_runs_backwards() {
        let mut network = Network::new("model", Class::Sequential);
        let x = models::input(&mut network, "x", 3);
        let y = models::other(&mut network, "layer", running_sums, x);
        network.finish(&[y]);
        let mode = Mode::Training { input_gradients: true };
        let mut program = Program::new(network.lower(mode).expect("a legal model"));
        differentiate(&mut program).expect("every op has a gradient");
        assert_eq!(
            program.graph.to_string(),
            "%0 [3] = input 0 float32\n\
             %1 [3] = cumsum { outer: 1, extent: 3, inner: 1, reverse: false } %0\n\
             %2 [3] = gradient of output 0\n\
             %3 [3] = cumsum { outer: 1, extent: 3, inner: 1, reverse: true } %2\n\
             outputs %1\n"
        );
    }
}
