//! Model files that Keras wrote: what the models predict.

use keras_format::model::read_weights;
use keras_format::network::from_config;
use keras_format::{Archive, weights};
use keras_graph::compile::{compile, describe};
use keras_graph::graph::Mode;
use keras_runtime::execute::predict;
use keras_runtime::kernels::{Backend, Cpu, Reference};

use crate::tensors::{Case, Inputs, check_list, folder, on_all_levels};

fn check_case<B: Backend>(group: &str, case: &Case) {
    let file = case.json["files"]["keras"].as_str().unwrap();
    let archive = Archive::read(folder().join(group).join(file)).unwrap();
    let network = from_config(&archive.config).unwrap();
    let description = describe(&network, archive.config.to_string()).unwrap();
    assert_eq!(description.name, case.name());
    assert_eq!(description.class, case.json["kind"].as_str().unwrap());
    assert_eq!(case.json["weight_count"], description.weights.len(), "{}: weights", case.name());

    let plan = compile(&network, Mode::Inference).unwrap();
    assert_eq!(case.json["parameters"], plan.weights_len, "{}: parameters", case.name());
    let mut flat = vec![f32::NAN; plan.weights_len];
    let groups = weights::read(archive.weights).unwrap();
    read_weights(&groups, &description.weights, &mut flat).unwrap();

    let expected = case.numbered("output");
    let mut outputs: Vec<Vec<f32>> =
        expected.iter().map(|output| vec![f32::NAN; output.floats().len()]).collect();
    assert_eq!(plan.outputs.len(), outputs.len(), "{}: number of outputs", case.name());
    let mut inputs = Inputs(case.numbered("input"));
    assert_eq!(plan.inputs.len(), inputs.0.len(), "{}: number of inputs", case.name());
    for (input, port) in inputs.0.iter_mut().zip(plan.inputs.iter()) {
        input.cast(port.dtype);
    }
    let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    predict::<B>(&plan, &flat, &inputs, &mut slices);
    for (i, (found, expected)) in outputs.iter().zip(&expected).enumerate() {
        assert_eq!(
            *plan.outputs[i].shape,
            expected.shape[1..],
            "{}: shape of output {i}",
            case.name()
        );
        case.check(&format!("output {i}"), "tolerance", found, expected.floats());
    }
}

/// Whole models; models that are each about one thing that a file may hold; files that users had.
const LISTS: [(&str, &str); 3] =
    [("models", "cases.json"), ("files", "cases.json"), ("files", "reported.json")];

#[test]
fn reference_models_predict_as_in_keras() {
    for (group, list) in LISTS {
        check_list(group, list, |case| check_case::<Reference>(group, case));
    }
}

#[test]
fn cpu_models_predict_as_in_keras() {
    for (group, list) in LISTS {
        on_all_levels(|| check_list(group, list, |case| check_case::<Cpu>(group, case)));
    }
}
