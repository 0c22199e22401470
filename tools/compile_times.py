#!/usr/bin/env python3
"""What a model costs the compiler: a crate outside of the workspace, with the profile lines of the
README.

    python3 tools/compile_times.py [--runs 5] [LAYERS ...]
    python3 tools/compile_times.py --user

The first prints the table of the README's limits (for 4, 20, 100 and 200 layers), the second only
builds and runs a training in a debug build.

Times are wall times of cargo after a change of the model, medians of the runs, beside a crate that
depends on keras and has no model; both are measured in turn. Dependencies are built first, into
CARGO_TARGET_DIR or a folder that is deleted.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS_OF_USER = 20  # a debug build without the profile lines takes minutes

MANIFEST = """[package]
name = "{name}"
version = "0.1.0"
edition = "2024"

[dependencies]
keras = {{ path = "{root}" }}

[workspace]

{profile}
"""
EMPTY = "use keras as _;\n\nfn main() {{\n    println!(\"{stamp}\");\n}}\n"
MODEL = """use keras::prelude::*;

model! {{
    pub struct Net;

    let inputs = Input(shape = (16, 16, 3));
    let mut x = Conv2D(8, 3, padding = "same")(inputs);
    for _ in 0..{blocks} {{
        let y = Conv2D(8, 3, padding = "same")(x);
        let y = BatchNormalization()(y);
        let y = Activation("relu")(y);
        x = Add()([x, y]);
    }}
    let x = GlobalAveragePooling2D()(x);
    let outputs = Dense({units})(x);
    Model(inputs, outputs)
}}

fn main() {{
    let model = Net::seeded(1);
    println!("{{:?}}", model.call(&[[[0.5; 3]; 16]; 16]));
}}
"""


def profile():
    """The profile lines that the README tells users to write."""
    block = re.search(r"```toml\n(\[profile.*?)```", (ROOT / "README.md").read_text(), re.S)
    return block.group(1)


def crate(folder, name, source):
    (folder / name / "src").mkdir(parents=True)
    (folder / name / "Cargo.toml").write_text(
        MANIFEST.format(name=name, root=ROOT, profile=profile())
    )
    # The versions that are tested; cargo drops what the crate does not need.
    (folder / name / "Cargo.lock").write_text((ROOT / "Cargo.lock").read_text())
    (folder / name / "src" / "main.rs").write_text(source)
    return folder / name


def cargo(path, target, *arguments):
    """Runs cargo in a crate; returns its seconds."""
    start = time.monotonic()
    subprocess.run(
        ["cargo", *arguments, "--quiet"],
        cwd=path,
        check=True,
        env={**os.environ, "CARGO_TARGET_DIR": str(target)},
    )
    return time.monotonic() - start


def blocks(layers):
    """Residual blocks of four layers in a model of about so many: the input, the first convolution
    and two more stand beside."""
    return max(layers - 4, 0) // 4


def table(folder, target, sizes, runs):
    sources = {"empty": lambda stamp: EMPTY.format(stamp=stamp)}
    for layers in sizes:
        # A change that every expansion sees: the number of units.
        sources[f"model_{layers}"] = lambda stamp, n=layers: MODEL.format(
            blocks=blocks(n), units=10 + stamp
        )
    crates = {name: crate(folder, name, source(0)) for name, source in sources.items()}
    seconds = {name: {"check": [], "release": []} for name in crates}
    for stamp in range(runs + 1):
        for name, path in crates.items():
            (path / "src" / "main.rs").write_text(sources[name](stamp))
            for kind, arguments in {"check": ["check"], "release": ["build", "--release"]}.items():
                elapsed = cargo(path, target, *arguments)
                if stamp > 0:  # the first builds the dependencies
                    seconds[name][kind].append(elapsed)
    medians = {
        name: {kind: statistics.median(s) for kind, s in kinds.items()}
        for name, kinds in seconds.items()
    }
    smallest_bytes = stripped_bytes(target / "release" / f"model_{min(sizes)}")
    print(
        "| layers | check | more than empty | release rebuild | stripped binary | bytes for each "
        "layer more |"
    )
    print("|---|---|---|---|---|---|")
    for name in crates:
        layers = name.removeprefix("model_")
        check, release = medians[name]["check"], medians[name]["release"]
        binary = stripped_bytes(target / "release" / name)
        more_layers = 0 if name == "empty" else int(layers) - min(sizes)
        each = f"{(binary - smallest_bytes) / more_layers:.0f}" if more_layers else ""
        more = check - medians["empty"]["check"]
        layers = "none" if name == "empty" else layers
        print(
            f"| {layers} | {check:.2f} s | {more:.2f} s | {release:.2f} s | {binary / 1000:.0f} "
            f"kB | {each} |"
        )


def stripped_bytes(program):
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, str(program)], check=True)
        return os.path.getsize(stripped.name)


def user(folder, target):
    """The README's program as a user has it: a debug build with the profile lines trains in
    seconds."""
    readme = (ROOT / "README.md").read_text()
    source = re.search(r"```rust\n(use keras::prelude.*?)```", readme, re.S).group(1)
    path = crate(folder, "user", source)
    built = cargo(path, target, "build")
    start = time.monotonic()
    subprocess.run([target / "debug" / "user"], cwd=path, check=True, stdout=subprocess.DEVNULL)
    elapsed = time.monotonic() - start
    print(f"a user's crate: debug build {built:.1f} s, trained on the digits in {elapsed:.1f} s")
    if elapsed > SECONDS_OF_USER:
        raise SystemExit(f"a training in a debug build takes more than {SECONDS_OF_USER} s")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", type=int, nargs="*", metavar="LAYERS")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--user", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", folder / "target")).resolve()
        if arguments.user:
            user(folder, target)
        else:
            table(folder, target, arguments.sizes or [4, 20, 100, 200], arguments.runs)


if __name__ == "__main__":
    main()
