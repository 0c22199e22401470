//! The layers' own `CASES`: shapes, both backends, and gradients against finite differences.
//!
//! The loss is `L = Σ output · upstream`, and the penalties on activities. It is a smooth function
//! nearly everywhere, so `(L(x + h) - L(x - h)) / 2h` must be the gradient that the training plan
//! computes. Where differences of two widths disagree there is a kink, and the element is left out.
//! Dropout has the same mask in each evaluation, as seed and step are the same.

use keras_graph::compile::{compile, describe};
use keras_graph::graph::Mode;
use keras_graph::layers::CATALOGUE;
use keras_graph::network::{LayerKind, Network};
use keras_graph::plan::Plan;
use keras_runtime::execute::{Batch, Execution, Keep, Rows};
use keras_runtime::kernels::{Backend, Cpu, Reference};
use serde_json::json;

use crate::called::network;
use crate::layers::Upstream;
use crate::tensors::{Case, Inputs, Numbers, Tensor, on_all_levels};

const SAMPLES: usize = 3;
/// Width of the differences: a power of two, so that `x + h` is exact.
const WIDTH: f32 = 1.0 / 256.0;
/// Distance of the data's numbers: no two are as near as the differences are wide.
const SPACING: f32 = 1.0 / 24.0;
/// Relative error of a difference, mostly from the rounding of `L`'s terms.
const TOLERANCE: f64 = 2e-3;
/// The share of elements that may stand at a kink.
const MOST_KINKS: f64 = 0.25;

const TRAINING: Mode = Mode::Training { input_gradients: true };

/// A layer with its data.
struct Problem {
    /// `Dense(units = 5)`.
    name: String,
    network: Network,
    inputs: Vec<Tensor>,
    weights: Vec<f32>,
    upstream: Vec<f32>,
}

/// `count` numbers of both signs, all different, in no order; `salt` gives others.
fn numbers(count: usize, salt: usize) -> Vec<f32> {
    // A prime that divides no count, so that this is a permutation.
    let order = |i: usize| (i * 7919 + salt * 31) % count;
    let centre = count as f32 / 2.0 - 0.47 / (1.0 + salt as f32);
    (0..count).map(|i| (order(i) as f32 - centre) * SPACING).collect()
}

/// All layers of the catalogue with all of their cases; `trainable` or frozen.
fn problems(trainable: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    for entry in CATALOGUE {
        for case in entry.cases {
            let name = format!("{}({})", entry.schema.class, case.arguments);
            let object = crate::python::call(&name);
            let layer = entry.build(&object.arguments, || "layer".to_string()).unwrap();
            let LayerKind::Layer(layer) = layer.kind else { panic!("{name} is a layer") };
            let is_lookup = layer.input_dtype().name() == "int32";
            let inputs = case.inputs.iter().enumerate().map(|(i, extents)| {
                let shape = [&[SAMPLES], *extents].concat();
                let count = shape.iter().product();
                let numbers = match is_lookup {
                    true => Numbers::I32((0..count).map(|i| (i * 7 % 5) as i32).collect()),
                    false => Numbers::F32(numbers(count, i)),
                };
                Tensor { shape, numbers }
            });
            let inputs: Vec<Tensor> = inputs.collect();
            let dtype = if is_lookup { "int32" } else { "float32" };
            let json = json!({
                "name": name,
                "code": name,
                "kind": entry.schema.class,
                "input_dtypes": vec![dtype; inputs.len()],
            });
            let named = |(i, tensor): (usize, &Tensor)| (format!("input_{i}"), tensor.clone());
            let tensors = inputs.iter().enumerate().map(named).collect();
            let network = network(&Case { json, tensors }, trainable);
            let plan = compile(&network, Mode::Inference).unwrap();
            assert_eq!(*plan.outputs[0].shape, *case.output, "{name}: shape");
            let len = SAMPLES * plan.outputs[0].place.len;
            let upstream = (0..len).map(|i| ((i * 29) % 37) as f32 / 18.0 - 0.95).collect();
            let weights = weights(&network);
            problems.push(Problem { name, network, inputs, weights, upstream });
        }
    }
    problems
}

