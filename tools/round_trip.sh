#!/bin/sh
# Exchanges models with real Keras: Rust saves a model, Keras loads it, changes it and saves it, and
# Rust loads that. Predictions are compared each way, and training is resumed on both sides. Fails
# if any of them differs.
#
# Needs a network for the first run, which installs Keras into target/keras-venv. KERAS_PYTHON names
# a Python that has the packages already.
set -eu
cd "$(dirname "$0")/.."

packages="keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 h5py==3.16.0"
venv=target/keras-venv
python=${KERAS_PYTHON:-$venv/bin/python}

if [ -z "${KERAS_PYTHON:-}" ] && [ "$(cat "$venv/ready" 2>/dev/null)" != "$packages" ]; then
    rm -rf "$venv"
    if ! python3 -m venv "$venv"; then
        command -v apt-get >/dev/null
        apt-get update -qq
        apt-get install -y -qq python3-venv
        rm -rf "$venv"
        python3 -m venv "$venv"
    fi
    # shellcheck disable=SC2086 # a list of words
    "$venv/bin/pip" install --quiet $packages
    echo "$packages" >"$venv/ready"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo build --quiet --example round_trip
cargo run --quiet --example round_trip -- write "$folder"
"$python" tools/round_trip.py "$folder"
cargo run --quiet --example round_trip -- read "$folder"
