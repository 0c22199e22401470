//! What cannot be run ends with a message that says why, and the exit code 2.

use super::*;

/// The message that a command line ends with.
fn refusal(line: &str) -> String {
    let refused = run(line.split_whitespace().map(OsString::from)).expect_err(line);
    assert_eq!(refused.exit_code(), 2, "{line}");
    refused.message().to_string()
}

#[test]
fn senseless_command_lines_are_refused() {
    for (line, message) in [
        ("", "workloads: tiny_mlp, mlp, "),
        ("mpl --mode train", "there is no workload `mpl`; workloads: tiny_mlp, mlp, "),
        ("mlp", "`--mode train` or `--mode infer` is missing"),
        ("mlp --mode fit", "`--mode` is `train` or `infer`, found `fit`"),
        ("mlp --mode train --threads 0", "`--threads` expects at least 1, found 0"),
        ("mlp --mode train --threads 1025", "`--threads` expects at most 1024, found 1025"),
        ("mlp --mode train --threads two", "`--threads` expects a number, found `two`"),
        ("mlp --mode train --batch 0", "`--batch` expects at least 1, found 0"),
        ("mlp --mode train --batch -3", "`--batch` expects a number, found `-3`"),
        ("mlp --mode train --reps 0", "`--reps` expects at least 1, found 0"),
        ("mlp --mode train --seconds 0", "`--seconds` expects a positive number, found 0"),
        ("mlp --mode train --seconds NaN", "`--seconds` expects a positive number, found NaN"),
        ("mlp --mode train --seconds inf", "`--seconds` expects a positive number, found inf"),
        ("mlp --mode train --dtype f64", "`--dtype` is `f32` or `bf16`, found `f64`"),
        (
            "mlp --mode train --simd sse",
            "`--simd` is portable, neon, avx2, avx512 or avx512bf16, found `sse`",
        ),
        ("mlp --mode infer --losses 3", "`--losses` goes with `--mode train`"),
        ("audio_dense --mode train", "`audio_dense` is timed in inference alone"),
        ("mlp --mode train convnet", "unexpected argument \"convnet\""),
        ("mlp --mode train --thread 1", "invalid option '--thread'"),
        ("mlp --mode train --threads", "missing argument for option '--threads'"),
    ] {
        let found = refusal(line);
        assert!(found.starts_with(message), "`{line}`: {found}");
        assert!(found.ends_with("[--losses N]"), "`{line}` shows how it is used: {found}");
    }
}

#[test]
fn instructions_that_the_processor_lacks_are_refused() {
    let names = ["portable", "neon", "avx2", "avx512"];
    let has = |name: &str| {
        Level::available().any(|level| format!("{level:?}").eq_ignore_ascii_case(name))
    };
    let missing: Vec<&str> = names.into_iter().filter(|name| !has(name)).collect();
    // No processor has both NEON and AVX.
    assert!(!missing.is_empty());
    for name in missing {
        let found = refusal(&format!("tiny_mlp --mode infer --simd {name}"));
        assert!(found.starts_with("this processor lacks the instructions of "), "{found}");
    }
}

#[test]
fn a_run_at_forced_instructions_says_so() {
    let line = "audio_dense --mode infer --simd portable --threads 2 --seconds 0.01";
    let report = run(line.split_whitespace().map(OsString::from)).expect("it is everywhere");
    let version = report["version"].as_str().expect("a text");
    assert!(version.ends_with(", Portable"), "{version}");
}
