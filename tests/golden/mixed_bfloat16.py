"""Makes `mixed_bfloat16/`: layers of Keras 3.15.1 under the policy `mixed_bfloat16`, forward and
backward.

    python mixed_bfloat16.py          # Python 3.11, keras==3.15.1, jax==0.10.2, safetensors

The files have the form of the group `layers`. Keras rounds more than operands: biases, outputs and
gradients are bfloat16 too. So a result may lie a rounding of each from ours: the tolerance is 2^-8
of the tensor's largest element, and 2^-8 of the element. The backend is jax. Gradients of biases it
adds up in bfloat16, as tensorflow does: there each partial sum is rounded, and the tolerance is
2^-8 of the largest sum of magnitudes.
"""

import json
import os
import zlib

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import layers
from safetensors.numpy import save_file

ROUNDING = 2.0**-8
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mixed_bfloat16")
# Name, constructor, shape of a sample, samples.
CASES = [
    ("dense_relu", 'Dense(17, activation="relu")', (53,), 6),
    ("dense_rank3_no_bias", "Dense(10, use_bias=False)", (3, 35), 4),
    ("dense_one_unit", "Dense(1)", (64,), 9),
    ("conv2d_valid", "Conv2D(20, 3)", (7, 8, 6), 2),
    ("conv2d_same_strides", 'Conv2D(18, (2, 3), strides=2, padding="same")', (9, 6, 10), 3),
    (
        "conv2d_dilated",
        'Conv2D(8, 3, dilation_rate=2, padding="same", use_bias=False)',
        (7, 6, 12),
        2,
    ),
    ("conv2d_pointwise", "Conv2D(9, 1)", (4, 5, 24), 3),
    (
        "conv2d_transpose_strides",
        'Conv2DTranspose(12, 3, strides=2, padding="same")',
        (4, 5, 16),
        2,
    ),
]


def tolerance(tensor):
    return {"rtol": ROUNDING, "atol": ROUNDING * float(np.abs(tensor).max())}


def case(name, code, shape, batch):
    random = np.random.default_rng(zlib.crc32(f"mixed_bfloat16/{name}".encode()))
    normal = lambda shape: random.standard_normal(shape).astype("float32")
    layer = eval(f"layers.{code}")
    layer.build((batch, *shape))
    for weight in layer.weights:
        weight.assign(normal(weight.shape) / np.sqrt(max(np.prod(weight.shape[:-1]), 4)))
    x = normal((batch, *shape))
    weights = [weight.value for weight in layer.weights]
    assert all(weight.dtype == "float32" for weight in weights)

    def output(weights, x):
        # Not `stateless_call`, which casts nothing.
        with keras.StatelessScope(state_mapping=list(zip(layer.weights, weights))):
            y = layer(x)
        assert str(y.dtype) == "bfloat16", y.dtype
        return y.astype("float32")

    y = output(weights, x)
    upstream = normal(y.shape)
    gradients = jax.grad(lambda weights, x: jnp.sum(output(weights, x) * upstream), argnums=(0, 1))(
        weights, x
    )

    def magnitude(gradient):
        is_bias = gradient.ndim == 1
        return np.abs(upstream).sum(axis=tuple(range(upstream.ndim - 1))) if is_bias else gradient

    tensors = {
        "input_0": x,
        "output_0": np.asarray(y),
        "upstream_0": upstream,
        "grad_input_0": np.asarray(gradients[1]),
    }
    for i, (weight, gradient) in enumerate(zip(weights, gradients[0])):
        tensors[f"weight_{i}"] = np.asarray(weight)
        tensors[f"grad_weight_{i}"] = np.asarray(gradient)
    save_file(
        {key: np.ascontiguousarray(value) for key, value in tensors.items()},
        os.path.join(HERE, f"{name}.safetensors"),
    )
    return {
        "name": name,
        "kind": type(layer).__name__,
        "code": code,
        "file": f"{name}.safetensors",
        "batch": batch,
        "input_dtypes": ["float32"],
        "tolerance": tolerance(tensors["output_0"]),
        **{
            f"{key}_tolerance": tolerance(magnitude(value))
            for key, value in tensors.items()
            if key.startswith("grad_")
        },
    }


def main():
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert keras.__version__ == "3.15.1", keras.__version__
    os.makedirs(HERE, exist_ok=True)
    cases = [case(*arguments) for arguments in CASES]
    with open(os.path.join(HERE, "cases.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


main()
