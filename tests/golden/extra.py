"""Makes more training runs with real Keras, in the form of `training/cases.json` (see README.md).

    python extra.py        # Keras 3.15 with jax, numpy, safetensors

`class_weight_adam`: class weights with Adam. `two_outputs_weighted`: two outputs with loss weights.
`constrained`: a constraint of every class, on large and small weights and on one that is not
trained. Data come from numpy generators seeded by the case's name, so every run gives the same
files.
"""

import json
import os
import zlib

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import Input, Model, Sequential
from keras.constraints import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from keras.layers import Concatenate, Dense
from keras.optimizers import RMSprop, Adam
from safetensors.numpy import save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "training")


def class_weight_adam():
    model = Sequential([Input((6,)), Dense(9, activation="relu"), Dense(3, activation="softmax")])
    rng = np.random.default_rng(zlib.crc32(b"class_weight_adam"))
    x = rng.normal(size=(29, 6)).astype("float32")
    y = rng.integers(0, 3, size=(29,)).astype("int32")
    compile_args = dict(
        optimizer=Adam(learning_rate=0.02),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    fit_args = dict(batch_size=8, epochs=3, class_weight={0: 1.0, 1: 2.5, 2: 0.4}, shuffle=False)
    return model, [x], [y], compile_args, fit_args


def two_outputs_weighted():
    a = Input((5,), name="a")
    b = Input((4, 3), name="b")
    x = Dense(6, activation="relu")(a)
    y = keras.layers.Flatten()(Dense(2, activation="tanh")(b))
    z = Dense(7, activation="silu")(Concatenate()([x, y]))
    label = Dense(3, activation="softmax", name="label")(z)
    value = Dense(1, name="value")(z)
    model = Model(inputs=[a, b], outputs=[label, value])
    rng = np.random.default_rng(zlib.crc32(b"two_outputs_weighted"))
    xs = [rng.normal(size=(23, 5)).astype("float32"), rng.normal(size=(23, 4, 3)).astype("float32")]
    ys = [
        rng.integers(0, 3, size=(23,)).astype("int32"),
        rng.normal(size=(23, 1)).astype("float32"),
    ]
    compile_args = dict(
        optimizer=RMSprop(learning_rate=0.01),
        loss={"label": "sparse_categorical_crossentropy", "value": "mse"},
        loss_weights={"label": 1.0, "value": 0.3},
        metrics={"label": ["accuracy"], "value": ["mae"]},
    )
    fit_args = dict(batch_size=5, epochs=3, shuffle=False)
    return model, xs, ys, compile_args, fit_args


def constrained():
    model = Sequential([
        Input((90,)),
        Dense(100, activation="tanh", kernel_constraint=MaxNorm(0.9), bias_constraint=NonNeg()),
        Dense(7, trainable=False, kernel_constraint=UnitNorm()),
        Dense(
            5,
            activation="elu",
            kernel_constraint=MinMaxNorm(0.5, 0.9, rate=0.5, axis=1),
            bias_constraint=UnitNorm(axis=[0]),
        ),
        Dense(3, activation="softmax", kernel_constraint=UnitNorm(), bias_constraint="max_norm"),
    ])
    rng = np.random.default_rng(zlib.crc32(b"constrained"))
    x = rng.normal(size=(29, 90)).astype("float32")
    y = rng.integers(0, 3, size=(29,)).astype("int32")
    compile_args = dict(
        optimizer=RMSprop(learning_rate=0.02),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model, [x], [y], compile_args, dict(batch_size=8, epochs=3, shuffle=False)


def main():
    cases = []
    for build in (class_weight_adam, two_outputs_weighted, constrained):
        keras.utils.clear_session()
        keras.utils.set_random_seed(zlib.crc32(build.__name__.encode()))
        model, xs, ys, compile_args, fit_args = build()
        name = build.__name__
        rng = np.random.default_rng(3)
        for weight in model.weights:
            if weight.name == "bias":
                weight.assign(rng.normal(scale=0.1, size=weight.shape).astype("float32"))
        model.save(os.path.join(HERE, f"{name}.initial.keras"))
        tensors = {f"x_{i}": x for i, x in enumerate(xs)} | {f"y_{i}": y for i, y in enumerate(ys)}
        tensors |= {f"weight_{i}": np.array(w) for i, w in enumerate(model.weights)}
        model.compile(**compile_args)
        names = [output.name for output in model.outputs] if len(ys) > 1 else None
        y = dict(zip(("label", "value"), ys)) if names else ys[0]
        x = xs if len(xs) > 1 else xs[0]
        history = model.fit(x, y, verbose=0, **fit_args)
        model.save(os.path.join(HERE, f"{name}.final.keras"))
        tensors |= {f"final_weight_{i}": np.array(w) for i, w in enumerate(model.weights)}
        predictions = model.predict(x, verbose=0)
        predictions = predictions if isinstance(predictions, list) else [predictions]
        tensors |= {f"prediction_{i}": np.array(p) for i, p in enumerate(predictions)}
        save_file(tensors, os.path.join(HERE, f"{name}.safetensors"))
        cases.append({
            "name": name,
            "history": {key: [float(v) for v in values] for key, values in history.history.items()},
            "weights": [w.path for w in model.weights],
            "keras": keras.__version__,
            "tolerance": {"rtol": 2e-4, "atol": 2e-5},
            "weights_tolerance": {"rtol": 5e-4, "atol": 5e-5},
            "file": f"{name}.safetensors",
        })
    with open(os.path.join(HERE, "extra.json"), "w") as file:
        json.dump(cases, file, indent=1)


main()
