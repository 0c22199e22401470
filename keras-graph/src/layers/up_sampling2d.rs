//! `UpSampling2D`: a larger image.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::op::Interpolation;
use crate::parameter::{ChannelsLast, Sizes, unknown_word, word};
use crate::schema::{Mismatch, ParameterType, layer, layer_basics};
use crate::value::Value;

layer! {
    /// Enlarges images.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, height · size[0], width · size[1],
    /// channels)`.
    pub struct UpSampling2D {
        /// Factors of height and width.
        size: Sizes<2> = Sizes([2, 2]),
        /// Order of the axes.
        data_format: ChannelsLast<2> = ChannelsLast,
        /// How new cells are made: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos3"` or
        /// `"lanczos5"`.
        interpolation: Interpolation = Interpolation::Nearest,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[3, 4, 2]], output: &[6, 8, 2] },
    Case {
        arguments: "(2, 3), interpolation = \"bilinear\"",
        inputs: &[&[4, 5, 2]],
        output: &[8, 15, 2],
    },
];

const INTERPOLATIONS: &[(&str, Interpolation)] = &[
    ("nearest", Interpolation::Nearest),
    ("bilinear", Interpolation::Bilinear),
    ("bicubic", Interpolation::Bicubic),
    ("lanczos3", Interpolation::Lanczos3),
    ("lanczos5", Interpolation::Lanczos5),
];

impl ParameterType for Interpolation {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let name = word(value).map(str::to_ascii_lowercase);
        let known = INTERPOLATIONS.iter().find(|(known, _)| Some(*known) == name.as_deref());
        known.map(|(_, interpolation)| *interpolation).ok_or_else(|| {
            let names = INTERPOLATIONS.iter().map(|(name, _)| *name);
            let list: Vec<String> = names.clone().map(|name| format!("`\"{name}\"`")).collect();
            unknown_word(value, format!("one of {}", list.join(", ")), names)
        })
    }

    fn to_value(&self) -> Value {
        let known = INTERPOLATIONS.iter().find(|(_, interpolation)| interpolation == self);
        Value::Str(known.map_or("nearest", |(name, _)| name).to_string())
    }
}

impl Layer for UpSampling2D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, _, _) = graph.cells::<2>("UpSampling2D", x)?;
        graph.upsample2d(x, self.size.0, self.interpolation)
    }
}
