//! `Dropout`: zeroes random elements while training.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::Share;
use crate::schema::{Mismatch, ParameterType, layer, layer_basics};
use crate::value::Value;

layer! {
    /// While training, zeroes each element with probability `rate` and scales the others by
    /// `1 / (1 - rate)`. Does nothing in a prediction.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`. Source: Srivastava et al. 2014.
    pub struct Dropout {
        /// Probability that an element becomes 0.
        rate: Share,
        /// Shape of the mask, batch included: elements along an axis of 1 fall together; `None`
        /// stands for the input's extent.
        noise_shape: Option<NoiseShape> = None,
        /// Seed of this layer alone; else the model's seed decides.
        seed: Option<i64> = None,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "0.5", inputs: &[&[2, 3]], output: &[2, 3] },
    Case {
        arguments: "rate = 0.25, noise_shape = (None, 1, 3)",
        inputs: &[&[2, 3]],
        output: &[2, 3],
    },
    Case { arguments: "rate = 0.0", inputs: &[&[7]], output: &[7] },
    Case { arguments: "rate = 1.0", inputs: &[&[7]], output: &[7] },
];

/// Shape of a mask, the batch first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoiseShape(Vec<Option<usize>>);

impl ParameterType for NoiseShape {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let extents: Option<Vec<Option<usize>>> = match value {
            Value::List(items) => items.iter().map(|item| Option::from_value(item).ok()).collect(),
            _ => None,
        };
        extents.map(NoiseShape).ok_or_else(|| {
            Mismatch::expected("a tuple of positive integers and `None`, such as `(None, 1, 8)`")
        })
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(Option::to_value).collect())
    }
}

impl Dropout {
    /// Extents of the mask per sample.
    fn mask(&self, extents: &[usize], noise: &NoiseShape) -> Result<Vec<usize>, LayerError> {
        let expected = || {
            let extents: Vec<String> =
                extents.iter().map(|extent| format!("1 or {extent}")).collect();
            format!("(None, {})", extents.join(", "))
        };
        let found = || NoiseShape::to_value(noise);
        let wrong = || {
            let message =
                format!("`noise_shape` of `Dropout` expects {}, found {}", expected(), found());
            LayerError::argument("noise_shape", message)
        };
        let Some((batch, noise)) = noise.0.split_first() else { return Err(wrong()) };
        if *batch == Some(1) {
            return Err(wrong().help("one mask for the whole batch is not supported yet"));
        }
        if noise.len() != extents.len() {
            return Err(wrong());
        }
        let mask: Vec<usize> =
            noise.iter().zip(extents).map(|(noise, &extent)| noise.unwrap_or(extent)).collect();
        let fits = mask.iter().zip(extents).all(|(&mask, &extent)| mask == 1 || mask == extent);
        if fits { Ok(mask) } else { Err(wrong()) }
    }
}

impl Layer for Dropout {
    layer_basics!(masking);

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let extents = graph.extents(x);
        let mask = self.noise_shape.as_ref().map(|noise| self.mask(&extents, noise)).transpose()?;
        dropped(graph, "Dropout", x, self.rate, mask, self.seed)
    }
}

/// `x` as a dropout leaves it. Elements along an axis where `mask` is 1 fall together; without a
/// mask each falls alone.
pub(super) fn dropped(
    graph: &mut Graph,
    class: &str,
    x: NodeId,
    Share(rate): Share,
    mask: Option<Vec<usize>>,
    seed: Option<i64>,
) -> Result<NodeId, LayerError> {
    if rate == 0.0 || !graph.is_training(class)? {
        return Ok(x);
    }
    if rate == 1.0 {
        return graph.affine(x, 0.0, 0.0);
    }
    let extents = graph.extents(x);
    let mask = mask.filter(|mask| *mask != extents);
    graph.dropout(x, rate, mask.as_deref(), seed.map(i64::cast_unsigned))
}