/// Weights of both signs; a variance is positive.
fn weights(network: &Network) -> Vec<f32> {
    let mut weights = Vec::new();
    for weight in describe(network, String::new()).unwrap().weights.iter() {
        let count: usize = weight.shape.iter().product();
        let (before, is_variance) = (weights.len(), weight.name.contains("variance"));
        let value = |i: usize| ((i * 37 + before) % 101) as f32 / 64.3 - 0.77;
        let value = |i| if is_variance { f32::abs(value(i)) + 0.25 } else { value(i) };
        weights.extend((0..count).map(value));
    }
    weights
}

/// What a plan makes of a problem.
struct Found {
    output: Vec<f32>,
    /// By each input that has a gradient, then by the weights.
    gradients: Vec<(String, Vec<f32>)>,
    loss: f64,
}

impl Problem {
    fn run<B: Backend>(&self, plan: &Plan) -> Found {
        let keep = if plan.is_training() { Keep::InputGradients } else { Keep::Outputs };
        let mut execution = Execution::new::<B>(plan, keep);
        self.run_on(&mut execution)
    }

    fn run_on(&self, execution: &mut Execution<'_>) -> Found {
        let inputs = Inputs(self.inputs.clone());
        let batch = Batch { x: &inputs, rows: Rows::Range(0..SAMPLES), seed: 5, step: 3 };
        let shape = vec![SAMPLES, self.upstream.len() / SAMPLES];
        let head = Upstream(vec![Tensor { shape, numbers: Numbers::F32(self.upstream.clone()) }]);
        execution.run(&self.weights, &batch, &head);
        let mut output = vec![0.0; self.upstream.len()];
        execution.copy_output(0, &mut output);
        let terms = output.iter().zip(&self.upstream);
        let loss = terms.map(|(y, d_y)| f64::from(*y) * f64::from(*d_y)).sum::<f64>();
        let loss = loss + execution.activity_penalty(SAMPLES);
        let mut gradients = Vec::new();
        let plan = execution.plan();
        if plan.is_training() {
            for (i, port) in plan.inputs.iter().enumerate().filter(|(_, p)| p.gradient.is_some()) {
                let mut d_x = vec![0.0; SAMPLES * port.place.len];
                execution.copy_input_gradient(i, &mut d_x);
                gradients.push((format!("input {i}"), d_x));
            }
            gradients.push(("weights".to_string(), execution.gradient(&batch).to_vec()));
        }
        Found { output, gradients, loss }
    }

    /// The element of what a gradient is by.
    fn element(&mut self, by: &str, i: usize) -> &mut f32 {
        let Some(input) = by.strip_prefix("input ") else { return &mut self.weights[i] };
        match &mut self.inputs[input.parse::<usize>().unwrap()].numbers {
            Numbers::F32(values) => &mut values[i],
            Numbers::I32(_) => panic!("{}: no gradient by integers", self.name),
        }
    }

    /// The slope of the loss by an element; none at a kink. Errors are beside `scale`.
    fn slope(
        &mut self,
        execution: &mut Execution<'_>,
        by: &str,
        i: usize,
        scale: f64,
    ) -> Option<f64> {
        let at = *self.element(by, i);
        let mut loss = |shift: f32| {
            *self.element(by, i) = at + shift;
            let found = self.run_on(execution).loss;
            *self.element(by, i) = at;
            found
        };
        let here = loss(0.0);
        // The slope, and the difference of the slopes at both sides.
        let mut slopes = |h: f32| {
            let (right, left) = (loss(h) - here, here - loss(-h));
            [(right + left) / (2.0 * f64::from(h)), (right - left) / f64::from(h)]
        };
        let ([wide, wide_bend], [narrow, narrow_bend]) = (slopes(WIDTH), slopes(WIDTH / 2.0));
        // The sides of a smooth function differ half as much at half the width.
        let is_smooth = (wide - narrow).abs() <= TOLERANCE * scale
            && (2.0 * narrow_bend - wide_bend).abs() <= 4.0 * TOLERANCE * scale;
        // Two widths tell the error that grows with the square of the width.
        is_smooth.then_some((4.0 * narrow - wide) / 3.0)
    }

