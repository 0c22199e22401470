//! Tests over the whole catalogue.

mod attention;
mod configuration;
mod distributed;
mod errors;
mod geometry;
mod normalization;
mod parser;
mod recurrent;
mod sequences;

use super::*;
use crate::activation::Activation as ActivationFunction;
use crate::call::{Call, Lowered};
use crate::compile::{compile, describe};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, Mode, NodeId, NodeKind};
use crate::names::snake_case;
use crate::network::{Class, Network, TensorId};
use crate::op::{Op, Unary};
use crate::program::Program;
use crate::schema::At;
use crate::shape::Shape;
use crate::value::Value;
use crate::verify::verify;
use parser::arguments;

fn build(class: &str, text: &str) -> Result<NetworkLayer, Vec<ArgumentError>> {
    Entry::by_class(class).unwrap().build(&arguments(text), || "automatic".to_string())
}

fn layer(class: &str, text: &str) -> Box<dyn Layer> {
    match build(class, text) {
        Ok(NetworkLayer { kind: LayerKind::Layer(layer), .. }) => layer,
        other => panic!("{class}({text}): {other:?}"),
    }
}

const TRAINING: Mode = Mode::Training { input_gradients: false };

/// Lowers a call on inputs of these extents.
fn lower(
    layer: &dyn Layer,
    mode: Mode,
    inputs: &[&[usize]],
) -> Result<(Graph, NodeId), LayerError> {
    let mut graph = Graph::new(mode);
    let inputs: Vec<Lowered> = inputs
        .iter()
        .enumerate()
        .map(|(i, extents)| graph.input(i, Shape::new(*extents), layer.input_dtype()))
        .map(Lowered::unmasked)
        .collect();
    let call = Call::of(layer.call_parameters(), &inputs);
    let results = graph.in_layer("layer", true, |graph| layer.lower_call(graph, &call))?;
    Ok((graph, results[0].node))
}

fn lower_error(class: &str, text: &str, inputs: &[&[usize]]) -> LayerError {
    lower(&*layer(class, text), TRAINING, inputs).unwrap_err()
}

fn argument_error(class: &str, text: &str) -> ArgumentError {
    let [error] = build(class, text).unwrap_err().try_into().expect("one error");
    error
}

#[test]
fn every_case_has_its_output_shape() {
    for entry in CATALOGUE {
        let class = entry.schema.class;
        assert!(!entry.cases.is_empty() || class.contains("Cell"), "{class} has no case");
        for case in entry.cases {
            let layer = layer(class, case.arguments);
            for mode in [Mode::Inference, TRAINING] {
                let (graph, y) = lower(&*layer, mode, case.inputs)
                    .unwrap_or_else(|error| panic!("{class}({}): {error:?}", case.arguments));
                assert_eq!(graph.shape(y).extents(), case.output, "{class}({})", case.arguments);
            }
        }
    }
}

#[test]
fn every_case_compiles_in_every_mode() {
    for entry in CATALOGUE {
        let class = entry.schema.class;
        for case in entry.cases {
            let layer = build(class, case.arguments).unwrap();
            let LayerKind::Layer(kind) = &layer.kind else { panic!("{class} is a layer") };
            let dtype = kind.input_dtype();
            let mut network = Network::new("model", Class::Functional);
            let inputs: Vec<TensorId> = case
                .inputs
                .iter()
                .enumerate()
                .map(|(i, extents)| network.add_input(format!("x{i}"), Shape::new(*extents), dtype))
                .collect();
            let layer = network.add_layer(layer);
            let y = network.call(layer, &inputs).unwrap();
            network.finish(&y);
            for input_gradients in [false, true] {
                let plan = compile(&network, Mode::Training { input_gradients }).unwrap();
                // Weights that are trained have a gradient, and so have inputs that want one.
                for port in plan.inputs.iter() {
                    let wanted = input_gradients && dtype == Dtype::Float32;
                    assert_eq!(port.gradient.is_some(), wanted, "{class}({})", case.arguments);
                }
                for weight in describe(&network, String::new()).unwrap().weights.iter() {
                    let starts = |offset: usize| offset == weight.offset;
                    let mut parts = plan.shard_gradients.iter().chain(plan.gradient_parts.iter());
                    let made = parts
                        .any(|part| (part.to..part.to + part.len).contains(&weight.offset))
                        || plan.batch_steps.iter().any(|step| starts(step.output.offset));
                    assert_eq!(made, weight.trainable, "{class}: {}", weight.field);
                }
            }
            compile(&network, Mode::Inference).unwrap();
        }
    }
}

