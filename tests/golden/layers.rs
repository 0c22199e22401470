//! Layers: outputs, gradients by inputs and weights, moving statistics and penalties.
//!
//! The graph of each case is made from the arguments that the case gives in Python, and its plans
//! are run as they are for a user's model. Of a batch normalization the gradients in inference are
//! those of a frozen layer; the others come from its training plan.

use std::ops::Range;

use keras_graph::compile::{compile, describe};
use keras_graph::graph::Mode;
use keras_graph::network::Network;
use keras_runtime::dtype_policy::DtypePolicy;
use keras_runtime::execute::{Batch, Execution, Head, Keep, NoHead, Rows};
use keras_runtime::kernels::{Backend, Cpu, Reference};

use crate::called::{mask_network, network};
use crate::tensors::{Case, Inputs, Tensor, check_all, on_all_levels};

/// Sends the case's upstream gradient into the model.
pub(crate) struct Upstream(pub(crate) Vec<Tensor>);

impl Head for Upstream {
    fn sums(&self) -> usize {
        0
    }

    fn samples(
        &self,
        output: usize,
        samples: Range<usize>,
        _: &[f32],
        d_y_pred: Option<&mut [f32]>,
        _: &mut [f64],
    ) {
        let upstream = &self.0[output];
        let len = upstream.shape[1..].iter().product::<usize>();
        if let Some(d_y_pred) = d_y_pred {
            d_y_pred.copy_from_slice(&upstream.floats()[samples.start * len..samples.end * len]);
        }
    }
}

/// What a plan made of a case.
pub(crate) struct Run {
    pub(crate) outputs: Vec<Vec<f32>>,
    pub(crate) gradient: Vec<f32>,
    pub(crate) input_gradients: Vec<Vec<f32>>,
    weights: Vec<f32>,
    activity_penalty: f64,
}

fn execute<B: Backend>(case: &Case, network: &Network, mode: Mode) -> Run {
    execute_under::<B>(DtypePolicy::Float32, case, network, mode)
}

pub(crate) fn execute_under<B: Backend>(
    policy: DtypePolicy,
    case: &Case,
    network: &Network,
    mode: Mode,
) -> Run {
    let plan = compile(network, mode).unwrap();
    let training = mode != Mode::Inference;
    let inputs = Inputs(case.inputs());
    let mut weights: Vec<f32> =
        case.numbered("weight").iter().flat_map(|w| w.floats().to_vec()).collect();
    let samples = inputs.0[0].shape[0];
    let keep = if training { Keep::InputGradients } else { Keep::Outputs };
    let mut execution = Execution::under::<B>(policy, &plan, keep);
    let batch = Batch { x: &inputs, rows: Rows::Range(0..samples), seed: 1, step: 0 };
    let upstream = Upstream(case.numbered("upstream"));
    execution.run(&weights, &batch, if training { &upstream as &dyn Head } else { &NoHead });
    let outputs = plan.outputs.iter().enumerate().map(|(i, described)| {
        let mut output = vec![0.0; samples * described.place.len];
        execution.copy_output(i, &mut output);
        output
    });
    let mut run = Run {
        outputs: outputs.collect(),
        gradient: vec![],
        input_gradients: vec![],
        weights: vec![],
        activity_penalty: execution.activity_penalty(samples),
    };
    if training {
        for (i, input) in inputs.0.iter().enumerate() {
            let mut d_x = vec![0.0; input.shape.iter().product()];
            if plan.inputs[i].gradient.is_some() {
                execution.copy_input_gradient(i, &mut d_x);
            }
            run.input_gradients.push(d_x);
        }
        run.gradient = execution.gradient(&batch)[..weights.len()].to_vec();
        execution.move_statistics(&mut weights);
        run.weights = weights;
    }
    run
}

/// Compares the gradients of a run with the tensors whose names begin with `prefix`.
fn check_gradients(case: &Case, run: &Run, prefix: &str, with_weights: bool) {
    for (name, d_x) in case.input_names().iter().zip(&run.input_gradients) {
        if let Some(expected) = case.tensors.get(&format!("{prefix}_{name}")) {
            case.check(&format!("d_{name}"), "grad_tolerance", d_x, expected.floats());
        }
    }
    let mut offset = 0;
    for (i, weight) in case.numbered("weight").iter().enumerate().filter(|_| with_weights) {
        let len = weight.floats().len();
        if let Some(expected) = case.tensors.get(&format!("{prefix}_weight_{i}")) {
            let found = &run.gradient[offset..][..len];
            case.check(&format!("d_weight_{i}"), "grad_tolerance", found, expected.floats());
        }
        offset += len;
    }
}

