"""The convnet of Keras' example `mnist_convnet`: this crate and Keras (JAX) in turn, on the same
machine in one run.

    python benches/side_by_side.py [ROUNDS] [SECONDS] [THREADS]     # keras, jax, numpy

Each round runs ours, then Keras, both pinned to the first THREADS cores, each in a process of its
own. Prints the median and the range of every figure and the ratio of the medians. Keras trains with
`fit` (one epoch of 50 batches of 128, at its default settings, after one to compile) and answers
single images three ways: `predict`, `predict_on_batch` and the model under `jax.jit`.
"""

import json
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BATCH, IMAGES = 128, 50 * 128


def keras_side(seconds):
    os.environ["KERAS_BACKEND"] = "jax"
    import jax
    import keras
    import numpy as np
    from keras import layers

    rng = np.random.default_rng(0)
    images = rng.random((IMAGES, 28, 28, 1), dtype="float32")
    labels = rng.integers(0, 10, IMAGES).astype("int32")
    model = keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ])
    one = images[:1]

    def microseconds(call, seconds):
        call()
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            call()
            count += 1
        return (time.perf_counter() - start) / count * 1e6

    forward = jax.jit(lambda t, n, x: model.stateless_call(t, n, x, training=False)[0])
    trainable = [v.value for v in model.trainable_variables]
    weights = trainable, [v.value for v in model.non_trainable_variables]
    result = {
        "jit_us": microseconds(lambda: np.asarray(forward(*weights, one)), seconds / 4),
        "predict_on_batch_us": microseconds(lambda: model.predict_on_batch(one), seconds / 4),
        "predict_us": microseconds(lambda: model.predict(one, verbose=0), seconds / 4),
    }
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, labels, batch_size=BATCH, verbose=0)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        model.fit(images, labels, batch_size=BATCH, verbose=0)
        count += IMAGES
    result["train_samples_per_second"] = count / (time.perf_counter() - start)
    result["versions"] = f"Keras {keras.__version__}, JAX {jax.__version__}"
    print(json.dumps(result))


def run(command, threads):
    cores = ",".join(str(core) for core in range(threads))
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    if threads == 1:
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    command = ["taskset", "-c", cores] + command
    out = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return json.loads(out.stdout.decode().strip().splitlines()[-1])


FIGURES = [
    ("train_samples_per_second", None),
    ("jit_us", "call_us"),
    ("predict_on_batch_us", "call_us"),
    ("predict_us", "call_us"),
]


def main():
    if sys.argv[1:2] == ["--keras"]:
        return keras_side(float(sys.argv[2]))
    rounds, seconds, threads = [int(arg) for arg in sys.argv[1:]] + [5, 5, 2][len(sys.argv) - 1:]
    bench = ["cargo", "bench", "-q", "--bench", "mnist_convnet", "--"]
    subprocess.run(bench[:-1] + ["--no-run"], cwd=ROOT, check=True)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(run(bench + [str(seconds), str(threads)], threads))
        keras_command = [sys.executable, os.path.abspath(__file__), "--keras", str(seconds)]
        theirs.append(run(keras_command, threads))
    print(f"{rounds} rounds of {seconds} s, {threads} threads, {theirs[0]['versions']}")
    for key, own_key in FIGURES:
        a = sorted(result[own_key or key] for result in ours)
        b = sorted(result[key] for result in theirs)
        ratio = statistics.median(a) / statistics.median(b)
        ratio = ratio if own_key is None else 1 / ratio
        print(f"{key}: ours {statistics.median(a):.1f} [{a[0]:.1f}..{a[-1]:.1f}], "
              f"Keras {statistics.median(b):.1f} [{b[0]:.1f}..{b[-1]:.1f}], "
              f"ours is {ratio:.2f} times as fast")


main()