    /// Panics unless gradients are slopes.
    fn check(&mut self, expected: &Found, backends: &[(&str, Found)]) {
        let plan = compile(&self.network, TRAINING).unwrap();
        let info = describe(&self.network, String::new()).unwrap();
        let is_trained = |element: usize| {
            info.weights.iter().any(|weight| {
                let len: usize = weight.shape.iter().product();
                weight.trainable && (weight.offset..weight.offset + len).contains(&element)
            })
        };
        let mut execution = Execution::new::<Reference>(&plan, Keep::InputGradients);
        for (which, (by, gradient)) in expected.gradients.iter().enumerate() {
            let scale = gradient.iter().fold(1.0, |most: f64, g| most.max(f64::from(g.abs())));
            let mut kinks = 0;
            for i in 0..gradient.len() {
                if by == "weights" && !is_trained(i) {
                    continue;
                }
                let Some(slope) = self.slope(&mut execution, by, i, scale) else {
                    kinks += 1;
                    continue;
                };
                for (backend, found) in backends {
                    let found = f64::from(found.gradients[which].1[i]);
                    assert!(
                        (found - slope).abs() <= 2.0 * TOLERANCE * scale,
                        "{}: gradient by element {i} of {by}, {backend}: {found}, slope {slope}",
                        self.name
                    );
                }
            }
            let most = 2.0 + MOST_KINKS * gradient.len() as f64;
            assert!(f64::from(kinks) <= most, "{}: {kinks} kinks by {by}", self.name);
        }
    }
}

/// Runs a check of each layer's cases, and tells every one that fails.
fn each(trainable: bool, check: impl Fn(Problem)) {
    let mut failures = Vec::new();
    for problem in problems(trainable) {
        let name = problem.name.clone();
        let check = std::panic::AssertUnwindSafe(|| check(problem));
        if std::panic::catch_unwind(check).is_err() {
            failures.push(name);
        }
    }
    assert!(failures.is_empty(), "{} cases fail: {failures:?}", failures.len());
}

fn check_gradients(mut problem: Problem) {
    let plan = compile(&problem.network, TRAINING).unwrap();
    let expected = problem.run::<Reference>(&plan);
    let [reference, fast] = [problem.run::<Reference>(&plan), problem.run::<Cpu>(&plan)];
    let backends = [("reference", reference), ("fast", fast)];
    problem.check(&expected, &backends);
}

#[test]
fn gradients_are_finite_differences() {
    each(true, check_gradients);
}

/// Frozen layers run as in a prediction, inside of a training.
#[test]
fn gradients_of_frozen_layers_are_finite_differences() {
    each(false, check_gradients);
}

fn assert_close(name: &str, what: &str, found: &[f32], expected: &[f32]) {
    let scale = expected.iter().fold(1.0, |most: f32, y| most.max(y.abs()));
    assert_eq!(found.len(), expected.len(), "{name}: {what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let close = (found - expected).abs() <= 2e-5 * scale;
        assert!(close, "{name}: {what}: element {i}: {found}, reference {expected}");
    }
}

#[test]
fn fast_kernels_compute_what_plain_loops_do() {
    let modes = [Mode::Inference, Mode::Training { input_gradients: false }, TRAINING];
    on_all_levels(|| {
        each(true, |problem| {
            for mode in modes {
                let plan = compile(&problem.network, mode).unwrap();
                let (fast, plain) = (problem.run::<Cpu>(&plan), problem.run::<Reference>(&plan));
                assert_close(&problem.name, "output", &fast.output, &plain.output);
                assert_eq!(fast.gradients.len(), plain.gradients.len());
                for ((by, fast), (_, plain)) in fast.gradients.iter().zip(&plain.gradients) {
                    assert_close(&problem.name, by, fast, plain);
                }
            }
        });
    });
}

/// Whether input gradients are asked for does not matter to those of the weights.
#[test]
fn weights_have_the_same_gradient_without_those_of_inputs() {
    each(true, |problem| {
        let run = |input_gradients| {
            let plan = compile(&problem.network, Mode::Training { input_gradients }).unwrap();
            problem.run::<Reference>(&plan).gradients.pop().unwrap().1
        };
        assert_close(&problem.name, "weights", &run(false), &run(true));
    });
}
