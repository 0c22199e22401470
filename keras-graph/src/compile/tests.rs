//! Tests of whole plans: which steps there are, in which segments, and where their results lie.

use super::*;
use crate::activation::Activation;
use crate::initializer::Initializer;
use crate::models::{self, perceptron};
use crate::network::Class;
use crate::regularizer::Regularizer;

const TRAINING: Mode = Mode::Training { input_gradients: false };
const WITH_INPUTS: Mode = Mode::Training { input_gradients: true };

fn plan(network: &Network, mode: Mode) -> Plan {
    compile(network, mode).expect("a legal model")
}

fn names(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(|step| step.op.name()).collect()
}

#[test]
fn nothing_is_computed_that_nobody_reads() {
    let network = perceptron();
    let inference = plan(&network, Mode::Inference);
    assert_eq!(names(&inference), ["gemm", "gemm"]);
    assert_eq!((inference.weights_len, inference.reduced_len, inference.flops), (25, 0, 50));
    let training = plan(&network, TRAINING);
    assert_eq!(names(&training), ["gemm", "gemm", "gemm_grad_w", "gemm_grad_x", "gemm_grad_w"]);
    assert_eq!((training.forward, training.segments.len(), training.reduced_len), (2, 1, 25));
    let training = plan(&network, WITH_INPUTS);
    assert_eq!(names(&training).last(), Some(&"gemm_grad_x"));
    assert_eq!(training.inputs[0].gradient.map(|gradient| gradient.place.len), Some(3));
}

#[test]
fn frozen_layers_have_no_gradient() {
    let mut network = perceptron();
    network.layers[1].trainable = false;
    assert_eq!(names(&plan(&network, TRAINING)), ["gemm", "gemm", "gemm_grad_w"]);
    network.layers[2].trainable = false;
    let training = plan(&network, TRAINING);
    assert_eq!(names(&training), ["gemm", "gemm"]);
    assert!(training.outputs[0].gradient.is_some());
}

#[test]
fn an_output_that_is_an_input_is_copied() {
    for reshapes in 0..3 {
        let mut network = Network::new("identity", Class::Functional);
        let x = models::input(&mut network, "input_layer", 3);
        let mut y = x;
        for i in 0..reshapes {
            y = models::other(&mut network, &format!("flatten{i}"), models::flatten, y);
        }
        network.finish(&[y]);
        for mode in [Mode::Inference, WITH_INPUTS] {
            let plan = plan(&network, mode);
            assert_eq!(names(&plan), ["reshape"]);
            assert_ne!(plan.inputs[0].place, plan.outputs[0].place);
        }
    }
}

#[test]
fn reshapes_are_no_steps() {
    let mut network = Network::new("reshapes", Class::Functional);
    let x = models::input(&mut network, "x", 3);
    let y = models::other(&mut network, "flatten", models::flatten, x);
    let y = models::other(&mut network, "flatten_1", models::flatten, y);
    let y = models::dense::<5>(&mut network, "dense", y);
    let y = models::other(&mut network, "flatten_2", models::flatten, y);
    network.finish(&[y]);
    let plan = plan(&network, WITH_INPUTS);
    assert_eq!(names(&plan), ["gemm", "gemm_grad_w", "gemm_grad_x"]);
    assert_eq!(plan.steps[0].inputs[0].value, plan.inputs[0].value);
    assert_eq!(plan.steps[0].value, plan.outputs[0].value);
    assert_eq!(Some(plan.steps[1].inputs[1]), plan.outputs[0].gradient);
    assert_eq!(Some(plan.steps[2].value), plan.inputs[0].gradient.map(|d_x| d_x.value));
}

fn normalized() -> Network {
    let mut network = Network::new("normalized", Class::Sequential);
    let x = models::input(&mut network, "x", 3);
    let x = models::dense::<5>(&mut network, "dense", x);
    let x = models::other(&mut network, "norm", models::batch_norm, x);
    let x = models::dense::<2>(&mut network, "dense_1", x);
    network.finish(&[x]);
    network
}

