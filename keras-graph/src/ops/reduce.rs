//! Sums, means and extrema over axes, and elements picked along one.

use crate::activation::Activation;
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
        let mut to = extents.clone();
        axes.iter().for_each(|&axis| to[axis] = 1);
        let left = without(&extents, axes);
        if extents == to {
            return self.reshape(x, &left);
        }
        let (from, to) = (ranked(&extents)?, ranked(&to)?);
        self.emit(SumTo { rank: extents.len(), from, to }, &[x.into()], left)
    }

    /// The sums of the elements up to each along an axis; from each on if `reverse`.
    pub fn cumsum(&mut self, x: NodeId, axis: usize, reverse: bool) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, extent, inner) = self.shape(x).around(axis);
        self.emit(Cumsum { outer, extent, inner, reverse }, &[x.into()], self.extents(x))
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
        let Some((&first, &last)) = axes.first().zip(axes.last()) else { return Ok(x) };
        // Neighbouring axes are one; others are brought to the end.
        let is_one = last - first + 1 == axes.len();
        let (x, begin) = if is_one {
            (x, first)
        } else {
            let others = (0..self.shape(x).rank()).filter(|axis| !axes.contains(axis));
            let order: Vec<usize> = others.chain(axes.iter().copied()).collect();
            (self.transpose(x, &order)?, order.len() - axes.len())
        };
        let extents = self.extents(x);
        let len = |extents: &[usize]| extents.iter().product::<usize>();
        let (outer, rest) = extents.split_at(begin);
        let (extent, inner) = rest.split_at(axes.len());
        let op = Reduce { outer: len(outer), extent: len(extent), inner: len(inner), f };
        self.emit(op, &[x.into()], left)
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
        let y = self.emit(op, &[x.into(), ids.into()], self.extents(ids))?;
        self.set_dtype(y, self.dtype(x));
        Ok(y)
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
        let one = self.ramp(&small, 1.0, 0.0)?;
        let factor = self.binary(one, norm, BinaryFunction::Divide)?;
        let mut kept = self.extents(x);
        axes.iter().for_each(|&axis| kept[axis] = 1);
        let factor = self.reshape(factor, &kept)?;
        let factor = self.broadcast(factor, &self.extents(x))?;
        self.binary(x, factor, BinaryFunction::Multiply)
    }
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
