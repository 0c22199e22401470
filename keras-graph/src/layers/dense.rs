//! `Dense`: a product with a matrix.

use crate::activation::Activation;
use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layers::Case;
use crate::op::Gemm;
use crate::schema::{Layer, layer, layer_basics};
use crate::shape::Shape;

layer! {
    /// Fully connected layer: `y = activation(x · kernel + bias)`.
    ///
    /// Shapes: `(batch, ..., features) -> (batch, ..., units)`.
    pub struct Dense {
        /// Extent of the output's last axis.
        units: usize,
        /// Whether a learned bias is added.
        use_bias: bool = true,
    }
}

pub(super) const CASES: &[Case] =
    &[Case { arguments: "units = 5", inputs: &[&[2, 3]], output: &[2, 5] }];

impl Layer for Dense {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let extents = graph.shape(x).extents().to_vec();
        let Some((&k, outer)) = extents.split_last() else {
            return Err(LayerError::input("`Dense` expects (batch, ..., features), found (batch)"));
        };
        let kernel = graph.weight("kernel", &[k, self.units], Initializer::GLOROT_UNIFORM, None)?;
        let m = outer.iter().product();
        let op = Gemm { m, k, n: self.units, bias: false, f: Activation::Linear };
        let shape = Shape::new([outer, &[self.units]].concat());
        Ok(graph.push(op, &[x.into(), kernel.into()], shape))
    }
}
