//! Functions of `keras.ops` and operators on tensors: models that Keras saved with them, their
//! outputs and gradients.

use keras_format::network::{from_config, to_config};
use keras_graph::graph::Mode;
use keras_runtime::dtype_policy::DtypePolicy;
use keras_runtime::kernels::{Backend, Cpu, Reference};
use serde_json::Value as Json;

use crate::layers::{check_outputs, execute_under};
use crate::tensors::{Case, check_all, on_all_levels};

fn check_case<B: Backend>(case: &Case) {
    let network = from_config(&case.json["config"]).unwrap();
    let run = |mode| execute_under::<B>(DtypePolicy::Float32, case, &network, mode);
    let inference = run(Mode::Inference);
    check_outputs(case, &inference);
    let training = run(Mode::Training { input_gradients: true });
    for (i, d_x) in training.input_gradients.iter().enumerate() {
        if let Some(expected) = case.tensors.get(&format!("grad_input_{i}")) {
            case.check(&format!("d_input_{i}"), "grad_tolerance", d_x, expected.floats());
        }
    }
}

#[test]
fn reference_functions_equal_keras() {
    check_all("functions", check_case::<Reference>);
}

#[test]
fn cpu_functions_equal_keras() {
    on_all_levels(|| check_all("functions", check_case::<Cpu>));
}

/// What stands of each operation and its calls, without arguments that are not given.
fn operations(config: &Json) -> Vec<Json> {
    let layers = config["config"]["layers"].as_array().unwrap();
    let is_operation =
        |layer: &&Json| layer["module"].as_str().is_some_and(|m| m.starts_with("keras.src.ops."));
    let mut operations: Vec<Json> = layers.iter().filter(is_operation).cloned().collect();
    for operation in &mut operations {
        for node in operation["inbound_nodes"].as_array_mut().unwrap() {
            node["kwargs"].as_object_mut().unwrap().retain(|_, value| !value.is_null());
        }
    }
    operations
}

#[test]
fn operations_are_written_as_keras_writes_them() {
    check_all("functions", |case| {
        let config = &case.json["config"];
        let network = from_config(config).unwrap();
        let written = to_config(&network).unwrap();
        let (found, expected) = (operations(&written), operations(config));
        assert_eq!(found.len(), expected.len(), "{}", case.name());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{}", case.name());
        }
    });
}
