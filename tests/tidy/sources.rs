//! Widths and lengths of files, and where `unsafe` may stand.

use super::{files, text};

/// Columns of a line, as rustfmt has them.
const MOST_COLUMNS: usize = 100;
/// Lines of a file, tests in it included.
const MOST_LINES: usize = 350;

/// Where `unsafe` may stand, and why.
const UNSAFE: &[(&str, &str)] = &[
    ("examples/bare/src/lib.rs", "the name of a C function, and an allocator that refuses"),
    ("keras-infer/src/example.rs", "what the macro emits, by hand"),
    ("keras-infer/src/infer.rs", "the contract of the trait of models"),
    ("keras-infer/src/sample/structs.rs", "what the macro emits for samples"),
    ("keras-infer/src/weights.rs", "views of weights as flat numbers"),
    ("keras-kernels/src/simd/", "vector instructions"),
    ("keras-macros/src/assembly.rs", "declares what the assembler defines"),
    ("keras-macros/src/emit.rs", "promises what `Infer` asks for"),
    ("keras-runtime/src/team.rs", "lends a closure to threads"),
    ("tests/alloc.rs", "an allocator that counts"),
];

/// The sources, but for the tests of messages, whose layout is part of the test.
fn sources() -> impl Iterator<Item = (String, String)> {
    let is_source = |path: &String| path.ends_with(".rs") && !path.starts_with("tests/ui/");
    files().into_iter().filter(is_source).map(|path| (path.clone(), text(&path)))
}

#[test]
fn lines_are_not_wide() {
    let endings = [".rs", ".md", ".toml", ".sh", ".yml", ".c", ".py", ".ci/run"];
    let mut wide = Vec::new();
    for path in files() {
        if path.starts_with("tests/ui/") || !endings.iter().any(|ending| path.ends_with(ending)) {
            continue;
        }
        for (i, line) in text(&path).lines().enumerate() {
            // Rows of tables and links cannot be broken.
            let is_exempt = path.ends_with(".md") && (line.starts_with('|') || line.contains("]("));
            let columns = line.chars().count();
            if columns > MOST_COLUMNS && !is_exempt {
                wide.push(format!("{path}:{}: {columns} columns", i + 1));
            }
        }
    }
    assert!(wide.is_empty(), "at most {MOST_COLUMNS} columns are read:\n{}", wide.join("\n"));
}

#[test]
fn files_are_not_long() {
    let mut long = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        if lines > MOST_LINES {
            long.push(format!("{path}: {lines} lines, at most {MOST_LINES} may be"));
        }
    }
    assert!(long.is_empty(), "files to split by ideas:\n{}", long.join("\n"));
}

#[test]
fn unsafe_code_is_where_it_may_be() {
    let mut found = vec![false; UNSAFE.len()];
    for (path, text) in sources() {
        let place = UNSAFE.iter().position(|(place, _)| path.starts_with(place));
        for (i, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap();
            let begins = ["{", "impl", "fn", "trait", "extern", "(no_mangle"];
            let is_unsafe = begins.iter().any(|begin| {
                code.contains(&format!("unsafe {begin}")) || code.contains("unsafe(no_mangle")
            });
            // This file says what to look for.
            if is_unsafe && !path.starts_with("tests/tidy/") {
                let place = place.unwrap_or_else(|| panic!("{path}:{}: `unsafe` here", i + 1));
                found[place] = true;
            }
        }
    }
    for ((place, _), found) in UNSAFE.iter().zip(found) {
        assert!(found, "{place}: there is no `unsafe` any more, take it off the list");
    }
}
