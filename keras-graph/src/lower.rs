//! From a network to a graph of ops: each call of a layer appends its ops. A mask stands beside
//! each tensor; a model that is called as a layer is lowered in place.

use crate::call::{Call, Lowered, MASK, TRAINING};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, Mode, NodeId};
use crate::network::{LayerCall, LayerId, LayerKind, Network, NetworkLayer, Tensor, TensorId};
use crate::order::live_calls;
use crate::shape::Shape;

impl Network {
    /// The graph of ops of the whole model. Its inputs are numbered in the order of
    /// [`Network::inputs`].
    pub fn lower(&self, mode: Mode) -> Result<Graph, LayerError> {
        let mut graph = Graph::new(mode);
        self.lower_on(&mut graph, Shape::clone)?;
        Ok(graph)
    }

    /// Appends the ops of one step to a graph for it: the inputs are sequences of one step.
    pub(crate) fn lower_step(&self, graph: &mut Graph) -> Result<(), LayerError> {
        self.lower_on(graph, |shape| {
            let rest = shape.extents().get(1..).unwrap_or_default();
            Shape::new([&[1], rest].concat())
        })
    }

    /// Appends the ops of the model, on inputs of the shapes that `shape` makes of its own.
    fn lower_on(
        &self,
        graph: &mut Graph,
        shape: impl Fn(&Shape) -> Shape,
    ) -> Result<(), LayerError> {
        let inputs: Vec<NodeId> = self
            .inputs
            .iter()
            .enumerate()
            .map(|(i, &tensor)| {
                let Tensor { shape: own, dtype, .. } = &self.tensors[tensor.0];
                graph.input(i, shape(own), *dtype)
            })
            .collect();
        let inputs: Vec<Lowered> = inputs.into_iter().map(Lowered::unmasked).collect();
        let outputs = self.lower_calls(graph, &inputs)?;
        // Integers leave a model as floats, as all that it predicts.
        let outputs = outputs.iter().map(|output| graph.float(output.node));
        graph.outputs = outputs.collect::<Result<_, LayerError>>()?;
        Ok(())
    }

    /// Lowers all calls that lead to the outputs.
    fn lower_calls(
        &self,
        graph: &mut Graph,
        inputs: &[Lowered],
    ) -> Result<Vec<Lowered>, LayerError> {
        let mut lowered: Vec<Option<Lowered>> = vec![None; self.tensors.len()];
        for (&tensor, &input) in self.inputs.iter().zip(inputs) {
            lowered[tensor.0] = Some(input);
        }
        let found = |lowered: &[Option<Lowered>], tensor: TensorId| {
            lowered[tensor.0].expect("a call stands after those that made its inputs")
        };
        let mut live = live_calls(self);
        live.sort_unstable();
        for LayerCall { layer, call, outputs } in live.into_iter().map(|call| &self.calls[call]) {
            if matches!(self.layers[layer.0].kind, LayerKind::Input { .. }) {
                continue;
            }
            let call = call.map(|tensor| found(&lowered, tensor));
            let results = self.lower_layer(graph, *layer, &call)?;
            for (tensor, result) in outputs.iter().zip(results) {
                lowered[tensor.0] = Some(result);
            }
        }
        Ok(self.outputs.iter().map(|&tensor| found(&lowered, tensor)).collect())
    }

    fn lower_layer(
        &self,
        graph: &mut Graph,
        layer: LayerId,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let NetworkLayer { name, kind, trainable, activity_regularizer } = &self.layers[layer.0];
        let lower = |graph: &mut Graph| match kind {
            LayerKind::Input { .. } => {
                Err(LayerError::input(format!("the input `{name}` cannot be called")))
            }
            LayerKind::Network(network) => network.lower_as_layer(graph, call),
            LayerKind::Layer(layer) => {
                let results = layer.lower_call(graph, call)?;
                if let Some(regularizer) = activity_regularizer
                    && layer.penalises_results()
                {
                    for result in &results {
                        graph.penalise_activity(result.node, *regularizer);
                    }
                }
                Ok(results)
            }
        };
        let training = call.flag(TRAINING.name);
        graph.in_call(training, |graph| graph.in_layer(name, *trainable, lower))
    }

    fn lower_as_layer(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let mut inputs = call.inputs.clone();
        let masks = call.list(MASK.name).unwrap_or_default();
        for (input, mask) in inputs.iter_mut().zip(masks) {
            input.mask = mask.map(|mask| mask.node).or(input.mask);
        }
        if inputs.len() != self.inputs.len() {
            return Err(LayerError::input(format!(
                "the model `{}` expects {} inputs, found {}",
                self.name,
                self.inputs.len(),
                inputs.len()
            )));
        }
        for (&declared, given) in self.inputs.iter().zip(&mut inputs) {
            let (expected, found) = (self.shape(declared), graph.shape(given.node));
            if expected != found {
                return Err(LayerError::input(format!(
                    "the model `{}` expects {expected}, found {found}",
                    self.name
                )));
            }
            given.node = graph.cast(given.node, self.tensors[declared.0].dtype)?;
        }
        self.lower_calls(graph, &inputs)
    }

    /// Lowers one call with its tensors and their masks as inputs.
    pub(crate) fn lower_alone(
        &self,
        graph: &mut Graph,
        layer: LayerId,
        call: &Call<TensorId>,
        mask_of: fn(&Tensor) -> Option<&Shape>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let call = call.map(|tensor| {
            let described = &self.tensors[tensor.0];
            let node = graph.input(tensor.0, described.shape.clone(), described.dtype);
            let mask = mask_of(described).map(|shape| {
                graph.input(self.tensors.len() + tensor.0, shape.clone(), Dtype::Bool)
            });
            Lowered { node, mask }
        });
        self.lower_layer(graph, layer, &call)
    }
}

#[cfg(test)]
mod tests;
