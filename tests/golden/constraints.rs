//! Constraints: what a weight is after a step of an optimizer that does not move it.

use std::borrow::Cow;

use keras_graph::constraint::Constraint;
use keras_graph::initializer::Initializer;
use keras_graph::plan::WeightInfo;
use keras_graph::schema::ParameterType;
use keras_graph::value::Value;
use keras_runtime::optimizers::{Adam, Optimizer, RMSprop, SGD, Updater};

use crate::python;
use crate::tensors::{Case, check_all, on_all_levels};

/// A weight alone.
fn info(shape: &[usize], constraint: &Constraint) -> WeightInfo {
    WeightInfo {
        field: "weight".into(),
        layer: "layer".into(),
        name: "weight".into(),
        path: "layers/layer/vars/0".into(),
        shape: Cow::Owned(shape.to_vec()),
        offset: 0,
        trainable: true,
        initializer: Initializer::ZEROS,
        l1: 0.0,
        l2: 0.0,
        constraint: constraint.resolve(shape),
    }
}

fn check_case(case: &Case) {
    let object = Value::Object(python::call(case.code()));
    let constraint = Constraint::from_value(&object).unwrap();
    assert_eq!(constraint.class(), case.json["kind"]);
    // What is written into a file is read again.
    assert_eq!(Constraint::from_value(&constraint.to_value()).unwrap(), constraint);
    let weight = case.tensor("weight");
    let infos = [info(&weight.shape, &constraint)];
    let optimizers: [Box<dyn Optimizer>; 3] =
        [Box::new(SGD::default()), Box::new(RMSprop::default()), Box::new(Adam::default())];
    for optimizer in optimizers {
        let mut weights = weight.floats().to_vec();
        let mut gradient = vec![0.0; weights.len()];
        Updater::new(&*optimizer, &infos).step(&*optimizer, &mut weights, &mut gradient);
        case.check(optimizer.class(), "tolerance", &weights, case.tensor("output").floats());
    }
}

#[test]
fn constraints_equal_keras() {
    on_all_levels(|| check_all("constraints", check_case));
}
