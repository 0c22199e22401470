"""Keras' side of the exchange that tools/round_trip.sh runs.

For each folder `NAME/` of the folder given: loads `rust.keras`, compares its predictions for
`x0.bin`, ... with `rust_y0.bin`, ..., then changes every weight, saves `keras.keras` and writes its
predictions to `keras_y0.bin`, ... . A folder with `targets0.bin`, ... holds a training: Keras
resumes it where Rust left it, saves it as `keras.keras`, goes on, and writes what it predicts then
to `keras_after_y0.bin`, ... . `scores.txt` has the losses and metrics that Rust reports. Numbers
are raw, little-endian, row-major, without the batch size, which follows from the model.
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import keras
import numpy as np

ATOL, RTOL = 1e-5, 2e-5
# How far Keras moves each weight before it saves.
CHANGE = 0.05
# Steps that either side trains on after it has loaded the other's file.
STEPS = 3


def read(path, shape, dtype):
    numbers = np.fromfile(path, "<i4" if "int" in dtype else "<f4")
    return numbers.reshape((-1, *shape))


def inputs(folder, model):
    tensors = [read(folder / f"x{i}.bin", x.shape[1:], x.dtype) for i, x in enumerate(model.inputs)]
    return tensors if len(tensors) > 1 else tensors[0]


def predictions(model, x):
    outputs = model(x, training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [np.asarray(output) for output in outputs]


def error(found, expected):
    """The largest difference, in units of the tolerance."""
    return max(
        float(np.max(np.abs(a - b) / (ATOL + RTOL * np.abs(b)))) if np.isfinite(a).all() else np.inf
        for a, b in zip(found, expected, strict=True)
    )


def read_predictions(folder, name, model):
    return [
        read(folder / f"{name}{i}.bin", y.shape[1:], y.dtype) for i, y in enumerate(model.outputs)
    ]


def write_predictions(folder, name, values):
    for i, value in enumerate(values):
        np.asarray(value, "<f4").tofile(folder / f"{name}{i}.bin")


def change(model, random):
    for weight in model.weights:
        value = np.asarray(weight) + CHANGE * random.standard_normal(weight.shape)
        if weight.path.endswith("moving_variance"):
            value = np.abs(value) + 0.1
        weight.assign(value.astype("float32"))


def exchange_model(folder, model, x, random):
    change(model, random)
    write_predictions(folder, "keras_y", predictions(model, x))
    model.save(folder / "keras.keras")


def exchange_training(folder, model, x):
    if not model.optimizer or int(model.optimizer.iterations) == 0:
        sys.exit(f"{folder.name}: Keras found no state of the optimizer")
    targets = [
        read(path, shape[1:], "float32")
        for path, shape in zip(
            sorted(folder.glob("targets*.bin")), [y.shape for y in model.outputs]
        )
    ]
    targets = targets if len(targets) > 1 else targets[0]
    scores = model.evaluate(x, targets, verbose=0, return_dict=True)
    lines = [line.split() for line in (folder / "scores.txt").read_text().splitlines()]
    if sorted(scores) != sorted(name for name, _ in lines):
        sys.exit(f"{folder.name}: Keras reports {sorted(scores)}, Rust {lines}")
    for name, value in lines:
        if not np.isclose(scores[name], float(value), RTOL, ATOL):
            sys.exit(f"{folder.name}: `{name}` is {scores[name]} in Keras, {value} in Rust")
    for _ in range(STEPS):
        model.train_on_batch(x, targets)
    write_predictions(folder, "keras_y", predictions(model, x))
    model.save(folder / "keras.keras")
    for _ in range(STEPS):
        model.train_on_batch(x, targets)
    write_predictions(folder, "keras_after_y", predictions(model, x))


def main(folder):
    failed = False
    for folder in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
        model = keras.saving.load_model(folder / "rust.keras")
        x = inputs(folder, model)
        worst = error(predictions(model, x), read_predictions(folder, "rust_y", model))
        failed |= not worst <= 1.0
        verdict = "ok" if worst <= 1.0 else "FAILED"
        print(
            f"{folder.name:24} Rust -> Keras {worst:8.4f} of the tolerance  {verdict}", flush=True
        )
        if (folder / "targets0.bin").exists():
            exchange_training(folder, model, x)
        else:
            exchange_model(folder, model, x, np.random.default_rng(len(folder.name)))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1])
