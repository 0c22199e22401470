"""Compares the losses of training with real Keras, for every workload of the example `bench` that
is trained.

    python tools/losses.py --bench target/release/examples/bench
        [--backends jax,tensorflow,torch] [--sets 4] [--dtype bf16] [WORKLOAD ...]

The bench writes the weights that it starts from as a `.keras` file. Each backend of Keras and the
bench itself train that model for 20 steps on the same batches, and from the same weights anew on
further sets of batches. Of ours, the first 3 losses agree with a backend to 1e-4, relative, or,
where the backends are further apart than this themselves, as the rest: all 20 are no further from
the middle of the backends than 3 times what the backends have been apart by then on any set, or, as
backends may round alike, no further from Keras in 64 bits (on JAX) than the furthest backend has
been by then. One set would not do: where rounding decides what comes next, three backends may be
near each other by chance. Each backend runs in a process of its own. Prints a line for each
workload, with the mean distances from 64 bits (roots of mean squares over the sets) where backends
part, and exits with 1 if one disagrees. With `--dtype bf16` all of them train under the policy
`mixed_bfloat16`, and the first losses agree to 2^-8, a rounding of bfloat16.

Needs keras, numpy, jax and the backends that are named.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS = 20
FIRST_STEPS, FIRST_TOLERANCES = 3, {"f32": 1e-4, "bf16": 2**-8}
SPREADS = 3
# Rounding of a mean that is printed as f32: what the backends differ by may happen to be less.
ROUNDING = 1e-6

# Shape of an input, samples of a step, optimizer and its arguments, what the targets are.
WORKLOADS = {
    "tiny_mlp": ((64,), 32, ("SGD", {}), "classes"),
    "mlp": ((784,), 128, ("RMSprop", {}), "classes"),
    "convnet": ((28, 28, 1), 128, ("Adam", {}), "classes"),
    "resnet20": ((32, 32, 3), 128, ("SGD", {"learning_rate": 0.1, "momentum": 0.9}), "classes"),
    "mobilenet": ((96, 96, 3), 32, ("Adam", {}), "classes"),
    "autoencoder": ((28, 28, 1), 128, ("Adam", {}), "images"),
}
LOSSES = {"classes": "SparseCategoricalCrossentropy", "images": "BinaryCrossentropy"}


def write_batches(folder, name, count):
    """Writes the sets of batches, each to a folder of its own. Returns the folders."""
    import numpy as np

    shape, batch, _, targets = WORKLOADS[name]
    random = np.random.default_rng(11)
    folders = [folder / str(i) for i in range(count)]
    for place in folders:
        place.mkdir()
        x = random.standard_normal((STEPS * batch, *shape), dtype="float32")
        y = random.integers(0, 10, len(x)).astype("int32") if targets == "classes" else 1 / (
            1 + np.exp(-x))
        np.save(place / f"{name}.x.npy", x)
        np.save(place / f"{name}.y.npy", y)
    return folders


def with_dtype(model, old, new):
    """Returns the model with another type of its numbers, or another policy."""
    twin = type(model).from_config(json.loads(json.dumps(model.get_config()).replace(old, new)))
    twin.set_weights(model.get_weights())
    return twin


def keras_losses(weights, folders, name, dtype):
    """Trains on each set of batches with the backend of this process; prints the losses as JSON."""
    import keras

    model = keras.saving.load_model(weights, compile=False)
    if os.environ.get("JAX_ENABLE_X64"):
        keras.config.set_floatx("float64")
        model = with_dtype(model, "float32", "float64")
    elif dtype == "bf16":
        model = with_dtype(model, '"name": "float32"', '"name": "mixed_bfloat16"')
        policies = {layer.dtype_policy.name for layer in model.layers if layer.weights}
        assert policies == {"mixed_bfloat16"}, policies
    start = model.get_weights()
    print(json.dumps({"losses": [trained(model, start, folder, name) for folder in folders]}))


def trained(model, start, folder, name):
    """The losses of a model on one set of batches, from the weights `start` on."""
    import keras
    import numpy as np

    _, batch, (optimizer, arguments), targets = WORKLOADS[name]
    x, y = (np.load(folder / f"{name}.{kind}.npy") for kind in "xy")
    x, y = x.astype(keras.config.floatx()), y if targets == "classes" else y.astype(
        keras.config.floatx())
    model.set_weights(start)
    model.compile(getattr(keras.optimizers, optimizer)(**arguments),
        getattr(keras.losses, LOSSES[targets])())
    losses = []
    for first in range(0, len(x), batch):
        # Else it reports the mean of all steps so far.
        model.reset_metrics()
        losses.append(float(model.train_on_batch(x[first:first + batch], y[first:first + batch])))
    return losses


def run(command, **environment):
    output = subprocess.run(command, env={**os.environ, **environment}, check=True,
        stdout=subprocess.PIPE).stdout
    return json.loads(output.decode().strip().splitlines()[-1])["losses"]


def middle_of(losses):
    return (max(losses) + min(losses)) / 2


def compare(ours, others, exact, tolerance):
    """Of losses by set and step, those of `others` by backend before: returns the largest relative
    error of the first steps from the nearest backend, the largest distances from the backends'
    middle and from the exact losses, both in allowed ones, and whether they hold."""
    first, distance, from_exact, widest, furthest = 0.0, 0.0, 0.0, ROUNDING, ROUNDING
    agrees = True
    for step in range(STEPS):
        at_step = [
            (loss[step], truth[step], [other[step] for other in backends])
            for loss, truth, backends in zip(ours, exact, zip(*others))
        ]
        for _, truth, losses in at_step:
            widest = max(widest, (max(losses) - min(losses)) / abs(middle_of(losses)))
            furthest = max(furthest, *(abs(other - truth) / abs(truth) for other in losses))
        for loss, truth, losses in at_step:
            error = abs(loss - middle_of(losses)) / abs(middle_of(losses))
            if step < FIRST_STEPS:
                nearest = min(abs(loss - other) / abs(other) for other in losses)
                first = max(first, nearest)
                agrees &= nearest <= tolerance or (widest > tolerance and error <= SPREADS * widest)
            distance = max(distance, error / (SPREADS * widest))
            from_exact = max(from_exact, abs(loss - truth) / abs(truth) / furthest)
    return first, distance, from_exact, agrees and min(distance, from_exact) <= 1


def mean_distance(losses, exact, step):
    """The root of the mean square, over the sets, of the relative distance of a step's losses from
    the exact ones."""
    squares = [((loss[step] - truth[step]) / truth[step]) ** 2 for loss,
        truth in zip(losses, exact)]
    return (sum(squares) / len(squares)) ** 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default="target/release/examples/bench")
    parser.add_argument("--backends", default="jax,tensorflow,torch")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--sets", type=int, default=4)
    parser.add_argument("--dtype", default="f32", choices=list(FIRST_TOLERANCES))
    parser.add_argument("--keras-in", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    arguments = parser.parse_args()
    if arguments.keras_in:
        weights, *folders = map(Path, arguments.keras_in)
        return keras_losses(weights, folders, arguments.workloads[0], arguments.dtype)
    failed = False
    for name in arguments.workloads:
        with tempfile.TemporaryDirectory() as folder:
            folders = write_batches(Path(folder), name, arguments.sets)
            bench = [arguments.bench, name, "--mode", "train", "--threads", arguments.threads,
                "--dtype", arguments.dtype]
            weights = f"{folder}/{name}.keras"
            run([*bench, "--data", folders[0], "--losses", "1", "--save", weights])
            bench += ["--weights", weights, "--losses", str(STEPS)]
            ours = [run([*bench, "--data", place]) for place in folders]
            keras = [sys.executable, __file__, name, "--dtype", arguments.dtype, "--keras-in",
                weights, *folders]
            backends = arguments.backends.split(",")
            quiet = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
            others = [run(keras, KERAS_BACKEND=backend, **quiet) for backend in backends]
            exact = run(keras, KERAS_BACKEND="jax", JAX_ENABLE_X64="1", **quiet)
        tolerance = FIRST_TOLERANCES[arguments.dtype]
        first, distance, from_exact, holds = compare(ours, others, exact, tolerance)
        print(f"{name:12} first {FIRST_STEPS} steps differ by {first:.1e}; of what is allowed, "
              f"all {STEPS} are {distance:.3f} from"
              f" {', '.join(backends)}, {from_exact:.3f} from 64 bits  "
              f"{'ok' if holds else 'FAILED'}", flush=True)
        if not holds or first > tolerance:
            for step in range(1, FIRST_STEPS):
                all_of_them = zip(["ours", *backends], [ours, *others])
                distances = (f"{who} {mean_distance(losses, exact, step):.1e}" for who,
                    losses in all_of_them)
                print(f"    step {step + 1}, mean distance from 64 bits: {', '.join(distances)}",
                    flush=True)
        failed |= not holds
    sys.exit(1 if failed else 0)


main()
