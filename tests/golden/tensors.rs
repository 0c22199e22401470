//! Reading of the reference data, and the comparison that its tolerances ask for.

use std::collections::HashMap;
use std::path::PathBuf;

use keras_graph::dtype::Dtype;
use keras_runtime::sample::{Samples, Values};
use keras_runtime::simd::{Level, with_level};
use serde_json::Value as Json;

/// The numbers of a tensor.
#[derive(Clone, Debug)]
pub(crate) enum Numbers {
    /// Floating-point numbers.
    F32(Vec<f32>),
    /// Integers.
    I32(Vec<i32>),
}

/// A tensor with its batch axis, if it has one.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    /// Extents.
    pub(crate) shape: Vec<usize>,
    /// Elements, row-major.
    pub(crate) numbers: Numbers,
}

impl Tensor {
    /// The floating-point numbers. Panics if they are integers.
    pub(crate) fn floats(&self) -> &[f32] {
        match &self.numbers {
            Numbers::F32(values) => values,
            Numbers::I32(_) => panic!("expected floating-point numbers"),
        }
    }

    /// All numbers.
    pub(crate) fn values(&self) -> Values<'_> {
        match &self.numbers {
            Numbers::F32(values) => Values::Floats(values),
            Numbers::I32(values) => Values::Labels(values),
        }
    }

    /// Makes floats of integers if an input takes floats, as Keras does when a model is called.
    pub(crate) fn cast(&mut self, to: Dtype) {
        if let (Numbers::I32(values), Dtype::Float32) = (&self.numbers, to) {
            self.numbers = Numbers::F32(values.iter().map(|&value| value as f32).collect());
        }
    }

    /// The numbers of sample `i` along the first axis.
    pub(crate) fn sample(&self, i: usize) -> Values<'_> {
        let len = self.shape[1..].iter().product::<usize>();
        match &self.numbers {
            Numbers::F32(values) => Values::Floats(&values[i * len..][..len]),
            Numbers::I32(values) => Values::Labels(&values[i * len..][..len]),
        }
    }
}

/// The inputs of a batch.
pub(crate) struct Inputs(pub(crate) Vec<Tensor>);

impl Samples for Inputs {
    fn count(&self) -> usize {
        self.0[0].shape[0]
    }

    fn port(&self, sample: usize, port: usize) -> Values<'_> {
        self.0[port].sample(sample)
    }
}

/// A case of a group: its description and its tensors.
pub(crate) struct Case {
    /// The case's entry in `cases.json`.
    pub(crate) json: Json,
    /// The tensors of its file.
    pub(crate) tensors: HashMap<String, Tensor>,
}

impl Case {
    /// The case's name.
    pub(crate) fn name(&self) -> &str {
        self.json["name"].as_str().unwrap()
    }

    /// The constructor as a user types it in Python.
    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap()
    }

    /// The tensor of this name. Panics if there is none.
    pub(crate) fn tensor(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("{}: no tensor `{name}`", self.name()))
    }

    /// The tensors `PREFIX_0`, `PREFIX_1`, ...
    pub(crate) fn numbered(&self, prefix: &str) -> Vec<Tensor> {
        (0..).map_while(|i| self.tensors.get(&format!("{prefix}_{i}")).cloned()).collect()
    }

    /// What the case's layer is called on, then the tensors that its call names.
    pub(crate) fn inputs(&self) -> Vec<Tensor> {
        self.input_names().iter().map(|name| self.tensor(name).clone()).collect()
    }

    /// The names of these tensors.
    pub(crate) fn input_names(&self) -> Vec<String> {
        let numbered = (0..self.numbered("input").len()).map(|i| format!("input_{i}"));
        let extra = self.json["extra"].as_object().into_iter().flatten();
        numbered.chain(extra.map(|(name, _)| name.clone())).collect()
    }

    /// Panics unless `found` equals `expected` within the tolerance of the case called `tolerance`.
    pub(crate) fn check(&self, what: &str, tolerance: &str, found: &[f32], expected: &[f32]) {
        let tolerance = &self.json[tolerance];
        let (rtol, atol) =
            (tolerance["rtol"].as_f64().unwrap(), tolerance["atol"].as_f64().unwrap());
        assert_eq!(found.len(), expected.len(), "{}: {what}: number of elements", self.name());
        for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            let close = (f64::from(found) - f64::from(expected)).abs()
                <= atol + rtol * f64::from(expected).abs();
            let same = found == expected || (found.is_nan() && expected.is_nan());
            assert!(
                close || same,
                "{}: {what}: element {i}: expected {expected}, found {found}",
                self.name()
            );
        }
    }
}

/// The folder of the reference data.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The cases of a group that one of its lists has. Panics if a file is missing.
pub(crate) fn listed(group: &str, list: &str) -> Vec<Case> {
    let folder = folder().join(group);
    let text = std::fs::read_to_string(folder.join(list)).unwrap();
    let list: Vec<Json> = serde_json::from_str(&text).unwrap();
    assert!(!list.is_empty());
    list.into_iter()
        .map(|json| {
            let tensors =
                json["file"].as_str().map_or_else(HashMap::new, |file| read(&folder.join(file)));
            Case { json, tensors }
        })
        .collect()
}

fn read(path: &PathBuf) -> HashMap<String, Tensor> {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    file.tensors()
        .into_iter()
        .map(|(name, view)| {
            let words = view.data().as_chunks::<4>().0;
            let numbers = match view.dtype() {
                // Truth values, which are floats in memory.
                safetensors::Dtype::BOOL => {
                    Numbers::F32(view.data().iter().map(|truth| f32::from(*truth)).collect())
                }
                safetensors::Dtype::F32 => {
                    Numbers::F32(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
                }
                safetensors::Dtype::I32 => {
                    Numbers::I32(words.iter().map(|word| i32::from_le_bytes(*word)).collect())
                }
                other => panic!("{}: `{name}` has elements of type {other:?}", path.display()),
            };
            (name, Tensor { shape: view.shape().to_vec(), numbers })
        })
        .collect()
}

/// Checks all cases of a group, and tells every one that fails.
pub(crate) fn check_all(group: &str, check: impl Fn(&Case)) {
    check_list(group, "cases.json", check);
}

/// As [`check_all`], of another list.
pub(crate) fn check_list(group: &str, list: &str, check: impl Fn(&Case)) {
    let failures: Vec<String> = listed(group, list)
        .iter()
        .filter_map(|case| {
            let check = std::panic::AssertUnwindSafe(|| check(case));
            std::panic::catch_unwind(check).err().map(|_| case.name().to_string())
        })
        .collect();
    let (count, level) = (failures.len(), Level::current());
    assert!(failures.is_empty(), "{count} cases of {group} fail at {level:?}: {failures:?}");
}

/// Does something with the kernels of each instruction set of this machine in turn.
pub(crate) fn on_all_levels(check: impl Fn()) {
    for level in Level::available() {
        // Shown if it fails.
        println!("at {level:?}");
        with_level(level, &check).unwrap();
    }
}
