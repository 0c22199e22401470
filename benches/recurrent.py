"""Training of one recurrent layer in other frameworks and here, cell by cell.

    python benches/recurrent.py --python PYTHON [--threads N] [--out FILE] [CELL ...]
    python benches/recurrent.py --report FILE

A cell is `LAYER:UNITS:STEPS:BATCH`, such as `lstm:32:100:32`; `gru`, `lstm:512` and `:::1` name all
of CELLS that fit. The model is the layer on sequences of 16 features and one dense unit on its last
output; a step is the forward pass, the backward pass and an update by SGD, on a mean squared error.
The peers start from the same weights, so that their `loss_first` is the same.

In each round ours runs, then each peer, all pinned to the first N processors, each in a process of
its own. Peers: `jax-scan` (`lax.scan`, the products by the inputs before it), `tf-step` and
`tf-step-xla` (Keras' layer in a `tf.function`), `torch` (`nn.LSTM`, `nn.GRU`). `--bench PATH` names
our program, `benches/recurrent.rs`, which `cargo bench --bench recurrent --no-run` compiles;
without it there are only peers. PYTHON has jax, keras, tensorflow and torch.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

FEATURES = 16
RATE = 0.01
# Batches that are held in memory and taken in turn.
BATCHES = 4
PEERS = ["jax-scan", "tf-step", "tf-step-xla", "torch"]
OURS = "keras-rs"
# Around one middle, along each axis.
SIZES = [
    (8, 100, 32), (32, 100, 32), (64, 100, 32), (128, 100, 32), (512, 100, 32),
    (32, 10, 32), (32, 1000, 32), (32, 100, 1), (32, 100, 256),
    (8, 1000, 1), (512, 10, 256),
]
CELLS = [(layer, *size) for layer in ("lstm", "gru") for size in SIZES]
GATES = {"lstm": 4, "gru": 3}


def data(layer, units, steps, batch):
    """Inputs, targets and weights as Keras lays them out: kernels (inputs, gates * units)."""
    import numpy as np

    random = np.random.default_rng(1)

    def normal(*shape, scale=1.0):
        return (scale * random.standard_normal(shape)).astype("float32")

    gates = GATES[layer] * units
    bias = (2, gates) if layer == "gru" else (gates,)
    weights = [
        normal(FEATURES, gates, scale=FEATURES**-0.5),
        normal(units, gates, scale=units**-0.5),
        np.zeros(bias, "float32"),
        normal(units, 1, scale=units**-0.5),
        np.zeros(1, "float32"),
    ]
    return normal(BATCHES, batch, steps, FEATURES), normal(BATCHES, batch, 1), weights


def jax_scan(layer, units, xs, ys, weights):
    import jax
    import jax.numpy as jnp
    from jax import lax, nn

    def last(x, kernel, recurrent, bias):
        """The last output of a layer: `x` is (batch, steps, features)."""
        rows = jnp.swapaxes(x @ kernel + (bias if layer == "lstm" else bias[0]), 0, 1)
        zeros = jnp.zeros((x.shape[0], units))

        def lstm(state, row):
            h, c = state
            i, f, g, o = jnp.split(row + h @ recurrent, 4, axis=1)
            c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
            return (nn.sigmoid(o) * jnp.tanh(c), c), None

        def gru(h, row):
            z, r, candidate = jnp.split(row, 3, axis=1)
            by_z, by_r, by_candidate = jnp.split(h @ recurrent + bias[1], 3, axis=1)
            z, r = nn.sigmoid(z + by_z), nn.sigmoid(r + by_r)
            return z * h + (1 - z) * jnp.tanh(candidate + r * by_candidate), None

        if layer == "lstm":
            return lax.scan(lstm, (zeros, zeros), rows)[0][0]
        return lax.scan(gru, zeros, rows)[0]

    def loss(weights, x, y):
        *recurrent, kernel, bias = weights
        return jnp.mean((last(x, *recurrent) @ kernel + bias - y) ** 2)

    def step(weights, x, y):
        value, gradients = jax.value_and_grad(loss)(weights, x, y)
        return value, [w - RATE * g for w, g in zip(weights, gradients)]

    step = jax.jit(step, donate_argnums=0)
    xs, ys = jax.device_put(xs), jax.device_put(ys)
    pairs = [(xs[i], ys[i]) for i in range(BATCHES)]
    state = [jnp.array(weight) for weight in weights]

    def run(i):
        nonlocal state
        value, state = step(state, *pairs[i % BATCHES])
        return value

    return run, float, f"jax {jax.__version__}"


def tensorflow(layer, units, xs, ys, weights, xla):
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf

    threads = int(os.environ["OMP_NUM_THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    inputs = keras.Input(xs.shape[2:])
    recurrent = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[layer](units)
    model = keras.Model(inputs, keras.layers.Dense(1)(recurrent(inputs)))
    model.set_weights(weights)
    variables = model.trainable_variables

    @tf.function(jit_compile=xla)
    def step(x, y):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean((model(x, training=True) - y) ** 2)
        for variable, gradient in zip(variables, tape.gradient(value, variables)):
            variable.assign_sub(RATE * gradient)
        return value

    pairs = [(tf.constant(xs[i]), tf.constant(ys[i])) for i in range(BATCHES)]
    version = f"keras {keras.__version__}, tensorflow {tf.__version__}"
    return lambda i: step(*pairs[i % BATCHES]), lambda value: float(value.numpy()), version


def torch_layer(layer, units, xs, ys, weights):
    import numpy as np
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    kernel, recurrent, bias, head, head_bias = weights
    module = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[layer](FEATURES, units, batch_first=True)
    dense = torch.nn.Linear(units, 1)

    def in_order(weight):
        """Keras' gates of a GRU are z, r and the candidate; PyTorch's are r, z and it."""
        if layer == "lstm":
            return weight
        z, r, candidate = np.split(weight, 3, axis=-1)
        return np.concatenate([r, z, candidate], axis=-1)

    biases = [bias, np.zeros_like(bias)] if layer == "lstm" else list(bias)
    with torch.no_grad():
        for target, value in [
            (module.weight_ih_l0, in_order(kernel).T),
            (module.weight_hh_l0, in_order(recurrent).T),
            (module.bias_ih_l0, in_order(biases[0])),
            (module.bias_hh_l0, in_order(biases[1])),
            (dense.weight, head.T),
            (dense.bias, head_bias),
        ]:
            target.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    optimizer = torch.optim.SGD([*module.parameters(), *dense.parameters()], RATE)
    pairs = [(torch.from_numpy(xs[i]), torch.from_numpy(ys[i])) for i in range(BATCHES)]

    def run(i):
        x, y = pairs[i % BATCHES]
        output, _ = module(x)
        value = ((dense(output[:, -1]) - y) ** 2).mean()
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        return value.detach()

    return run, lambda value: value.item(), f"torch {torch.__version__}"


def busy_ticks():
    """Ticks that all processes have used."""
    with open("/proc/stat") as file:
        ticks = [int(text) for text in file.readline().split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4]


def measure(peer, cell, seconds):
    """Runs a peer in this process and prints its line."""
    layer, units, steps, batch = cell
    xs, ys, weights = data(layer, units, steps, batch)
    if peer == "jax-scan":
        run, number, version = jax_scan(layer, units, xs, ys, weights)
    elif peer == "torch":
        run, number, version = torch_layer(layer, units, xs, ys, weights)
    else:
        run, number, version = tensorflow(layer, units, xs, ys, weights, peer.endswith("xla"))
    loss_first = number(run(0))
    for i in range(1, 4):
        number(run(i))
    times = []
    ticks, used, start = busy_ticks(), time.process_time(), time.perf_counter()
    while time.perf_counter() - start < seconds or len(times) < 3:
        begin = time.perf_counter()
        number(run(len(times)))
        times.append(time.perf_counter() - begin)
    elapsed, used = time.perf_counter() - start, time.process_time() - used
    others = (busy_ticks() - ticks) / os.sysconf("SC_CLK_TCK") - used
    print(json.dumps({
        "layer": layer, "units": units, "steps": steps, "batch": batch, "peer": peer,
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "step_us": statistics.median(times) * 1e6, "cpu_us": used / len(times) * 1e6,
        "loss_first": loss_first, "version": version,
        "other_cpu": round(max(0.0, others / elapsed), 2),
    }))


def fitting(patterns):
    """The cells that fit any of the patterns, and those named in full that are not in CELLS."""
    def fits(cell, pattern):
        parts = pattern.split(":")
        return all(part in ("", str(value)) for part, value in zip(parts, cell))

    cells = []
    for pattern in patterns:
        found = [cell for cell in CELLS if fits(cell, pattern)]
        layer, *sizes = pattern.split(":")
        if not found and layer in GATES and len(sizes) == 3 and all(sizes):
            found = [(layer, *map(int, sizes))]
        if not found:
            known = " ".join("%s:%s:%s:%s" % cell for cell in CELLS)
            sys.exit(f"no cell fits `{pattern}`; cells are {known}")
        cells += found
    return cells or CELLS


def child(command, threads):
    """Runs one process on the first processors and returns its line, or None."""
    processors = sorted(os.sched_getaffinity(0))
    # The first processor has the system's own work.
    processors = processors[:threads] if threads > 1 else processors[1:2] or processors
    environment = {
        **os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads), "TF_NUM_INTEROP_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu",
    }
    if threads == 1:
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    command = ["taskset", "-c", ",".join(map(str, processors)), *command]
    try:
        process = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        print(f"takes more than 300 s: {' '.join(command)}", file=sys.stderr)
        return None
    lines = [line for line in process.stdout.splitlines() if line.startswith("{")]
    if process.returncode or not lines:
        print(f"failed: {' '.join(command)}\n{process.stderr[-500:]}", file=sys.stderr)
        return None
    return json.loads(lines[-1])


def report(lines):
    """Prints the table: median microseconds of a step over the rounds."""
    found = {}
    for line in lines:
        cell = (line["layer"], line["units"], line["steps"], line["batch"], line["threads"])
        found.setdefault(cell, {}).setdefault(line["peer"], []).append(line["step_us"])
    peers = [OURS] + [peer for peer in PEERS if any(peer in times for times in found.values())]
    print(f"| layer | units | steps | batch | threads | {' | '.join(peers)} "
          "| fastest peer / ours |")
    print(f"| {' | '.join(['---'] * (len(peers) + 6))} |")
    for cell in sorted(found, key=lambda c: (c[4], c[0] != "lstm", c[1:4])):
        times = found[cell]
        medians = {peer: statistics.median(times[peer]) for peer in times}
        spreads = {peer: (max(t) - min(t)) / medians[peer] for peer, t in times.items()}
        row = [f"{medians[peer]:,.4g} µs ± {spreads[peer] / 2:.0%}" if peer in medians else ""
               for peer in peers]
        others = [medians[peer] for peer in medians if peer != OURS]
        ratio = f"**{min(others) / medians[OURS]:.2f}**" if OURS in medians and others else ""
        print(f"| {' | '.join(map(str, cell))} | {' | '.join(row)} | {ratio} |")
    for peer, version in sorted({(line["peer"], line["version"]) for line in lines}):
        print(f"- {peer}: {version}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the peers' interpreter")
    parser.add_argument("--bench", help="our program")
    parser.add_argument("--peers", default=",".join(PEERS), help="joined by commas")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--out", help="file that the lines are added to")
    parser.add_argument("--report", help="print the table of a file of lines, and run nothing")
    parser.add_argument("--in-process", metavar="PEER", help=argparse.SUPPRESS)
    parser.add_argument("cells", nargs="*")
    arguments = parser.parse_args()
    if arguments.report:
        with open(arguments.report) as file:
            return report([json.loads(line) for line in file])
    cells = fitting(arguments.cells)
    if arguments.in_process:
        return measure(arguments.in_process, cells[0], arguments.seconds)
    lines = []
    for cell in cells:
        commands = []
        if arguments.bench:
            limits = ["--threads", str(arguments.threads), "--seconds", str(arguments.seconds)]
            commands.append([arguments.bench, *map(str, cell), *limits])
        for peer in filter(None, arguments.peers.split(",")):
            commands.append([
                arguments.python, os.path.abspath(__file__), "--in-process", peer,
                "--seconds", str(arguments.seconds), "%s:%s:%s:%s" % cell,
            ])
        for number in range(arguments.rounds):
            for command in commands:
                line = child(command, arguments.threads)
                if line is None:
                    continue
                line["round"] = number
                lines.append(line)
                if arguments.out:
                    with open(arguments.out, "a") as file:
                        file.write(json.dumps(line) + "\n")
    report(lines)


main()
