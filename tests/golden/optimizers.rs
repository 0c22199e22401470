//! Optimizers: the weights after each step, and what is remembered at the end in the order that
//! Keras saves it.

use std::borrow::Cow;

use keras_graph::initializer::Initializer;
use keras_graph::plan::WeightInfo;
use keras_runtime::optimizers::{Adam, AdamW, Optimizer, RMSprop, SGD, Updater};

use crate::arguments::Keywords;
use crate::tensors::{Case, Numbers, Tensor, check_all, on_all_levels};

fn optimizer(code: &str) -> Box<dyn Optimizer> {
    let mut keywords = Keywords::of(code);
    macro_rules! with {
        ($class:ident { $($argument:ident),* }) => {{
            let default = $class::default();
            Box::new($class {
                $($argument: keywords.take(stringify!($argument), default.$argument),)*
                learning_rate: keywords.take("learning_rate", default.learning_rate),
                weight_decay: keywords.take("weight_decay", default.weight_decay),
                clipnorm: keywords.take("clipnorm", default.clipnorm),
                clipvalue: keywords.take("clipvalue", default.clipvalue),
                global_clipnorm: keywords.take("global_clipnorm", default.global_clipnorm),
            })
        }};
    }
    let class = keywords.class().to_string();
    let optimizer: Box<dyn Optimizer> = match class.as_str() {
        "SGD" => with!(SGD { momentum, nesterov }),
        "RMSprop" => with!(RMSprop { rho, momentum, epsilon, centered }),
        "Adam" => with!(Adam { beta_1, beta_2, epsilon, amsgrad }),
        "AdamW" => with!(AdamW { beta_1, beta_2, epsilon, amsgrad }),
        other => panic!("no optimizer `{other}`"),
    };
    keywords.finish();
    optimizer
}

/// The descriptions of a case's weights.
fn infos(weights: &[Tensor]) -> Vec<WeightInfo> {
    let mut offset = 0;
    let info = |(i, weight): (usize, &Tensor)| {
        let info = WeightInfo {
            field: format!("weight_{i}").into(),
            layer: "layer".into(),
            name: format!("weight_{i}").into(),
            path: format!("layers/layer/vars/{i}").into(),
            shape: Cow::Owned(weight.shape.clone()),
            offset,
            trainable: true,
            initializer: Initializer::ZEROS,
            l1: 0.0,
            l2: 0.0,
            constraint: None,
        };
        offset += weight.floats().len();
        info
    };
    weights.iter().enumerate().map(info).collect()
}

fn flat(tensors: &[Tensor]) -> Vec<f32> {
    tensors.iter().flat_map(|tensor| tensor.floats().iter().copied()).collect()
}

fn check_case(case: &Case) {
    assert!(case.json["setup"].is_null(), "{}: what is set up is not read", case.name());
    let optimizer = optimizer(case.code());
    let weights = case.numbered("weight");
    let infos = infos(&weights);
    let mut updater = Updater::new(&*optimizer, &infos);
    let mut w = flat(&weights);
    let steps = case.json["steps"].as_u64().unwrap();
    for k in 0..steps {
        let mut gradient = flat(&case.numbered(&format!("grad_{k}")));
        updater.step(&*optimizer, &mut w, &mut gradient);
        let expected = flat(&case.numbered(&format!("after_{k}")));
        case.check(&format!("weights after step {k}"), "tolerance", &w, &expected);
    }
    check_state(case, &*optimizer, &updater, &infos);
}

/// Compares what is remembered with Keras' variables: iteration, learning rate, then the slots
/// group by group.
fn check_state(case: &Case, optimizer: &dyn Optimizer, updater: &Updater, infos: &[WeightInfo]) {
    let state = updater.state();
    let expected = case.numbered("state");
    match &expected[0].numbers {
        Numbers::I32(iteration) => assert_eq!(*iteration, [state.iterations as i32]),
        Numbers::F32(_) => panic!("{}: the iteration is a whole number", case.name()),
    }
    case.check("learning rate", "tolerance", &[state.learning_rate], expected[1].floats());
    let mut found = Vec::new();
    for group in optimizer.slot_groups() {
        for info in infos {
            let len = info.shape.iter().product::<usize>();
            found.extend(group.iter().map(|&slot| &state.slots[slot][info.offset..][..len]));
        }
    }
    assert_eq!(found.len(), expected.len() - 2, "{}: number of slots", case.name());
    for (found, (i, expected)) in found.iter().zip(expected.iter().enumerate().skip(2)) {
        let name = case.json["state"][i].as_str().unwrap();
        case.check(name, "tolerance", found, expected.floats());
    }
}

#[test]
fn optimizers_equal_keras() {
    on_all_levels(|| check_all("optimizers", check_case));
}
