//! Circles of imports between the files of a crate.
//!
//! A file imports what its paths from `crate`, `super` and `self` name, in `use` or elsewhere. A
//! folder's `mod.rs` and the files in the folder are one idea, so imports between them do not
//! count. Nor do those of tests.

use std::collections::{BTreeMap, BTreeSet};

use super::{files, text};

/// A module: the names of its path in the crate.
type Module = Vec<String>;
type Imports = BTreeMap<Module, BTreeSet<Module>>;

/// Circles of files that are one idea, by crate. The list may shrink, never grow.
const ONE_IDEA: &[(&str, &[&str])] = &[
    // A model, and its weights as flat numbers.
    ("keras-infer", &["infer", "weights"]),
    // A file of a dataset, in the cache or fetched into it.
    ("keras-runtime", &["datasets::cache", "datasets::download"]),
    // `compile` makes a training, which is generic over the model.
    ("keras-runtime", &["model", "training"]),
];

/// The part of a file that is no test, without comments.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Adds the paths of a `use` that begins with `prefix`, braces multiplied out.
fn expand(prefix: &[String], tree: &str, paths: &mut Vec<Module>) {
    let mut depth = 0;
    let items = tree.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for item in items.map(str::trim).filter(|item| !item.is_empty()) {
        let (names, inner) = match item.split_once('{') {
            Some((names, inner)) => (names, inner.strip_suffix('}')),
            None => (item.split(" as ").next().unwrap(), None),
        };
        let names = names.split("::").map(str::trim).filter(|name| !name.is_empty());
        let path: Module = prefix.iter().cloned().chain(names.map(String::from)).collect();
        match inner {
            Some(inner) => expand(&path, inner, paths),
            None => paths.push(path),
        }
    }
}

/// All paths in code that begin with `crate`, `super` or `self`.
fn paths(code: &str) -> Vec<Module> {
    let mut paths = Vec::new();
    let mut rest = code;
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(at) = ["crate::", "super::", "self::"].iter().filter_map(|s| rest.find(s)).min()
    {
        let is_word = !rest[..at].ends_with(is_name) && !rest[..at].ends_with(['$', ':']);
        let is_use = is_word && rest[..at].trim_end().ends_with("use");
        let end = if is_use {
            rest[at..].find(';')
        } else {
            rest[at..].find(|c| !is_name(c) && c != ':')
        };
        let end = at + end.unwrap_or(rest.len() - at);
        if is_word {
            expand(&[], rest[at..end].trim_end_matches(':'), &mut paths);
        }
        rest = &rest[end..];
    }
    paths
}

/// What each file of a crate imports of the others.
fn imports(folder: &str) -> Imports {
    let source = format!("{folder}/src/");
    let files = files();
    let files = files.iter().filter_map(|path| {
        let file = path.strip_prefix(&source)?.strip_suffix(".rs")?;
        let mut module: Module = file.split('/').map(String::from).collect();
        if module.last().is_some_and(|name| name == "mod" || name == "lib") {
            module.pop();
        }
        (!file.contains("tests")).then(|| (module, code(&text(path))))
    });
    let files: BTreeMap<Module, String> = files.collect();
    let resolve = |from: &Module, path: Module| {
        let mut target = if path[0] == "crate" { Vec::new() } else { from.clone() };
        for name in path {
            match name.as_str() {
                "crate" | "self" => {}
                "super" => drop(target.pop()),
                _ => target.push(name),
            }
        }
        while !files.contains_key(&target) && target.pop().is_some() {}
        let is_within = target.starts_with(from) || from.starts_with(&target);
        (!is_within).then_some(target)
    };
    let import = |(module, code): (&Module, &String)| {
        let targets = paths(code).into_iter().filter_map(|path| resolve(module, path));
        (module.clone(), targets.collect())
    };
    files.iter().map(import).collect()
}

/// All modules that one reaches by imports.
fn reached(imports: &Imports, from: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(module) = waiting.pop() {
        let new = imports[module].iter().filter(|target| reached.insert((*target).clone()));
        waiting.extend(new);
    }
    reached
}

/// The circles of a crate, each with the names of its modules.
fn circles(imports: &Imports) -> BTreeSet<BTreeSet<String>> {
    let reach: BTreeMap<&Module, BTreeSet<Module>> =
        imports.keys().map(|module| (module, reached(imports, module))).collect();
    let circle = |module: &Module| -> BTreeSet<String> {
        let mutual = reach[module].iter().filter(|other| reach[other].contains(module));
        mutual.map(|module| module.join("::")).collect()
    };
    imports.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

#[test]
fn files_import_each_other_one_way() {
    let manifests = files();
    let crates = manifests.iter().filter_map(|path| path.strip_suffix("/Cargo.toml"));
    let mut found = Vec::new();
    for name in crates.filter(|name| name.starts_with("keras-")) {
        for circle in circles(&imports(name)) {
            let is_one_idea = ONE_IDEA
                .iter()
                .any(|(of, idea)| *of == name && circle.iter().all(|m| idea.contains(&m.as_str())));
            if !is_one_idea {
                found.push(format!("{name}: {circle:?}"));
            }
        }
    }
    assert!(found.is_empty(), "circles of imports:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found() {
    assert_eq!(
        paths("pub(crate) use crate::a::{b::{c, self}, d as e}; x::crate::no; super::super::f(1)"),
        [
            vec!["crate", "a", "b", "c"],
            vec!["crate", "a", "b", "self"],
            vec!["crate", "a", "d"],
            vec!["super", "super", "f"]
        ]
    );
    let module = |name: &str| vec![name.to_string()];
    let to = |names: &[&str]| names.iter().map(|name| module(name)).collect();
    let imports = [("a", to(&["b"])), ("b", to(&["c"])), ("c", to(&["b"])), ("d", to(&[]))];
    let imports = imports.into_iter().map(|(name, to)| (module(name), to)).collect();
    let found: Vec<Vec<String>> =
        circles(&imports).into_iter().map(|circle| circle.into_iter().collect()).collect();
    assert_eq!(found, [["b", "c"]]);
}
