#!/usr/bin/env bash
# Builds the example `bare`, a trained model without the standard library, and runs it.
#
# For the host it is linked with a program in C that classifies one digit. Two libraries with a
# panic handler cannot be linked, so this fails if any crate brings the standard library along. For
# a microcontroller it is built alone, if rustup can get the target.
set -euo pipefail
cd "$(dirname "$0")/.."

target=thumbv7em-none-eabihf
folder=$PWD/target/bare
mkdir -p "$folder"
# The versions that the workspace is tested with.
cp Cargo.lock examples/bare/Cargo.lock

build() {
    (
        cd examples/bare
        RUSTFLAGS="-D warnings" CARGO_TARGET_DIR=$folder \
            cargo build --release --config profile.release.opt-level=1 "$@"
    )
}

rustfmt --check --edition 2024 examples/bare/src/lib.rs
build
cc -Wall -Werror -o "$folder/classify" examples/bare/main.c "$folder/release/libbare.a"
"$folder/classify"

if rustup target add "$target" >/dev/null 2>&1; then
    build --target "$target"
    echo "built for $target"
else
    echo "not built for $target: rustup cannot install the target here"
fi
