//! Layers under the policy `mixed_bfloat16`: outputs and gradients lie as near to Keras' as its own
//! rounding lets them.

use keras_graph::graph::Mode;
use keras_runtime::dtype_policy::DtypePolicy;
use keras_runtime::kernels::{Backend, Cpu, Reference};

use crate::called::network;
use crate::layers::execute_under;
use crate::tensors::{Case, check_all, on_all_levels};

/// What a case compares: the key of the tolerance, what was found and what is expected.
type Comparison = (String, Vec<f32>, Vec<f32>);

fn compare<B: Backend>(case: &Case, policy: DtypePolicy) -> Vec<Comparison> {
    let network = network(case, true);
    let inference = execute_under::<B>(policy, case, &network, Mode::Inference);
    let mode = Mode::Training { input_gradients: true };
    let training = execute_under::<B>(policy, case, &network, mode);
    assert_eq!(inference.outputs, training.outputs, "{}", case.name());
    let expected = |name: &str| case.tensor(name).floats().to_vec();
    let (d_x, mut rest) = (training.input_gradients[0].clone(), &training.gradient[..]);
    let mut compared = vec![
        ("tolerance".to_string(), training.outputs[0].clone(), expected("output_0")),
        ("grad_input_0_tolerance".to_string(), d_x, expected("grad_input_0")),
    ];
    for i in 0..case.numbered("weight").len() {
        let expected = expected(&format!("grad_weight_{i}"));
        let (found, others) = rest.split_at(expected.len());
        compared.push((format!("grad_weight_{i}_tolerance"), found.to_vec(), expected));
        rest = others;
    }
    compared
}

/// The sum of all squared distances, each in units of its tolerance.
fn distance(case: &Case, compared: &[Comparison]) -> f64 {
    let of_one = |(tolerance, found, expected): &Comparison| {
        let unit = case.json[tolerance]["atol"].as_f64().unwrap();
        let pairs = found.iter().zip(expected);
        pairs.map(|(a, b)| (f64::from(a - b) / unit).powi(2)).sum::<f64>()
    };
    compared.iter().map(of_one).sum()
}

fn check_case<B: Backend>(case: &Case) {
    let compared = compare::<B>(case, DtypePolicy::MixedBfloat16);
    for (tolerance, found, expected) in &compared {
        case.check(tolerance, tolerance, found, expected);
    }
    // What is rounded is what Keras rounds.
    let exact = compare::<B>(case, DtypePolicy::Float32);
    let (rounded, exact) = (distance(case, &compared), distance(case, &exact));
    assert!(rounded < exact, "{}: {rounded} from Keras, {exact} in f32", case.name());
}

#[test]
fn reference_rounds_as_keras_does() {
    check_all("mixed_bfloat16", check_case::<Reference>);
}

#[test]
fn cpu_rounds_as_keras_does() {
    on_all_levels(|| check_all("mixed_bfloat16", check_case::<Cpu>));
}
