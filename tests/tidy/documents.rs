//! Documents against the declarations and the files that they name.

use std::collections::BTreeSet;

use keras_graph::functions::Function;
use keras_graph::layers::CATALOGUE;

use super::{files, text};

type Names = BTreeSet<String>;

/// What a row of the README's table lists: its words outside of backticks, up to a semicolon.
fn in_readme(row: &str) -> Names {
    let readme = text("README.md");
    let start = format!("| {row} | ");
    let line = readme.lines().find_map(|line| line.strip_prefix(start.as_str()));
    let line = line.unwrap_or_else(|| panic!("README.md: no row `{row}` in the table"));
    let list = line.split(';').next().unwrap();
    let outside: String = list.split('`').step_by(2).collect();
    let words = outside.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).map(String::from).collect()
}

/// The classes among them.
fn classes_in_readme(row: &str) -> Names {
    in_readme(row).into_iter().filter(|word| word.starts_with(char::is_uppercase)).collect()
}

/// The classes that the prelude has of a module.
fn in_prelude(module: &str) -> Names {
    let facade = text("src/lib.rs");
    let (_, list) = facade.split_once(&format!("pub use crate::{module}::{{")).unwrap();
    let (list, _) = list.split_once('}').unwrap();
    list.split(',').map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_readme_lists_what_there_is() {
    let mut layers: Names = CATALOGUE.iter().map(|entry| entry.schema.class.to_string()).collect();
    layers.insert("Input".to_string());
    assert_eq!(classes_in_readme("Layers"), layers);
    let mut functions: Names = Function::all().map(|f| f.name().to_string()).collect();
    // A slice is `x[..]` to the reader, and what is constant is no operation.
    functions.remove("get_item");
    functions.extend(["arange", "shape"].map(String::from));
    assert_eq!(in_readme("Functions of `ops`"), functions);
    for row in ["Optimizers", "Losses", "Metrics", "Callbacks"] {
        assert_eq!(classes_in_readme(row), in_prelude(&row.to_lowercase()), "{row}");
    }
}

#[test]
fn what_documents_name_exists() {
    const ENDINGS: [&str; 7] = [".rs", ".md", ".py", ".sh", ".txt", ".toml", "/"];
    let files = files();
    let mut absent = Vec::new();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "docs/performance.md"] {
        let text = text(document);
        let words = text.split(|c: char| !c.is_alphanumeric() && !"_./-:".contains(c));
        for word in words {
            let path = word.trim_end_matches(['.', ':']);
            let is_path = ENDINGS.iter().any(|ending| path.ends_with(ending));
            // The reader's own, one of many, or an address. Other frameworks have a `bench.py`.
            let is_other = path.starts_with(['.', '/'])
                || ["my_", "FAMILY", "bench.py", "://"].iter().any(|own| path.contains(own));
            if !is_path || is_other {
                continue;
            }
            let is_it = |file: &String| {
                let file = format!("/{file}");
                let within = format!("/{path}");
                if path.ends_with('/') { file.contains(&within) } else { file.ends_with(&within) }
            };
            if !files.iter().any(is_it) {
                absent.push(format!("{document}: `{path}`"));
            }
        }
    }
    assert!(absent.is_empty(), "there is no such file:\n{}", absent.join("\n"));
}