#[test]
fn every_case_compiles_on_integers_and_truth_values() {
    for entry in CATALOGUE {
        for case in entry.cases {
            for dtype in [Dtype::Int32, Dtype::Bool] {
                let mut network = Network::new("model", Class::Functional);
                let input = |(i, extents): (usize, &&[usize])| {
                    network.add_input(format!("x{i}"), Shape::new(*extents), dtype)
                };
                let inputs: Vec<TensorId> = case.inputs.iter().enumerate().map(input).collect();
                let layer = network.add_layer(build(entry.schema.class, case.arguments).unwrap());
                let y = network.call(layer, &inputs).unwrap();
                network.finish(&y);
                for mode in [Mode::Inference, TRAINING] {
                    let graph = network.lower(mode).unwrap();
                    let legal = verify(&Program::new(graph));
                    assert_eq!(legal, Ok(()), "{} {}", entry.schema.class, case.arguments);
                }
            }
        }
    }
}

#[test]
fn every_file_is_in_the_catalogue() {
    let classes: Vec<&str> = CATALOGUE.iter().map(|entry| entry.schema.class).collect();
    let mut sorted = classes.clone();
    sorted.sort_unstable_by_key(|class| class.to_lowercase());
    assert_eq!(classes, sorted);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/layers");
    let mut files = Vec::new();
    for folder in [folder.clone(), folder.join("recurrent")] {
        for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            files.extend(file.is_file().then(|| file.file_stem().unwrap().to_owned()));
        }
    }
    // A cell stands with the layer that runs it.
    let names = classes.iter().map(|class| snake_case(class)).filter(|name| !is_cell(name));
    for name in names {
        let index = files.iter().position(|file| *file == *name);
        files.remove(index.unwrap_or_else(|| panic!("no file is called `{name}`")));
    }
    files.sort_unstable();
    let shared = [
        "cells",
        "conv_lstm",
        "convolutional",
        "declare",
        "heads",
        "inner",
        "input",
        "merge",
        "mod",
        "mod",
        "named_activation",
        "plain",
        "tests",
    ];
    assert_eq!(files, shared, "files that no layer of the catalogue is called by");
}

fn is_cell(name: &str) -> bool {
    name.ends_with("_cell")
}

#[test]
fn every_parameter_is_documented() {
    for entry in CATALOGUE {
        let schema = entry.schema;
        assert!(!schema.docs.trim().is_empty(), "{} has no docs", schema.class);
        for parameter in schema.parameters {
            assert!(!parameter.docs.trim().is_empty(), "{}: {}", schema.class, parameter.name);
        }
    }
}

#[test]
fn common_arguments_are_read_once() {
    let layer = build(
        "Conv2D",
        "4, 3, name = \"first\", trainable = False, activity_regularizer = L1(0.5), \
         dtype = \"float32\"",
    )
    .unwrap();
    assert_eq!(layer.name, "first");
    assert!(!layer.trainable);
    assert_eq!(layer.activity_regularizer.unwrap().l1, 0.5);
    assert_eq!(build("Flatten", "").unwrap().name, "automatic");
    assert_eq!(build("MaxPooling2D", "2, None, \"valid\", None, \"pool\"").unwrap().name, "pool");
    let positional = "4, None, True, \"zeros\", \"zeros\", None, None, \"l2\"";
    assert_eq!(build("Dense", positional).unwrap().activity_regularizer.unwrap().l2, 0.01);
    assert_eq!(argument_error("Conv2D", "4, 3, activity_regularizer = 3").at, At::Value(2));
    for wrong in ["name = 3", "name = \"a/b\"", "dtype = \"float16\"", "trainable = 1"] {
        assert_eq!(argument_error("Flatten", wrong).at, At::Value(0), "{wrong}");
    }
}

