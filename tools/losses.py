"""Compares the losses of training with real Keras, for every workload of the example `bench` that is trained.

    python tools/losses.py --bench target/release/examples/bench [--backends jax,tensorflow,torch] [--dtype bf16] [WORKLOAD ...]

The bench writes the weights that it starts from as a `.keras` file. Each backend of Keras and the bench itself train that model
for 20 steps on the same batches. Of ours, the first 3 losses agree with a backend to 1e-4, relative, or, where the backends are
further apart than this themselves, as the rest: all 20 are no further from the middle of the backends than 3 times what the
backends have been apart by then, or, as backends may round alike, no further from Keras in 64 bits (on JAX) than the
furthest backend has been by then. Each runs in a process of its own.
Prints a line for each workload and exits with 1 if one disagrees.
With `--dtype bf16` all of them train under the policy `mixed_bfloat16`, and the first losses agree to 2^-8, a rounding of bfloat16.

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


def write_batches(folder, name):
    import numpy as np

    shape, batch, _, targets = WORKLOADS[name]
    random = np.random.default_rng(11)
    x = random.standard_normal((STEPS * batch, *shape), dtype="float32")
    y = random.integers(0, 10, len(x)).astype("int32") if targets == "classes" else 1 / (1 + np.exp(-x))
    np.save(folder / f"{name}.x.npy", x)
    np.save(folder / f"{name}.y.npy", y)


def with_dtype(model, old, new):
    """Returns the model with another type of its numbers, or another policy."""
    twin = type(model).from_config(json.loads(json.dumps(model.get_config()).replace(old, new)))
    twin.set_weights(model.get_weights())
    return twin


def keras_losses(folder, name, dtype):
    """Trains with the backend of this process; prints the losses as JSON."""
    import keras
    import numpy as np

    _, batch, (optimizer, arguments), targets = WORKLOADS[name]
    x, y = (np.load(folder / f"{name}.{kind}.npy") for kind in "xy")
    model = keras.saving.load_model(folder / f"{name}.keras", compile=False)
    if os.environ.get("JAX_ENABLE_X64"):
        keras.config.set_floatx("float64")
        model = with_dtype(model, "float32", "float64")
        x, y = x.astype("float64"), y.astype("float64") if y.dtype == "float32" else y
    elif dtype == "bf16":
        model = with_dtype(model, '"name": "float32"', '"name": "mixed_bfloat16"')
        policies = {layer.dtype_policy.name for layer in model.layers if layer.weights}
        assert policies == {"mixed_bfloat16"}, policies
    model.compile(getattr(keras.optimizers, optimizer)(**arguments), getattr(keras.losses, LOSSES[targets])())
    losses = []
    for first in range(0, len(x), batch):
        # Else it reports the mean of all steps so far.
        model.reset_metrics()
        losses.append(float(model.train_on_batch(x[first:first + batch], y[first:first + batch])))
    print(json.dumps({"losses": losses}))


def run(command, **environment):
    output = subprocess.run(command, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output.decode().strip().splitlines()[-1])["losses"]


def compare(ours, others, exact, tolerance):
    """Returns the largest relative error of the first steps from the nearest backend, the largest distances from the backends' middle and from the exact
    losses, both in allowed ones, and whether they hold."""
    first, distance, from_exact, widest, furthest = 0.0, 0.0, 0.0, ROUNDING, ROUNDING
    agrees = True
    for step, (loss, truth, *losses) in enumerate(zip(ours, exact, *others)):
        middle = (max(losses) + min(losses)) / 2
        widest = max(widest, (max(losses) - min(losses)) / abs(middle))
        furthest = max(furthest, *(abs(other - truth) / abs(truth) for other in losses))
        error = abs(loss - middle) / abs(middle)
        if step < FIRST_STEPS:
            nearest = min(abs(loss - other) / abs(other) for other in losses)
            first = max(first, nearest)
            agrees &= nearest <= tolerance or (widest > tolerance and error <= SPREADS * widest)
        distance = max(distance, error / (SPREADS * widest))
        from_exact = max(from_exact, abs(loss - truth) / abs(truth) / furthest)
    return first, distance, from_exact, agrees and min(distance, from_exact) <= 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default="target/release/examples/bench")
    parser.add_argument("--backends", default="jax,tensorflow,torch")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--dtype", default="f32", choices=list(FIRST_TOLERANCES))
    parser.add_argument("--keras-in", help=argparse.SUPPRESS)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    arguments = parser.parse_args()
    if arguments.keras_in:
        return keras_losses(Path(arguments.keras_in), arguments.workloads[0], arguments.dtype)
    failed = False
    for name in arguments.workloads:
        with tempfile.TemporaryDirectory() as folder:
            write_batches(Path(folder), name)
            bench = [arguments.bench, name, "--mode", "train", "--data", folder, "--threads", arguments.threads]
            bench += ["--dtype", arguments.dtype, "--losses"]
            weights = f"{folder}/{name}.keras"
            run([*bench, "1", "--save", weights])
            ours = run([*bench, str(STEPS), "--weights", weights])
            keras = [sys.executable, __file__, "--keras-in", folder, "--dtype", arguments.dtype, name]
            backends = arguments.backends.split(",")
            quiet = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
            others = [run(keras, KERAS_BACKEND=backend, **quiet) for backend in backends]
            exact = run(keras, KERAS_BACKEND="jax", JAX_ENABLE_X64="1", **quiet)
        first, distance, from_exact, holds = compare(ours, others, exact, FIRST_TOLERANCES[arguments.dtype])
        print(f"{name:12} first {FIRST_STEPS} steps differ by {first:.1e}; of what is allowed, all {STEPS} are {distance:.3f} from"
              f" {', '.join(backends)}, {from_exact:.3f} from 64 bits  {'ok' if holds else 'FAILED'}", flush=True)
        if not holds:
            failed = True
            for backend, losses in zip(["ours", *backends, "64 bits"], [ours, *others, exact]):
                print(f"    {backend:12}", *(f"{loss:.6f}" for loss in losses))
    sys.exit(1 if failed else 0)


main()
