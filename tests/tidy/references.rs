//! What comes with every layer, plan and test file.

use keras_graph::layers::CATALOGUE;
use serde_json::Value as Json;

use super::{files, text};

/// Plans of whole models in `tests/plans`.
const LEAST_PLANS: usize = 10;

#[test]
fn every_layer_has_reference_data() {
    let configs = text("keras-graph/tests/fixtures/configs.txt");
    let cases: Vec<Json> = serde_json::from_str(&text("tests/golden/layers/cases.json")).unwrap();
    for entry in CATALOGUE {
        let class = entry.schema.class;
        let is_configured = configs.lines().any(|line| line.split(':').next() == Some(class));
        assert!(is_configured, "{class}: no line in configs.txt; tools/layer_configs.py makes it");
        if class.contains("Cell") {
            // A cell has the cases of the layer that runs it.
            continue;
        }
        let has_case = cases.iter().any(|case| case["kind"] == class);
        assert!(has_case, "{class}: no case in tests/golden/layers");
        assert!(!entry.cases.is_empty(), "{class}: no `CASES` in its file");
    }
}

#[test]
fn every_plan_on_file_is_compared() {
    let test = text("tests/golden/plans.rs");
    let files = files();
    let plans = files.iter().filter_map(|path| path.strip_prefix("tests/plans/"));
    let plans: Vec<&str> = plans.filter_map(|file| file.strip_suffix(".plan")).collect();
    assert!(plans.len() >= LEAST_PLANS, "{plans:?}: at least {LEAST_PLANS} are expected");
    for plan in plans {
        let words = plan.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
        let check = format!("check::<{}>()", words.collect::<String>());
        assert!(test.contains(&check), "tests/plans/{plan}.plan: no test reads it");
    }
}

/// A file of tests that is not in the manifest is never compiled.
#[test]
fn every_file_of_tests_is_compiled() {
    let manifest = text("tests/Cargo.toml");
    let files = files();
    let tests = files.iter().filter_map(|path| path.strip_prefix("tests/"));
    for file in tests.filter(|file| file.ends_with(".rs") && !file.contains('/')) {
        let line = format!("path = \"{file}\"");
        assert!(manifest.contains(&line), "tests/{file}: no `[[test]]` in tests/Cargo.toml");
    }
}
