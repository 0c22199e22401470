"""Writes the fixtures of this folder that README.md lists as made by this script.

    KERAS_BACKEND=jax python make.py     # Keras 3.15.1

Each `NAME.w` holds the weights after one more `train_on_batch(x, y)` from `NAME.keras`, as
little-endian f32.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import pathlib

import keras
import numpy as np
from keras import layers

FOLDER = pathlib.Path(__file__).parent / "fixtures"
X = np.fromfile(FOLDER / "x", "<f4").reshape(8, 4)
Y = np.fromfile(FOLDER / "y", "<f4").reshape(8, 1)


def mlp(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(1)]
    )


def write_weights(path, model):
    flat = np.concatenate([np.asarray(w).ravel() for w in model.weights])
    flat.astype("<f4").tofile(path)


def trained(name, optimizer, steps, seed):
    """A file after some steps, and the weights after one more that real Keras takes from that
    file."""
    model = mlp(seed)
    model.compile(optimizer, "mse")
    for _ in range(steps):
        model.train_on_batch(X, Y)
    model.save(FOLDER / f"{name}.keras")
    again = keras.saving.load_model(FOLDER / f"{name}.keras")
    again.train_on_batch(X, Y)
    write_weights(FOLDER / f"{name}.w", again)


def optimizers():
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
    trained("schedule", keras.optimizers.Adam(decay), steps=3, seed=1)
    trained("never_stepped", keras.optimizers.Adam(0.1), steps=0, seed=2)
    trained("named", keras.optimizers.SGD(0.1, momentum=0.9, name="my optimizer"), steps=2, seed=3)
    trained("averaged", keras.optimizers.SGD(0.1, use_ema=True), steps=2, seed=4)
    accumulating = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    trained("accumulated", accumulating, steps=2, seed=5)
    trained("infinite", keras.optimizers.SGD(0.1, clipvalue=float("inf")), steps=2, seed=6)
    mlp(7).save(FOLDER / "without_optimizer.keras")


def predictions(name, model, x):
    np.asarray(model(x)).astype("<f4").tofile(FOLDER / f"{name}.p")


def compiled_inside():
    """Weights of a model with another inside that has an optimizer of its own."""
    keras.utils.set_random_seed(8)
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="tanh")])
    inner.compile("adam", "mse")
    inner.train_on_batch(X, np.ones((8, 3)))
    x = keras.Input((4,))
    outer = keras.Model(x, layers.Dense(2)(inner(x)))
    outer.save_weights(FOLDER / "compiled_inside.weights.h5")
    predictions("compiled_inside", outer, X)


def same_output_twice():
    model = keras.saving.load_model(FOLDER / "same_output_twice.keras")
    x = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], "f4")
    first, second = model(x)
    assert np.array_equal(first, second)
    np.asarray(first).astype("<f4").tofile(FOLDER / "same_output_twice.p")


if __name__ == "__main__":
    optimizers()
    compiled_inside()
    same_output_twice()
    mlp(9).save(FOLDER / "legacy.h5")