pub(crate) fn check_outputs(case: &Case, run: &Run) {
    let expected = case.numbered("output");
    assert_eq!(run.outputs.len(), expected.len(), "{}: outputs", case.name());
    for (i, (found, expected)) in run.outputs.iter().zip(&expected).enumerate() {
        case.check(&format!("output {i}"), "tolerance", found, expected.floats());
    }
}

fn check_case<B: Backend>(case: &Case) {
    let network_trained = network(case, true);
    let description = describe(&network_trained, String::new()).unwrap();
    for (found, expected) in description.weights.iter().zip(case.numbered("weight")) {
        assert_eq!(*found.shape, *expected.shape, "{}: {}", case.name(), found.name);
    }
    let inference = execute::<B>(case, &network_trained, Mode::Inference);
    check_outputs(case, &inference);
    for i in 0..inference.outputs.len() {
        if let Some(mask) = case.tensors.get(&format!("output_mask_{i}")) {
            let found = execute::<B>(case, &mask_network(case, i), Mode::Inference);
            case.check(
                &format!("mask of output {i}"),
                "tolerance",
                &found.outputs[0],
                mask.floats(),
            );
        }
    }
    let mode = Mode::Training { input_gradients: true };
    let training = execute::<B>(case, &network_trained, mode);
    if let Some(expected) = case.tensors.get("train_output") {
        // Training differs from inference: a frozen layer has the gradient that the case gives of
        // inference.
        case.check("training output", "tolerance", &training.outputs[0], expected.floats());
        check_gradients(case, &training, "train_grad", true);
        let frozen = execute::<B>(case, &network(case, false), mode);
        check_gradients(case, &frozen, "grad", false);
    } else if !case.json["kind"].as_str().is_some_and(|kind| kind.contains("Dropout")) {
        check_gradients(case, &without_penalty(case, training), "grad", true);
    } else {
        return;
    }
    check_updates::<B>(case, &network_trained);
    let penalties: f32 = case.numbered("losses").iter().map(|loss| loss.floats()[0]).sum();
    let mut found = inference.activity_penalty as f32;
    for (info, weight) in description.weights.iter().zip(case.numbered("weight")) {
        let sum = |f: fn(f32) -> f32| weight.floats().iter().map(|w| f(*w)).sum::<f32>();
        found += info.l1 * sum(f32::abs) + info.l2 * sum(|w| w * w);
    }
    case.check("penalties", "tolerance", &[found], &[penalties]);
}

/// The reference data's gradients do not contain those of penalties on the output, a training
/// plan's do.
fn without_penalty(case: &Case, run: Run) -> Run {
    if run.activity_penalty == 0.0 {
        return run;
    }
    let mut plain = network(case, true);
    plain.layers.iter_mut().for_each(|layer| layer.activity_regularizer = None);
    if case.json["kind"] == "ActivityRegularization" {
        return Run { input_gradients: vec![], ..run };
    }
    execute::<Reference>(case, &plain, Mode::Training { input_gradients: true })
}

/// Compares the weights that a training call itself changes.
fn check_updates<B: Backend>(case: &Case, network: &Network) {
    let run = execute::<B>(case, network, Mode::Training { input_gradients: true });
    let mut offset = 0;
    for (i, weight) in case.numbered("weight").iter().enumerate() {
        let len = weight.floats().len();
        let expected = case.tensors.get(&format!("updated_weight_{i}")).unwrap_or(weight);
        let found = &run.weights[offset..][..len];
        case.check(&format!("updated weight_{i}"), "tolerance", found, expected.floats());
        offset += len;
    }
}

#[test]
fn reference_layers_equal_keras() {
    check_all("layers", check_case::<Reference>);
}

#[test]
fn cpu_layers_equal_keras() {
    on_all_levels(|| check_all("layers", check_case::<Cpu>));
}
