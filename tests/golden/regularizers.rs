//! Regularizers: the penalty and its gradient, as a plan computes them of activations.

use std::ops::Range;

use keras_graph::compile::compile;
use keras_graph::dtype::Dtype;
use keras_graph::graph::Mode;
use keras_graph::layers::Entry;
use keras_graph::network::{Class, Network};
use keras_graph::regularizer::Regularizer;
use keras_graph::schema::ParameterType;
use keras_graph::shape::Shape;
use keras_graph::value::{Argument, Value};
use keras_runtime::execute::{Batch, Execution, Head, Keep, Rows};
use keras_runtime::kernels::{Backend, Cpu, Reference};

use crate::python;
use crate::tensors::{Case, Inputs, Tensor, check_all, on_all_levels};

/// A loss that does not look at the prediction.
struct NoLoss;

impl Head for NoLoss {
    fn sums(&self) -> usize {
        0
    }

    fn samples(
        &self,
        _: usize,
        _: Range<usize>,
        _: &[f32],
        d_y_pred: Option<&mut [f32]>,
        _: &mut [f64],
    ) {
        if let Some(d_y_pred) = d_y_pred {
            d_y_pred.fill(0.0);
        }
    }
}

/// A model that returns its input and penalises it.
fn network(regularizer: Value, shape: &[usize]) -> Network {
    let mut network = Network::new("case", Class::Functional);
    let input = network.add_input("input".to_string(), Shape::new(shape), Dtype::Float32);
    let argument = Argument { name: Some("activity_regularizer".to_string()), value: regularizer };
    let entry = Entry::by_class("Identity").unwrap();
    let layer = network.add_layer(entry.build(&[argument], || "layer".to_string()).unwrap());
    let outputs = network.call(layer, &[input]).unwrap();
    network.finish(&outputs);
    network
}

fn check_case<B: Backend>(case: &Case) {
    let object = Value::Object(python::call(case.code()));
    assert_eq!(Regularizer::from_value(&object).unwrap().class, case.json["kind"]);
    let weight = case.tensor("weight");
    let plan =
        compile(&network(object, &weight.shape), Mode::Training { input_gradients: true }).unwrap();
    let shape = [&[1], &weight.shape[..]].concat();
    let inputs = Inputs(vec![Tensor { shape, numbers: weight.numbers.clone() }]);
    let mut execution = Execution::new::<B>(&plan, Keep::InputGradients);
    execution.run(&[], &Batch { x: &inputs, rows: Rows::Range(0..1), seed: 0, step: 0 }, &NoLoss);
    let value = execution.activity_penalty(1) as f32;
    case.check("value", "tolerance", &[value], case.tensor("value").floats());
    let mut gradient = vec![f32::NAN; weight.floats().len()];
    execution.copy_input_gradient(0, &mut gradient);
    case.check("gradient", "grad_tolerance", &gradient, case.tensor("grad_weight").floats());
}

#[test]
fn reference_regularizers_equal_keras() {
    check_all("regularizers", check_case::<Reference>);
}

#[test]
fn cpu_regularizers_equal_keras() {
    on_all_levels(|| check_all("regularizers", check_case::<Cpu>));
}
