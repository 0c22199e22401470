//! `Masking`: steps that do not count.

use crate::call::{Call, Lowered};
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::{Layer, MaskSource, MaskedRank};
use crate::layers::Case;
use crate::op::Comparison;
use crate::schema::{layer, layer_basics};

layer! {
    /// Masks the steps whose features are all `mask_value`, and makes them zero.
    ///
    /// The mask is passed on to the layers behind it, as far as they take note of masks, and to
    /// losses and metrics. Shapes: `(batch, ..., features) -> (batch, ..., features)`, the mask
    /// `(batch, ...)`.
    pub struct Masking {
        /// The number that fills a step that does not count.
        mask_value: f32 = 0.0,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[4, 3]], output: &[4, 3] },
    Case { arguments: "mask_value = -1.0", inputs: &[&[2, 4, 3]], output: &[2, 4, 3] },
];

impl Masking {
    /// Which steps count.
    fn mask(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let shape = graph.shape(x);
        if shape.rank() == 0 {
            let message = format!("`Masking` expects (batch, ..., features), found {shape}");
            return Err(LayerError::input(message));
        }
        let differs = graph.compare_with(x, Comparison::NotEqual, self.mask_value)?;
        graph.any_last(differs)
    }
}

impl Layer for Masking {
    layer_basics!(masking);

    fn mask_sources(&self, _: &[MaskedRank]) -> Vec<MaskSource> {
        vec![MaskSource { input: 0, is_mask: false, operations: 2 }]
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let x = graph.float(call.one("Masking")?)?;
        let mask = self.mask(graph, x)?;
        Ok(vec![Lowered { node: graph.masked(x, mask, 0.0)?, mask: Some(mask) }])
    }
}
