//! `WAITING.md` says what is not covered yet. It must not list a case that is here, nor one that
//! waits for a class that exists, and a group has as many cases, here and waiting, as its heading
//! says.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use keras_graph::layers::Entry;
use serde_json::Value as Json;

use crate::tensors::folder;

/// A group of `WAITING.md`.
struct Group {
    name: String,
    /// Cases of the reference data, here and waiting.
    count: usize,
    /// What is waited for, and the cases that do.
    rows: Vec<(String, Vec<String>)>,
}

/// The cells of a row of a table.
fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()
}

fn groups() -> Vec<Group> {
    let text = fs::read_to_string(folder().join("WAITING.md")).unwrap();
    let mut groups: Vec<Group> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let (name, count) = heading.split_once(": ").expect("`## layers: 313 cases`");
            let count = count.strip_suffix(" cases").unwrap().parse().unwrap();
            groups.push(Group { name: name.to_string(), count, rows: Vec::new() });
        } else if line.starts_with("| ") && !line.starts_with("| waits for") {
            let [what, cases] = <[String; 2]>::try_from(cells(line)).unwrap();
            let cases = cases.split(", ").map(String::from).collect();
            groups.last_mut().unwrap().rows.push((what, cases));
        }
    }
    assert!(groups.len() > 5);
    groups
}

/// The cases of a group that are here; none if the group waits as a whole.
fn here(group: &str) -> Vec<String> {
    let Ok(text) = fs::read_to_string(folder().join(group).join("cases.json")) else {
        return Vec::new();
    };
    let cases: Vec<Json> = serde_json::from_str(&text).unwrap();
    cases.iter().map(|case| case["name"].as_str().unwrap().to_string()).collect()
}

/// Whether there is what a group waits for: ``metric `Sum` ``. A sentence is believed.
fn exists(what: &str) -> bool {
    let class =
        what.split_once(" `").and_then(|(kind, class)| Some((kind, class.strip_suffix('`')?)));
    let Some((kind, class)) = class else { return false };
    match kind {
        "layer" => Entry::by_class(class).is_some(),
        "loss" => is_public("losses", class),
        "metric" => is_public("metrics", class),
        "optimizer" => is_public("optimizers", class),
        // Lists of two names each: `("l2", "L2")`.
        "initializer" | "regularizer" | "constraint" => {
            is_written(&root().join("keras-graph/src"), &format!(", \"{class}\")"))
        }
        _ => false,
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Whether a module of the runtime re-exports a class.
fn is_public(module: &str, class: &str) -> bool {
    let file = root().join("keras-runtime/src").join(module).join("mod.rs");
    let text = fs::read_to_string(file).unwrap();
    let uses = text.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    uses.flat_map(|names| names.split(|c: char| !c.is_alphanumeric())).any(|name| name == class)
}

/// Whether a source file in a folder has a text.
fn is_written(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => is_written(&path, text),
            false => fs::read_to_string(&path).unwrap().contains(text),
        }
    })
}

#[test]
fn what_waits_is_not_here() {
    for Group { name, count, rows } in groups() {
        let here = here(&name);
        let mut all: HashSet<&String> = here.iter().collect();
        for (what, cases) in &rows {
            assert!(!exists(what), "{name}: {what} is there, so {cases:?} need not wait for it");
            for case in cases {
                assert!(all.insert(case), "{name}: `{case}` is here, or waits twice");
            }
        }
        assert_eq!(all.len(), count, "{name}: cases here and waiting, as the heading counts them");
    }
}

#[test]
fn what_exists_is_found() {
    for what in [
        "layer `Dense`",
        "loss `MeanSquaredError`",
        "metric `BinaryCrossentropy`",
        "metric `Accuracy`",
        "optimizer `Adam`",
        "initializer `GlorotUniform`",
        "regularizer `L1L2`",
    ] {
        assert!(exists(what), "{what}");
    }
    for what in ["layer `Nothing`", "loss `Mean`", "metric `Sum`", "losses with an `axis`", "masks"]
    {
        assert!(!exists(what), "{what}");
    }
}