#[test]
fn a_batch_normalization_cuts_the_plan_in_segments() {
    let plan = plan(&normalized(), TRAINING);
    let segments: Vec<_> = plan
        .segments
        .iter()
        .map(|s| (names(&plan)[s.from..s.to].to_vec(), s.merges.to_vec()))
        .collect();
    // The gradients of the two kernels come first.
    let kernels = 15 + 10;
    let merge = |offset, len, merge| Reduction { offset, len, merge };
    assert_eq!(
        segments,
        [
            (vec!["gemm", "moments"], vec![merge(kernels, 15, Merge::Moments)]),
            (
                vec!["batch_norm", "gemm", "gemm_grad_w", "gemm_grad_x", "batch_norm_grad_sums"],
                vec![merge(kernels + 15, 10, Merge::Sum)]
            ),
            (vec!["batch_norm_grad_x", "gemm_grad_w"], vec![]),
        ]
    );
    assert_eq!(plan.forward, 4);
    assert_eq!(plan.reduced_len, kernels + 25);
    let summed: Vec<_> = plan.shard_gradients.iter().map(|p| (p.from, p.to, p.len)).collect();
    assert_eq!(summed, [(0, 0, 15), (15, 35, 10)]);
    let parts: Vec<_> = plan.gradient_parts.iter().map(|p| (p.from, p.to, p.len)).collect();
    assert_eq!(parts, [(kernels + 15, 15, 5), (kernels + 20, 20, 5)]);
    let moving = plan.moving_averages[0];
    assert_eq!((moving.moments, moving.mean, moving.variance), (kernels, 25, 30));
    // Read in the first and in the last segment; written in one and read in the next; within one.
    assert_eq!(plan.inputs[0].place.storage, Storage::Shard);
    assert_eq!(plan.steps[0].output.storage, Storage::Shard);
    assert_eq!(plan.steps[2].output.storage, Storage::Block);
    assert_eq!(plan.outputs[0].place.storage, Storage::Block);
}

#[test]
fn a_frozen_batch_normalization_couples_nothing() {
    let mut network = normalized();
    network.layers[2].trainable = false;
    let plan = plan(&network, TRAINING);
    assert_eq!(plan.segments.len(), 1);
    let expected = [
        "gemm",
        "channel_norm",
        "gemm",
        "gemm_grad_w",
        "gemm_grad_x",
        "channel_norm_grad_x",
        "gemm_grad_w",
    ];
    assert_eq!(names(&plan), expected);
}

#[test]
fn activations_are_penalised_in_both_modes() {
    let mut network = perceptron();
    let regularizer = Regularizer { class: "L1L2", l1: 0.5, l2: 0.25 };
    network.layers[1].activity_regularizer = Some(regularizer);
    let inference = plan(&network, Mode::Inference);
    assert_eq!(names(&inference), ["gemm", "gemm", "penalty"]);
    assert_eq!((inference.activity_penalties.to_vec(), inference.reduced_len), (vec![0], 1));
    let training = plan(&network, TRAINING);
    assert_eq!(training.activity_penalties.to_vec(), [25]);
    let after = ["penalty_grad", "gemm_grad_w", "gemm_grad_x", "binary", "gemm_grad_w"];
    assert_eq!(names(&training)[training.forward..], after);
}

#[test]
fn the_gradients_of_a_shared_layer_are_all_there() {
    let plan = plan(&models::shared(), TRAINING);
    let shared =
        |step: &&Step| step.output == Place { storage: Storage::Reduced, offset: 0, len: 9 };
    assert_eq!(plan.steps.iter().filter(shared).count(), 2);
}

