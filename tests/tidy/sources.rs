//! Widths and lengths of files, and where `unsafe` may stand.

use super::{files, text};

/// Columns of a line, as rustfmt has them.
const MOST_COLUMNS: usize = 100;
/// Lines of a file, tests in it included.
const MOST_LINES: usize = 350;

/// Files that are longer, and how long they may be. The list may shrink, never grow.
const LONG: &[(&str, usize)] = &[
    ("keras-format/src/json.rs", 393),
    ("keras-graph/src/call.rs", 352),
    ("keras-graph/src/graph.rs", 409),
    ("keras-graph/src/schedule.rs", 389),
    ("keras-graph/src/summary.rs", 367),
    ("keras-infer/src/sample.rs", 394),
    ("keras-kernels/src/kernels/activate_reference.rs", 397),
    ("keras-kernels/src/kernels/batch_norm.rs", 512),
    ("keras-kernels/src/kernels/channels.rs", 367),
    ("keras-kernels/src/kernels/conv/mod.rs", 453),
    ("keras-kernels/src/kernels/conv/pairs.rs", 410),
    ("keras-kernels/src/kernels/depthwise/three.rs", 464),
    ("keras-kernels/src/kernels/finish.rs", 420),
    ("keras-kernels/src/kernels/gemm.rs", 514),
    ("keras-kernels/src/kernels/softmax.rs", 395),
    ("keras-kernels/src/kernels/tile.rs", 561),
    ("keras-kernels/src/kernels/upsample2d.rs", 371),
    ("keras-macros/src/call.rs", 415),
    ("keras-macros/src/emit.rs", 402),
    ("keras-macros/src/evaluate.rs", 362),
    ("keras-macros/src/model.rs", 374),
    ("keras-macros/src/tests.rs", 477),
    ("keras-runtime/src/callbacks/model_checkpoint.rs", 373),
    ("keras-runtime/src/error.rs", 458),
    ("keras-runtime/src/execute/mod.rs", 397),
    ("keras-runtime/src/execute/single.rs", 362),
    ("keras-runtime/src/losses/mod.rs", 360),
    ("keras-runtime/src/optimizers/updater.rs", 554),
    ("keras-runtime/src/progress.rs", 366),
    ("keras-runtime/src/training/mod.rs", 367),
    ("keras-runtime/src/training/trainer.rs", 478),
    ("tests/dsl.rs", 358),
    ("tests/files.rs", 419),
    ("tests/golden/layers.rs", 384),
    ("tests/golden/training.rs", 389),
    ("tests/training.rs", 533),
];

/// Where `unsafe` may stand, and why.
const UNSAFE: &[(&str, &str)] = &[
    ("examples/bare/src/lib.rs", "the name of a C function, and an allocator that refuses"),
    ("keras-infer/src/example.rs", "what the macro emits, by hand"),
    ("keras-infer/src/infer.rs", "the contract of the trait of models"),
    ("keras-infer/src/sample.rs", "what the macro emits for samples"),
    ("keras-infer/src/weights.rs", "views of weights as flat numbers"),
    ("keras-kernels/src/simd/", "vector instructions"),
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
    let endings = [".rs", ".md", ".toml", ".sh", ".yml", ".c", ".ci/run"];
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
        let most =
            LONG.iter().find(|(file, _)| *file == path).map_or(MOST_LINES, |&(_, most)| most);
        let lines = text.lines().count();
        if lines > most {
            long.push(format!("{path}: {lines} lines, at most {most} may be"));
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
