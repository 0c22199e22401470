//! `PReLU`: negative values are scaled by learned slopes.

use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::Counts;
use crate::schema::{Mismatch, ParameterType, layer, layer_basics};
use crate::value::Value;

layer! {
    /// `y = x` where `x >= 0`, else `alpha · x`, with a learned `alpha` for each element.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`. Source: He et al. 2015.
    pub struct PReLU {
    }
    weights {
        /// `alpha`
        alpha = Initializer::ZEROS,
    }
    and {
        /// Axes along which one `alpha` serves all elements; 1 is the first behind the batch.
        shared_axes: Option<SharedAxes> = None,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "alpha_initializer = Constant(0.25)", inputs: &[&[2, 3]], output: &[2, 3] },
    Case {
        arguments: "alpha_initializer = RandomUniform(0.1, 0.5), shared_axes = (1, 2)",
        inputs: &[&[4, 2, 3]],
        output: &[4, 2, 3],
    },
];

/// Axes, 1 the first behind the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedAxes(Vec<usize>);

impl ParameterType for SharedAxes {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let list = match value {
            Value::List(_) => value.clone(),
            axis => Value::List(vec![axis.clone()]),
        };
        Counts::from_value(&list).map(|axes| SharedAxes(axes.0)).map_err(|_| {
            Mismatch::expected("a list of axes, such as `[1, 2]`; 1 is the first behind the batch")
        })
    }

    fn to_value(&self) -> Value {
        Counts(self.0.clone()).to_value()
    }
}

impl Layer for PReLU {
    layer_basics!(masking);

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let mut extents = graph.extents(x);
        for &axis in self.shared_axes.iter().flat_map(|axes| &axes.0) {
            let Some(extent) = extents.get_mut(axis - 1) else {
                let found = graph.shape(x);
                let message = format!("`PReLU` shares axis {axis}, which {found} does not have");
                return Err(LayerError::argument("shared_axes", message));
            };
            *extent = 1;
        }
        let alpha = graph.weight("alpha", &extents, &self.alpha)?;
        graph.prelu(x, alpha)
    }
}
