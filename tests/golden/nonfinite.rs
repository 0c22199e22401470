//! Numbers that are none: wherever the plain loops find NaN, so do the kernels of every instruction
//! set, and all of them find NaN and infinity in the same places.
//!
//! One element after the other of what a layer reads is poisoned: of the reference data's layers,
//! and of some that are large enough for whole tiles of each kernel.

use keras_graph::compile::{compile, describe};
use keras_graph::graph::Mode;
use keras_graph::network::Network;
use keras_graph::plan::Plan;
use keras_runtime::execute::{Batch, Execution, Head, Keep, Rows};
use keras_runtime::kernels::{Backend, Cpu, Reference};
use keras_runtime::simd::{Level, with_level};
use serde_json::json;

use crate::called::network;
use crate::layers::Upstream;
use crate::tensors::{Case, Inputs, Numbers, Tensor, listed};

/// Layers whose tensors fill vectors and tiles, with what is left over: the code, and the extents
/// of a sample.
const LARGE: [(&str, &[usize]); 16] = [
    (r#"Dense(67, activation="relu")"#, &[131]),
    ("Dense(5)", &[3, 37]),
    (r#"Conv2D(24, 3, padding="same", activation="relu")"#, &[13, 11, 24]),
    ("Conv2D(40, 3)", &[9, 7, 33]),
    (r#"Conv2D(19, 3, strides=2, padding="same")"#, &[9, 12, 17]),
    ("Conv2D(35, 1)", &[6, 5, 18]),
    (r#"Conv2D(3, 5, padding="same")"#, &[9, 8, 4]),
    ("Conv2D(32, 3)", &[9, 8, 1]),
    ("Conv2D(18, 2, dilation_rate=2)", &[7, 8, 5]),
    ("Conv2DTranspose(18, 3, strides=2)", &[5, 4, 17]),
    (r#"DepthwiseConv2D(3, padding="same")"#, &[9, 12, 37]),
    (r#"DepthwiseConv2D(3, strides=2, padding="same")"#, &[9, 12, 16]),
    ("MaxPooling2D(2)", &[6, 8, 37]),
    ("BatchNormalization()", &[6, 5, 37]),
    ("LayerNormalization()", &[4, 67]),
    (r#"Activation("softmax")"#, &[3, 67]),
];

/// A layer and what it reads.
struct Problem {
    name: String,
    network: Network,
    inputs: Vec<Tensor>,
    weights: Vec<f32>,
    /// Of each output.
    upstream: Vec<Vec<f32>>,
}

impl Problem {
    fn listed(case: &Case) -> Problem {
        Problem {
            name: case.name().to_string(),
            network: network(case, true),
            inputs: case.inputs(),
            weights: case.numbered("weight").iter().flat_map(|w| w.floats().to_vec()).collect(),
            upstream: case.numbered("upstream").iter().map(|u| u.floats().to_vec()).collect(),
        }
    }

    fn large(code: &str, sample: &[usize]) -> Problem {
        let shape = [&[3], sample].concat();
        let floats = numbers(shape.iter().product());
        let input = Tensor { shape, numbers: Numbers::F32(floats) };
        let (kind, _) = code.split_once('(').unwrap();
        let json = json!({ "name": code, "code": code, "kind": kind, "input_dtypes": ["float32"] });
        let case = Case { json, tensors: [("input_0".to_string(), input.clone())].into() };
        let network = network(&case, true);
        let plan = compile(&network, Mode::Inference).unwrap();
        // A variance is not negative.
        let weights = numbers(plan.weights_len).iter().map(|w| w.abs()).collect();
        let upstream = vec![numbers(3 * plan.outputs[0].place.len)];
        Problem { name: code.to_string(), network, inputs: vec![input], weights, upstream }
    }

    /// All that a plan makes of it, by name.
    fn run<B: Backend>(&self, plan: &Plan) -> Vec<(String, Vec<f32>)> {
        let (training, inputs) = (plan.is_training(), Inputs(self.inputs.clone()));
        let samples = inputs.0[0].shape[0];
        let keep = if training { Keep::InputGradients } else { Keep::Outputs };
        let mut execution = Execution::new::<B>(plan, keep);
        let batch = Batch { x: &inputs, rows: Rows::Range(0..samples), seed: 1, step: 0 };
        let tensor = |upstream: &Vec<f32>| Tensor {
            shape: vec![samples, upstream.len() / samples],
            numbers: Numbers::F32(upstream.clone()),
        };
        let head = Upstream(self.upstream.iter().map(tensor).collect());
        execution.run(&self.weights, &batch, &head as &dyn Head);
        let mut found = Vec::new();
        for (i, upstream) in self.upstream.iter().enumerate() {
            let mut output = vec![0.0; upstream.len()];
            execution.copy_output(i, &mut output);
            found.push((format!("output {i}"), output));
        }
        if training {
            for (i, port) in plan.inputs.iter().enumerate().filter(|(_, p)| p.gradient.is_some()) {
                let mut d_x = vec![0.0; samples * port.place.len];
                execution.copy_input_gradient(i, &mut d_x);
                found.push((format!("d_input_{i}"), d_x));
            }
            found.push(("gradient".to_string(), execution.gradient(&batch).to_vec()));
            let mut weights = self.weights.clone();
            execution.move_statistics(&mut weights);
            found.push(("updated weights".to_string(), weights));
        }
        found
    }

    /// Every number that can be poisoned, by name: the first, one in the middle and the last of
    /// each tensor.
    fn targets(&self) -> Vec<(String, Target)> {
        let ends = |len: usize| [0, len / 2, len - 1];
        let mut targets = Vec::new();
        for (i, input) in self.inputs.iter().enumerate() {
            if let Numbers::F32(values) = &input.numbers {
                targets.extend(ends(values.len()).map(|at| Target::Input(i, at)));
            }
        }
        for weight in describe(&self.network, String::new()).unwrap().weights.iter() {
            let len = weight.shape.iter().product();
            targets.extend(ends(len).map(|at| Target::Weight(weight.offset + at)));
        }
        for (i, upstream) in self.upstream.iter().enumerate() {
            targets.extend(ends(upstream.len()).map(|at| Target::Upstream(i, at)));
        }
        targets.into_iter().map(|target| (format!("{target:?}"), target)).collect()
    }

    fn at(&mut self, target: &Target) -> &mut f32 {
        match *target {
            Target::Input(i, at) => match &mut self.inputs[i].numbers {
                Numbers::F32(values) => &mut values[at],
                Numbers::I32(_) => unreachable!("whole numbers are no targets"),
            },
            Target::Weight(at) => &mut self.weights[at],
            Target::Upstream(i, at) => &mut self.upstream[i][at],
        }
    }
}

/// A number that is poisoned.
#[derive(Clone, Debug)]
enum Target {
    Input(usize, usize),
    Weight(usize),
    Upstream(usize, usize),
}

/// Numbers of both signs, none of them 0.
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 1009) as f32 / 504.0 - 0.9987).collect()
}

/// What a number is, but for its digits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Finite,
    Nan,
    Infinity,
    MinusInfinity,
}

fn kind(x: f32) -> Kind {
    match x {
        _ if x.is_nan() => Kind::Nan,
        f32::INFINITY => Kind::Infinity,
        f32::NEG_INFINITY => Kind::MinusInfinity,
        _ => Kind::Finite,
    }
}

/// What is wrong with a problem, poisoned in one place after the other.
fn faults(mut problem: Problem) -> Vec<String> {
    let mut faults = Vec::new();
    for mode in [Mode::Inference, Mode::Training { input_gradients: true }] {
        let plan = compile(&problem.network, mode).unwrap();
        for (name, target) in problem.targets() {
            for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let before = std::mem::replace(problem.at(&target), poison);
                let expected = problem.run::<Reference>(&plan);
                let found = Level::available()
                    .map(|level| (level, with_level(level, || problem.run::<Cpu>(&plan)).unwrap()));
                let found: Vec<_> = found.collect();
                *problem.at(&target) = before;
                let mut fault = |what: &str, level: Level, tensor: &str, i: usize| {
                    let case = format!("{} {name} = {poison}", problem.name);
                    faults.push(format!("{case}: {tensor}[{i}] {what} {level:?}"));
                };
                // Of infinity the plain loops may make what others find a limit for.
                for (level, found) in found.iter().filter(|_| poison.is_nan()) {
                    compare(&expected, found, &mut |i, tensor, expected, found| {
                        if expected == Kind::Nan && found != Kind::Nan {
                            fault("loses NaN at", *level, tensor, i);
                        }
                    });
                }
                let (_, first) = &found[0];
                for (level, found) in &found[1..] {
                    compare(first, found, &mut |i, tensor, first, found| {
                        if first != found {
                            fault(&format!("is {first:?} and {found:?} at"), *level, tensor, i);
                        }
                    });
                }
            }
        }
    }
    faults
}

/// Shows the kinds of all numbers of two runs.
fn compare(
    expected: &[(String, Vec<f32>)],
    found: &[(String, Vec<f32>)],
    show: &mut dyn FnMut(usize, &str, Kind, Kind),
) {
    for ((name, expected), (_, found)) in expected.iter().zip(found) {
        for (i, (expected, found)) in expected.iter().zip(found).enumerate() {
            show(i, name, kind(*expected), kind(*found));
        }
    }
}

fn check(problems: impl Iterator<Item = Problem>) {
    let mut faults: Vec<String> = problems.flat_map(faults).collect();
    let count = faults.len();
    faults.truncate(40);
    assert!(faults.is_empty(), "{count} faults, such as\n{}", faults.join("\n"));
}

#[test]
fn layers_of_keras_lose_no_nan() {
    let cases = listed("layers", "cases.json");
    check(cases.iter().filter(|case| case.tensors.contains_key("upstream_0")).map(Problem::listed));
}

#[test]
fn large_layers_lose_no_nan() {
    check(LARGE.into_iter().map(|(code, sample)| Problem::large(code, sample)));
}
