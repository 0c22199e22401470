//! A plan run once on flat numbers: for predictions, and for networks that have no type, as tests
//! build them.

use core::ops::Range;

use keras_graph::plan::{Operand, Plan};

use super::batch::{Batch, Head, Keep, NoHead, Rows};
use super::execution::Execution;
use crate::kernels::Backend;
use crate::sample::{Samples, Values};

/// Samples of a prediction that are run together, for each shard. More would only cost memory.
pub(crate) const PREDICTED_TOGETHER: usize = 4096;

/// Samples as flat numbers: for each port the numbers of all samples, one sample after the other.
#[derive(Clone, Debug)]
pub struct FlatSamples<'a> {
    count: usize,
    /// The numbers of each port. Those of an integer port are bits of `i32`.
    ports: &'a [Vec<f32>],
}

impl<'a> FlatSamples<'a> {
    /// `count` samples. Panics: if the numbers of a port cannot be shared out evenly.
    pub fn new(count: usize, ports: &'a [Vec<f32>]) -> FlatSamples<'a> {
        for port in ports {
            assert_eq!(port.len() % count.max(1), 0, "each sample has as many numbers");
        }
        FlatSamples { count, ports }
    }
}

impl Samples for FlatSamples<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn port(&self, sample: usize, port: usize) -> Values<'_> {
        let len = self.ports[port].len() / self.count;
        Values::Floats(&self.ports[port][sample * len..][..len])
    }

    fn ports(&self, samples: Range<usize>, port: usize) -> Option<Values<'_>> {
        let len = self.ports[port].len() / self.count;
        Some(Values::Floats(&self.ports[port][samples.start * len..samples.end * len]))
    }
}

/// Writes the predictions for all samples, an output after the other, to `outputs`.
/// Panics: if weights, samples or outputs do not fit the plan.
pub fn predict<B: Backend>(
    plan: &Plan,
    weights: &[f32],
    x: &dyn Samples,
    outputs: &mut [&mut [f32]],
) {
    predict_batches::<B>(plan, weights, x, PREDICTED_TOGETHER, outputs);
}

/// As [`predict`], so many samples together. Panics: likewise, and if that is none.
pub(crate) fn predict_batches<B: Backend>(
    plan: &Plan,
    weights: &[f32],
    x: &dyn Samples,
    batch_size: usize,
    outputs: &mut [&mut [f32]],
) {
    assert!(batch_size > 0, "a batch has a sample");
    let mut execution = Execution::new::<B>(plan, Keep::Outputs);
    let mut first = 0;
    while first < x.count() {
        let end = x.count().min(first.saturating_add(batch_size));
        let batch = Batch { x, rows: Rows::Range(first..end), seed: 0, step: 0 };
        execution.run(weights, &batch, &NoHead);
        for (i, (port, output)) in plan.outputs.iter().zip(outputs.iter_mut()).enumerate() {
            let len = port.place.len;
            execution.copy_output(i, &mut output[first * len..end * len]);
        }
        first = end;
    }
}

/// What [`gradients`] finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// The outputs, each with the numbers of all samples.
    pub outputs: Vec<Vec<f32>>,
    /// The gradients by the inputs; empty for one that has none, such as labels.
    pub inputs: Vec<Vec<f32>>,
    /// The gradient by the weights, laid out as they are.
    pub weights: Vec<f32>,
}

/// Runs a training plan whose outputs have the gradients `upstream`: gradients are of
/// `Σ output · upstream`. Panics: if weights, samples or `upstream` do not fit the plan.
pub fn gradients<B: Backend>(
    plan: &Plan,
    weights: &[f32],
    x: &dyn Samples,
    upstream: &[Vec<f32>],
) -> Gradients {
    let count = x.count();
    let mut execution = Execution::new::<B>(plan, Keep::InputGradients);
    let batch = Batch { x, rows: Rows::Range(0..count), seed: 0, step: 0 };
    execution.run(weights, &batch, &Upstream(upstream));
    let mut outputs: Vec<Vec<f32>> =
        plan.outputs.iter().map(|port| vec![0.0; port.place.len * count]).collect();
    for (i, output) in outputs.iter_mut().enumerate() {
        execution.copy_output(i, output);
    }
    let input_len = |gradient: Option<Operand>| gradient.map_or(0, |d_x| d_x.place.len * count);
    let mut inputs: Vec<Vec<f32>> =
        plan.inputs.iter().map(|port| vec![0.0; input_len(port.gradient)]).collect();
    for (i, input) in inputs.iter_mut().enumerate() {
        execution.copy_input_gradient(i, input);
    }
    Gradients { outputs, inputs, weights: execution.gradient(&batch).to_vec() }
}

/// A head that knows the gradients of the outputs.
struct Upstream<'a>(&'a [Vec<f32>]);

impl Head for Upstream<'_> {
    fn sums(&self) -> usize {
        0
    }

    fn samples(
        &self,
        output: usize,
        samples: Range<usize>,
        y_pred: &[f32],
        d_y_pred: Option<&mut [f32]>,
        _: &mut [f64],
    ) {
        if let Some(d_y_pred) = d_y_pred {
            let len = y_pred.len() / samples.len();
            d_y_pred.copy_from_slice(&self.0[output][samples.start * len..samples.end * len]);
        }
    }
}
