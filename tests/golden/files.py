"""Makes models in files with real Keras, and what they predict (see README.md).

    python files.py        # Keras 3.15 with jax, numpy, safetensors

Each model is about one thing that a file may hold. Data come from numpy generators seeded by the
model's name, so every run gives the same numbers.
"""

import json
import os
import zipfile
import zlib

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import Input, Model, Sequential
from keras.constraints import MaxNorm
from keras.initializers import Constant
from keras.layers import (
    ELU,
    Activation,
    Add,
    Bidirectional,
    Concatenate,
    Conv2D,
    ConvLSTM1D,
    ConvLSTM2D,
    Dense,
    GlobalMaxPooling2D,
    LeakyReLU,
    PReLU,
    ReLU,
    Rescaling,
    Softmax,
)
from safetensors.numpy import save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")


def names():
    """Names that are no words of Rust."""
    a = Input((3,), name="inputs")
    b = Input((4,), name="type")
    x = Dense(5, name="卷积", activation="relu")(a)
    y = Dense(5, name="é ü", activation="relu")(b)
    z = Concatenate(name="αβ")([Dense(2, name="__")(x), Dense(3, name="_")(y)])
    inner = Sequential([Input((5,)), Dense(4, name="outputs"), Dense(5, name="1 \"x\"")], name="😀")
    z = Add(name="+")([inner(z), x])
    return Model([a, b], [Dense(2, name="Self")(z), Dense(3, name="模型")(z)], name="names")


def activations():
    """Layers as activations, and activation functions that are called on tensors."""
    x = Input((6,), name="x")
    y = Dense(5, activation=LeakyReLU(0.1))(x)
    y = Dense(4, activation=ReLU(max_value=0.75, negative_slope=0.2))(y)
    y = keras.activations.relu(y, negative_slope=0.3, max_value=0.5, threshold=0.1)
    y = Dense(5, activation=keras.activations.hard_swish)(y)
    y = keras.activations.elu(keras.activations.leaky_relu(y), alpha=0.5)
    y = Dense(6, activation=Activation("gelu"))(y)
    y = keras.activations.tanh(keras.activations.gelu(y))
    y = Dense(4, activation=ELU(0.7))(y)
    return Model(
        x, keras.activations.softmax(Dense(3, activation=Softmax())(y)), name="activations"
    )


def constant_matrix():
    """Weights that start as arrays."""
    rng = np.random.default_rng(zlib.crc32(b"constant_matrix"))
    kernel = Constant(rng.normal(size=(4, 3)).astype("float32"))
    bias = Constant([0.5, -1.0, 2.0])
    return Sequential(
        [Input((4,)), Dense(3, kernel_initializer=kernel, bias_initializer=bias)],
        name="constant_matrix",
    )


def learned_activations():
    """Layers with weights as activations, which a file holds if the model was called."""
    slopes = keras.initializers.RandomUniform(0.1, 0.9, seed=3)
    x = Input((5, 6, 2), name="x")
    y = Conv2D(3, 2, activation=PReLU(slopes, shared_axes=[1, 2]))(x)
    y = Dense(4, activation=PReLU(slopes, alpha_regularizer="l2", name="slopes"))(
        GlobalMaxPooling2D()(y)
    )
    model = Model(x, Dense(2)(Activation(PReLU(slopes))(y)), name="learned_activations")
    model.predict(np.ones((1, 5, 6, 2)), verbose=0)
    return model


def rescaling():
    """A scale and an offset for each channel, as lists and as arrays; bounds that are infinite."""
    x = Input((4, 3), name="x")
    y = Rescaling([0.5, -2.0, 1.5], offset=[1.0, 0.0, -0.25])(x)
    y = Rescaling(np.array([3.0, 0.25, -1.0]), offset=0.5)(ReLU(max_value=float("inf"))(y))
    y = Dense(3, kernel_constraint=MaxNorm(float("inf")), activation=ReLU(float("inf")))(y)
    return Model(x, Rescaling(2.0, np.array([0.5, 0.0, -1.0]))(y), name="rescaling")


def clips():
    """Convolutional LSTMs over images and rows: both ways, masked, with states given on."""
    # Keras cannot mask them on jax, unless it unrolls them.
    clip, times = Input((4, 5, 6, 2), name="clip"), Input((4,), name="times")
    mask = keras.ops.greater(times, -0.3)
    maps = ConvLSTM2D(3, (2, 3), padding="same", return_sequences=True, unroll=True)
    y = Bidirectional(maps, merge_mode="ave")(clip, mask=mask)
    back = ConvLSTM2D(
        4, 2, strides=(1, 2), go_backwards=True, return_sequences=True, return_state=True,
        unroll=True,
    )
    y, h, c = back(y, mask=mask)
    last = ConvLSTM2D(4, 3, padding="same", recurrent_activation="hard_sigmoid",
                      return_sequences=True, unroll=True)
    y = last(y, initial_state=[h, c], mask=mask)
    rows = ConvLSTM1D(2, 2, dilation_rate=2, go_backwards=True, unit_forget_bias=False)
    return Model([clip, times], [rows(y[:, 3]), rows(y[:, 0]), c], name="clips")


MODELS = [names, activations, constant_matrix, learned_activations, rescaling, clips]


def main():
    os.makedirs(HERE, exist_ok=True)
    cases = []
    for build in MODELS:
        name = build.__name__
        keras.utils.clear_session()
        keras.utils.set_random_seed(zlib.crc32(name.encode()))
        model = build()
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        for weight in model.trainable_weights:
            if weight.name in ("bias", "beta"):
                weight.assign(rng.normal(scale=0.3, size=weight.shape).astype("float32"))
        path = os.path.join(HERE, f"{name}.keras")
        model.save(path)
        fix_dates(path)
        inputs = [rng.normal(size=(5, *x.shape[1:])).astype("float32") for x in model.inputs]
        outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        tensors = {f"input_{i}": x for i, x in enumerate(inputs)}
        tensors |= {f"output_{i}": np.array(y) for i, y in enumerate(outputs)}
        save_file(tensors, os.path.join(HERE, f"{name}.safetensors"))
        cases.append({
            "name": model.name,
            "about": build.__doc__,
            "kind": type(model).__name__,
            "files": {"keras": f"{name}.keras"},
            "weight_count": len(model.weights),
            "parameters": model.count_params(),
            "keras": keras.__version__,
            "tolerance": {"rtol": 2e-5, "atol": 2e-6},
            "file": f"{name}.safetensors",
        })
    with open(os.path.join(HERE, "cases.json"), "w") as file:
        lines = [json.dumps(case, ensure_ascii=False) for case in cases]
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


def fix_dates(path):
    """Gives all members of an archive one date."""
    with zipfile.ZipFile(path) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for filename, data in members:
            archive.writestr(zipfile.ZipInfo(filename, (2026, 1, 1, 0, 0, 0)), data)


main()
