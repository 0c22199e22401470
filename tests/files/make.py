"""Writes the fixtures of this folder that README.md lists as made by this script.

    KERAS_BACKEND=jax python make.py     # Keras 3.15.1

Each `NAME.w` holds the weights after one more `train_on_batch(x, y)` from `NAME.keras`, as little-endian f32.
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
    """A file after some steps, and the weights after one more that real Keras takes from that file."""
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


if __name__ == "__main__":
    optimizers()
