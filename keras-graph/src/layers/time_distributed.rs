//! `TimeDistributed`: one layer on each step of a sequence.

use crate::call::{Call, CallArgument, CallValue, Lowered, MASK, TRAINING};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, Mode, NodeId};
use crate::layer::Layer;
use crate::layers::{Case, InnerLayer};
use crate::schema::{layer, layer_basics};

layer! {
    /// Applies a layer to each step of a sequence, with the same weights.
    ///
    /// Shapes: `(batch, time, ...) -> (batch, time, ...)`; the layer reads `(batch, ...)`. A mask
    /// is passed on, and each of its steps given to a layer whose calls take one. A batch
    /// normalization moves its statistics by each step's in turn. Source: Keras 3.15
    /// `layers/rnn/time_distributed.py`.
    pub struct TimeDistributed {
        /// The layer, such as `Dense(8)`.
        layer: InnerLayer,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "Dense(5)", inputs: &[&[3, 4]], output: &[3, 5] },
    Case {
        arguments: "layer = Conv2D(2, 3, padding = \"same\")",
        inputs: &[&[3, 5, 4, 1]],
        output: &[3, 5, 4, 2],
    },
    Case { arguments: "BatchNormalization()", inputs: &[&[3, 4]], output: &[3, 4] },
    Case { arguments: "Dropout(0.5)", inputs: &[&[2, 3]], output: &[2, 3] },
    Case { arguments: "Flatten()", inputs: &[&[2, 3, 4]], output: &[2, 12] },
    Case { arguments: "TimeDistributed(Dense(5))", inputs: &[&[3, 2, 4]], output: &[3, 2, 5] },
];

impl TimeDistributed {
    /// Appends the ops of the layer on one step: on the tensor, and on the mask if there is one.
    fn step(&self, graph: &mut Graph, step: &[NodeId]) -> Result<NodeId, LayerError> {
        let mut call = Call::on(&[Lowered::unmasked(step[0])]);
        let mask = step.get(1).map(|&mask| CallValue::Tensor(Lowered::unmasked(mask)));
        call.arguments.extend(mask.map(|value| CallArgument {
            name: MASK.name,
            is_positional: false,
            value,
        }));
        let InnerLayer { name, layer, trainable, .. } = &self.layer;
        let results = graph.in_inner("layer", name, *trainable, |graph| {
            // As in Keras, a penalty on what a layer returns is not one on its steps.
            let penalties = graph.activity.len();
            let results = layer.lower_call(graph, &call);
            graph.activity.truncate(penalties);
            results
        })?;
        match results[..] {
            [result] => Ok(result.node),
            _ => {
                let (class, found) = (layer.schema().class, results.len());
                let message = format!(
                    "`TimeDistributed` expects a layer with one result, \
                     found `{class}` with {found}"
                );
                Err(LayerError::argument("layer", message))
            }
        }
    }

    /// Appends the ops of all steps: of one op for all of them, unless the layer looks at a whole
    /// batch.
    fn steps(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        times: usize,
    ) -> Result<NodeId, LayerError> {
        if graph.mode() == Mode::Inference {
            return graph.repeated(inputs, times, |graph, step| self.step(graph, step));
        }
        let before = graph.clone();
        let y = graph.repeated(inputs, times, |graph, step| self.step(graph, step))?;
        if graph.moving.len() == before.moving.len() {
            return Ok(y);
        }
        // Each step is normalized by its own moments.
        *graph = before;
        let mut results = Vec::with_capacity(times);
        for time in 0..times {
            let cut = |graph: &mut Graph, x: NodeId| {
                let rest = graph.extents(x)[1..].to_vec();
                let step = graph.slice(x, 0, time, 1)?;
                graph.reshape(step, &rest)
            };
            let step = inputs.iter().map(|&x| cut(graph, x)).collect::<Result<Vec<_>, _>>()?;
            let y = self.step(graph, &step)?;
            let extents = [&[1], graph.shape(y).extents()].concat();
            results.push(graph.reshape(y, &extents)?);
        }
        graph.concat(&results, 0)
    }
}

impl Layer for TimeDistributed {
    layer_basics!(masking, [TRAINING, MASK]);

    fn input_dtype(&self) -> Dtype {
        self.layer.layer.input_dtype()
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let [x] = call.inputs[..] else {
            return Err(LayerError::several_tensors("TimeDistributed", call.inputs.len()));
        };
        if self.layer.layer.joins() {
            let found = self.layer.layer.schema().class;
            let message = format!(
                "`TimeDistributed` expects a layer of one tensor, found `{found}` of several"
            );
            return Err(LayerError::argument("layer", message));
        }
        let shape = graph.shape(x.node).clone();
        let [times, _, ..] = *shape.extents() else {
            let message =
                format!("`TimeDistributed` expects (batch, time, features, ...), found {shape}");
            let help = "call the layer itself, or put `Reshape((time, features))` before it";
            return Err(LayerError::input(message).help(help));
        };
        let mask = call.mask();
        if let Some(mask) = mask
            && graph.shape(mask).extents().first() != Some(&times)
        {
            let (found, class) = (graph.shape(mask), "TimeDistributed");
            let message = format!("`{class}` expects a mask (batch, {times}, ...), found {found}");
            return Err(LayerError::argument(MASK.name, message));
        }
        let takes_mask = self.layer.layer.call_parameters().iter();
        let takes_mask = takes_mask.map(|parameter| parameter.name).any(|name| name == MASK.name);
        let inputs: Vec<NodeId> = [x.node].into_iter().chain(mask.filter(|_| takes_mask)).collect();
        let node = self.steps(graph, &inputs, times)?;
        Ok(vec![Lowered { node, mask: self.compute_mask(graph, call)? }])
    }
}