#[test]
fn outputs_never_overlap_what_is_still_read() {
    let networks = [
        perceptron(),
        models::branches(),
        models::ports(),
        models::nested(),
        models::diamond(),
        normalized(),
    ];
    for network in &networks {
        for mode in [Mode::Inference, TRAINING, WITH_INPUTS] {
            let plan = plan(network, mode);
            for step in plan.steps.iter() {
                let read = step.inputs.iter().map(|input| input.place);
                for a in read.filter(|place| place.storage == step.output.storage) {
                    let b = &step.output;
                    assert!(a.offset + a.len <= b.offset || b.offset + b.len <= a.offset, "{plan}");
                }
            }
        }
    }
}

#[test]
fn names_that_meet_in_one_field_are_refused() {
    let mut network = Network::new("clash", Class::Sequential);
    let x = models::input(&mut network, "input_layer", 3);
    let x = models::dense::<5>(&mut network, "a-b", x);
    let x = models::dense::<2>(&mut network, "a_b", x);
    network.finish(&[x]);
    let error = describe(&network, String::new()).expect_err("two layers share a field");
    assert!(error.message.contains("`a-b` and `a_b`"), "{}", error.message);
}

#[test]
fn the_gradients_of_large_weights_are_computed_on_the_whole_batch() {
    let mut network = Network::new("large", Class::Sequential);
    let x = models::input(&mut network, "x", 90);
    let x = models::dense::<100>(&mut network, "dense", x);
    let x = models::dense::<3>(&mut network, "dense_1", x);
    network.finish(&[x]);
    let plan = plan(&network, TRAINING);
    assert_eq!(names(&plan), ["gemm", "gemm", "gemm_grad_w", "gemm_grad_x"]);
    assert_eq!(plan.batch_steps.len(), 1);
    assert_eq!(
        plan.batch_steps[0].output,
        Place { storage: Storage::Gradient, offset: 0, len: 9000 }
    );
    assert!(plan.batch_steps[0].inputs.iter().all(|input| input.place.storage == Storage::Shard));
    let summed: Vec<_> = plan.shard_gradients.iter().map(|p| (p.from, p.to, p.len)).collect();
    assert_eq!((summed, plan.reduced_len), (vec![(0, 9000, 300)], 300));
}

/// Three parts of a sample, through a dense layer of 5 units with `tanh` and a normalization.
fn three_parts(graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
    let x = graph.reshape(inputs[0], &[3, 4])?;
    graph.repeated(&[x], 3, |graph, parts| {
        let kernel = graph.weight("kernel", &[4, 5], Initializer::ZEROS)?;
        let y = graph.gemm(parts[0], kernel)?;
        let y = graph.unary(y, Activation::Tanh)?;
        models::batch_norm(graph, &[y])
    })
}

#[test]
fn parts_of_samples_are_like_samples() {
    let mut network = Network::new("parts", Class::Functional);
    let x = models::input(&mut network, "x", 12);
    let y = models::other(&mut network, "parts", three_parts, x);
    let y = models::dense::<2>(&mut network, "dense", y);
    network.finish(&[y]);
    let inference = plan(&network, Mode::Inference);
    assert_eq!(inference.flops, 3 * (2 * 20 + 4 * 5) + 2 * 30, "{inference}");
    let steps: Vec<_> = inference.steps.iter().map(|step| (step.repeat, step.output.len)).collect();
    assert_eq!(steps, [(3, 15), (3, 15), (1, 2)], "{inference}");
    assert!(inference.to_string().contains("f: Tanh } x 3 b"), "{inference}");
    let training = plan(&network, WITH_INPUTS);
    let repeats = |name: &str| {
        let steps = training.steps.iter().filter(|step| step.op.name() == name);
        steps.map(|step| (step.repeat, step.output.len)).collect::<Vec<_>>()
    };
    assert_eq!(repeats("moments"), [(3, 15)], "{training}");
    assert_eq!(repeats("batch_norm_grad_sums"), [(3, 10)], "{training}");
    assert_eq!(repeats("gemm_grad_w"), [(1, 30), (3, 20)], "{training}");
    assert_eq!(repeats("gemm_grad_x"), [(1, 15), (3, 12)], "{training}");
}