#[test]
fn weights_stand_in_the_order_of_keras() {
    let names = |class: &str, text: &str, input: &[usize]| {
        let (graph, _) = lower(&*layer(class, text), TRAINING, &[input]).unwrap();
        let weights = graph.weights().iter();
        weights.map(|w| format!("{}{:?}", w.name, w.shape.extents())).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("Dense", "5", &[2, 3]), "kernel[3, 5] bias[5]");
    assert_eq!(names("Conv2D", "6, (2, 3), groups = 2", &[7, 8, 4]), "kernel[2, 3, 2, 6] bias[6]");
    assert_eq!(
        names("BatchNormalization", "", &[4, 3]),
        "gamma[3] beta[3] moving_mean[3] moving_variance[3]"
    );
    assert_eq!(
        names("SeparableConv2D", "5, (2, 3), depth_multiplier = 4", &[7, 8, 6]),
        "depthwise_kernel[2, 3, 6, 4] pointwise_kernel[1, 1, 24, 5] bias[5]"
    );
    assert_eq!(
        names("DepthwiseConv2D", "(2, 3), depth_multiplier = 4", &[7, 8, 5]),
        "kernel[2, 3, 5, 4] bias[20]"
    );
    assert_eq!(names("Conv2DTranspose", "6, (2, 3)", &[7, 8, 4]), "kernel[2, 3, 6, 4] bias[6]");
    assert_eq!(names("LayerNormalization", "axis = (3, 1)", &[4, 2, 3]), "gamma[4, 3] beta[4, 3]");
    assert_eq!(names("PReLU", "shared_axes = 2", &[4, 2, 3]), "alpha[4, 1, 3]");
}

#[test]
fn a_frozen_batch_normalization_uses_its_statistics() {
    let layer = layer("BatchNormalization", "momentum = 0.75");
    for (trainable, followed) in [(true, 1), (false, 0)] {
        let mut graph = Graph::new(TRAINING);
        let x = graph.input(0, Shape::new([4, 3]), layer.input_dtype());
        let call = Call::on(&[Lowered::unmasked(x)]);
        graph.in_layer("norm", trainable, |graph| layer.lower_call(graph, &call)).unwrap();
        assert_eq!(graph.moving.len(), followed);
        let trained: Vec<bool> = graph.weights().iter().map(|weight| weight.trainable).collect();
        assert_eq!(trained, [trainable, trainable, false, false]);
    }
}

#[test]
fn an_activation_with_weights_is_a_layer_within_the_layer() {
    let arguments = "4, activation = PReLU(alpha_regularizer = \"l2\", name = \"slopes\")";
    let layer = layer("Dense", arguments);
    let (graph, _) = lower(&*layer, TRAINING, &[&[2, 3]]).unwrap();
    let [kernel, bias, alpha] = graph.weights() else { panic!("{:?}", graph.weights()) };
    assert_eq!((kernel.layer.as_str(), bias.layer.as_str()), ("layer", "layer"));
    let found = (alpha.layer.as_str(), alpha.group.as_str(), alpha.name, alpha.shape.extents());
    assert_eq!(found, ("layer/slopes", "activation", "alpha", &[2, 4][..]));
    assert!(alpha.regularizer.is_some() && kernel.regularizer.is_none());
    let within = argument_error("Dense", "4, activation = Activation(PReLU())");
    assert_eq!(within.help.as_deref(), Some("write `activation = PReLU(..)`"));
}

#[test]
fn rescaling_takes_a_number_for_each_channel() {
    let error = lower_error("Rescaling", "0.5, offset = [1.0, 2.0]", &[&[4, 3]]);
    assert_eq!(error.argument, Some("offset"));
    assert!(error.message.contains("for each channel of (batch, 4, 3), found 2"), "{error:?}");
    let found = argument_error("Rescaling", "[1.0, \"a\"]").message;
    assert!(found.contains("a list of one for each channel"), "{found}");
    let lists = layer("Rescaling", "[2.0], [0.5, 1.0, -1.0]");
    assert_eq!(lists.config()[0].1, Value::List(vec![Value::Float(2.0)]));
}

#[test]
fn bounds_may_be_infinite() {
    for text in ["max_value = float(\"inf\")", "float(\"Infinity\")", "max_value = inf"] {
        let relu = layer("ReLU", text);
        assert_eq!(relu.config()[0].1, Value::Float(f64::INFINITY), "{text}");
        let (graph, y) = lower(&*relu, TRAINING, &[&[3]]).unwrap();
        let expected = NodeKind::Sample(Op::from(Unary { len: 3, f: ActivationFunction::RELU }));
        assert_eq!(graph.nodes()[y.0].kind, expected);
    }
    let norm = layer("Dense", "3, kernel_constraint = MaxNorm(float(\"inf\"))");
    assert!(format!("{norm:?}").contains("max_value: inf"), "{norm:?}");
    let error = argument_error("ReLU", "max_value = float(\"nan\")");
    assert!(error.message.contains("`float(\"inf\")`"), "{error:?}");
}
