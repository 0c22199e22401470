"""Makes the cases of functions of `keras.ops` and of operators on tensors with real Keras (see
README.md).

    python functions.py        # Keras 3.15 with jax, numpy, safetensors

Each case is a functional model without weights: its configuration, inputs, the output, and the
gradients of `sum(output * upstream)` by the inputs that are floats. Data come from numpy generators
seeded by the case's name.
"""

import json
import os
import zlib

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
from keras import Input, Model, ops
from safetensors.numpy import save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "functions")

# Shapes without the batch; "i" marks integers from 0 to 4, "+" numbers above 0.
CASES = {
    "operators": ("(x * y + 2.0 - x / y) * -x", [(4, 3), "+1,3"]),
    "operators_constants": ("1.0 - ops.multiply(x, ops.convert_to_tensor([0.5, 2.0, -1.0])) + 3",
        [(4, 3)]),
    "power": ("x ** 2 + x ** 3", [(4, 3)]),
    "power_of_tensors": ("x ** y", ["+4,3", (1, 3)]),
    "integers": ("ops.cast(x + 2 - y * x, 'float32')", ["i5", "i5"]),
    "comparisons": ("ops.cast(x > y, 'float32') + ops.cast(x <= 0.25, 'float32')",
        [(4, 3), (4, 3)]),
    "mask": (
        "ops.where(ops.any(ops.not_equal(x, 0), axis=-1, keepdims=True), y, ops.zeros_like(y))",
            ["i4,2", (4, 3)]),
    "logic": (
        "ops.cast(ops.logical_or(ops.equal(x, 1), ops.logical_not(ops.equal(y, 2))), 'float32')",
            ["i5", "i5"]),
    "slice": ("x[:, 1:3, ...] * x[..., :2, :]", [(4, 3)]),
    "slice_items": ("x[:, -1] + x[:, 0, :] + x[:, None, 1, ::1][:, 0]", [(4, 3)]),
    "slice_steps": ("ops.concatenate([x[:, ::2], x[:, 1::3], x[:, 3:5:9], x[:, :4:2]], axis=1)",
        [(5, 3)]),
    "mean": ("ops.mean(x, axis=1)", [(4, 3)]),
    "mean_keepdims": ("x - ops.mean(x, axis=(1, 3), keepdims=True)", [(4, 3, 2)]),
    "sum": ("ops.sum(x, axis=-1)", [(4, 3)]),
    "max": ("ops.max(x, axis=(1, 3))", [(4, 3, 2)]),
    "min_keepdims": ("ops.min(x, axis=2, keepdims=True) * x", [(4, 3, 2)]),
    "var_std": ("ops.var(x, axis=1) + ops.std(x, axis=1)", [(4, 3)]),
    "sum_integers": (
        "ops.cast(ops.sum(x * 5000001, axis=1) - ops.sum(x, axis=1) * 5000000, 'float32')",
            ["i7,3"]),
    "max_min_integers": (
        "ops.cast(ops.max(x * 9000001, axis=(1, 3)) - ops.max(x, axis=(1, 3)) * 9000000"
        " - ops.min(9000001 * x, axis=(1, 3)) + ops.min(x, axis=(1, 3)) * 9000000, 'float32')",
            ["i5,2,3"]),
    "power_clip_integers": (
        "ops.cast((x + 15) ** 7 - (x + 15) ** 6 * (ops.clip(x, -1, 9) + 15), 'float32')", ["i5"]),
    "cumsum": ("ops.cumsum(x, axis=2) * ops.cumsum(y, axis=1)", [(4, 3), (4, 3)]),
    "cumsum_types": (
        "ops.cast(ops.cumsum(x * 5000001, axis=1) - ops.cumsum(x, axis=-1) * 5000000, 'float32')"
        " * ops.cumsum(x > 1, axis=1, dtype='float32')", ["i7"]),
    "exp_log": ("ops.exp(x) + ops.log(y)", [(4, 3), "+4,3"]),
    "sqrt_square_abs": ("ops.sqrt(y) + ops.square(x) * ops.abs(x)", [(4, 3), "+4,3"]),
    "rsqrt": ("ops.rsqrt(x) + ops.reciprocal(x)", ["+4,3"]),
    "activations": ("ops.tanh(x) + ops.sigmoid(x) * ops.relu(x) + ops.silu(x)", [(4, 3)]),
    "softmax": ("ops.softmax(x, axis=1) + ops.log_softmax(x)", [(4, 3)]),
    "maximum_minimum": ("ops.maximum(x, y) * ops.minimum(x, 0.25)", [(4, 3), (4, 1)]),
    "clip": ("ops.clip(x, -0.5, 0.75)", [(4, 3)]),
    "where": ("ops.where(x > y, x, 0.5)", [(4, 3), (1, 3)]),
    "matmul": ("ops.matmul(x, y)", [(2, 4, 3), (2, 3, 5)]),
    "matmul_broadcast": ("ops.matmul(x, y)", [(2, 4, 3), (1, 3, 5)]),
    "attention": ("ops.matmul(ops.softmax(ops.matmul(x, ops.transpose(y, (0, 2, 1))) / 1.7), y)",
        [(4, 3), (5, 3)]),
    "einsum": ("ops.einsum('bqhd,bkhd->bhqk', x, y)", [(4, 2, 3), (5, 2, 3)]),
    "einsum_sum": ("ops.einsum('bij,bjk->bk', x, y)", [(4, 3), (3, 5)]),
    "einsum_alone": ("ops.einsum('bijk->bkj', x)", [(4, 3, 2)]),
    "concatenate": ("ops.concatenate([x, y, x], axis=1)", [(4, 3), (2, 3)]),
    "stack": ("ops.stack([x, y], axis=2)", [(4, 3), (4, 3)]),
    "split": ("ops.split(x, 2, axis=1)[1] * ops.split(y, [1, 3], axis=-1)[1]", [(4, 2), (2, 5)]),
    "shapes": ("ops.squeeze(ops.expand_dims(ops.reshape(x, (-1, 6, 2)), 1), axis=1)", [(4, 3)]),
    "transpose": ("ops.transpose(x, (0, 3, 1, 2))", [(4, 3, 2)]),
    "tile_repeat": ("ops.tile(x, (1, 2, 1)) * ops.repeat(x, 2, axis=1)", [(4, 3)]),
    "pad_reflect": ("ops.pad(x, ((0, 0), (2, 1), (0, 2)), mode='reflect')", [(4, 3)]),
    "pad_symmetric": ("ops.pad(x, ((0, 0), (1, 3), (2, 0)), mode='symmetric') * 2", [(4, 3)]),
    "pad_again_and_again": (
        "ops.pad(x, ((0, 0), (7, 5)), mode='reflect') - ops.pad(x, ((0, 0), (5, 7)), "
        "mode='symmetric')", [(3,)]),
    "pad": ("ops.pad(x, ((0, 0), (1, 2), (0, 1)))", [(4, 3)]),
    "pad_constant": ("ops.pad(x, ((0, 0), (1, 0)), constant_values=1.5)", [(4,)]),
    "arange": ("ops.add(x, ops.arange(3))", [(4, 3)]),
    "one_hot": ("ops.one_hot(x, 5)", ["i4"]),
    "take": ("ops.take(x, [2, 0, 1, 1], axis=1)", [(4, 3)]),
    "take_along_axis": ("ops.take_along_axis(x, y, axis=1)", [(5, 3), "i2,3"]),
    "swap_move": (
        "ops.swapaxes(x, 1, 3) * ops.moveaxis(y, (1, -1), (3, 2))"
        " + ops.moveaxis(x, 1, -1)[:, :, 1:3]", [(4, 2, 2), (4, 2, 2)]),
    "flip": (
        "ops.flip(x, axis=1) * ops.flip(y, axis=(1, 2))"
        " + ops.cast(ops.flip(z, axis=-1), 'float32')", [(4, 3), (4, 3), "i4,3"]),
    "roll": (
        "ops.roll(x, 2, axis=1) * ops.roll(y, (-1, 4), axis=(1, 2)) + ops.roll(y, -7, axis=-1)",
        [(4, 3), (4, 3)]),
    "triangles": ("ops.tril(x) + ops.triu(x, 1) * ops.tril(y, k=-2) + ops.triu(y, k=-9)",
        [(2, 4, 3), (2, 4, 3)]),
    "triangle_mask": (
        "ops.where(ops.tril(ops.ones_like(x)) > 0, x, -2.0) + ops.cast(ops.triu(y), 'float32')",
        [(4, 4), "i4,4"]),
    "argmax_argmin": (
        "ops.cast(ops.argmax(x, axis=1) + ops.argmin(y, axis=1), 'float32')"
        " * ops.cast(ops.argmin(x, axis=1, keepdims=True)[:, 0], 'float32') * z",
        [(4, 3), "i4,3", (3,)]),
    "logsumexp": (
        "ops.logsumexp(x * 60, axis=1) + ops.logsumexp(x, axis=(1, 2), keepdims=True)[:, 0]",
        [(4, 3)]),
    "ceil_log1p": ("ops.ceil(x * 3) * ops.log1p(y * 1e-4) + ops.log1p(y)", [(4, 3), "+4,3"]),
    "sin_cos": ("ops.sin(x * 9) * ops.cos(y)", [(4, 3), (4, 3)]),
    "full_like_finite": (
        "ops.full_like(x, 2.5) * ops.full_like(x, ops.convert_to_tensor([1.0, 2.0, 3.0]))"
        " * ops.cast(ops.isfinite(1 / (x - x)), 'float32') + x"
        " + ops.cast(ops.isinf(y / (x - x)), 'float32')"
        " + ops.cast(ops.isnan(0 / (x - x)), 'float32')", [(4, 3), "+4,3"]),
    "normalize": ("ops.normalize(x, axis=1) + ops.normalize(x, order=1)", [(4, 3)]),
}


def parse(spec):
    if isinstance(spec, tuple):
        return "", spec
    kind, rest = spec[0], spec[1:]
    return kind, tuple(int(extent) for extent in rest.split(","))


def main():
    cases, batch = [], 3
    for name, (code, specs) in CASES.items():
        keras.utils.clear_session()
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        values, inputs = [], []
        for i, spec in enumerate(specs):
            kind, shape = parse(spec)
            dtype = "int32" if kind == "i" else "float32"
            if kind == "i":
                value = rng.integers(0, 4, size=(batch, *shape)).astype("int32")
            elif kind == "+":
                value = rng.uniform(0.3, 2.0, size=(batch, *shape)).astype("float32")
            else:
                value = rng.normal(size=(batch, *shape)).astype("float32")
            values.append(value)
            inputs.append(Input(shape, dtype=dtype, name="xyz"[i]))
        output = eval(code, {"ops": ops, **dict(zip("xyz", inputs))})
        model = Model(inputs, output, name=name)
        result = np.array(model(values))
        upstream = rng.normal(size=result.shape).astype("float32")
        floats = [i for i, value in enumerate(values) if value.dtype == np.float32]

        def loss(given):
            full = [given[floats.index(i)] if i in floats else jax.numpy.array(value) for i,
                value in enumerate(values)]
            return (model(full) * upstream).sum()

        starts = [jax.numpy.array(values[i]) for i in floats]
        gradients = jax.grad(loss)(starts) if floats else []
        tensors = {f"input_{i}": value for i, value in enumerate(values)}
        tensors |= {"output_0": result.astype("float32"), "upstream_0": upstream}
        tensors |= {f"grad_input_{i}": np.array(g) for i, g in zip(floats, gradients)}
        save_file(tensors, os.path.join(HERE, f"{name}.safetensors"))
        cases.append({
            "name": name,
            "code": code,
            "batch": batch,
            "config": json.loads(model.to_json()),
            "keras": keras.__version__,
            "tolerance": {"rtol": 1e-5, "atol": 2e-6},
            "grad_tolerance": {"rtol": 5e-5, "atol": 1e-5},
            "file": f"{name}.safetensors",
        })
    with open(os.path.join(HERE, "cases.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


main()
