"""Times the example `bench` and other frameworks in turn, and prints the ratios.

    cargo build --release --example bench
    PEERS_CACHE=FOLDER python benches/compare.py --peers-dir DIR --python PYTHON --out FILE CELL ...
    python benches/compare.py --report FILE

A cell is `WORKLOAD:MODE:THREADS`, with the modes `train`, `call` (one sample) and `batch` (many);
`mlp`, `mlp:train` and `::1` name all that fit, and nothing names every cell. In each round ours
runs, then each peer, all pinned to the first THREADS processors (the second one, if there is, for a
single thread), each in a process of its own: A B C A B C A B C. `--out` gets every process' line of
JSON; the table is made of these lines alone, so `--report` prints it again.

`--peers-dir` is a folder with a `bench.py` that takes the arguments of ours and `--peer NAME`.
Peers of a cell are those of PEERS, or the best of `--screen FILE` (lines of short runs), or those
of `--peers`. `--program NAME=PATH` adds a peer that is a program of its own with the arguments of
ours, `--all-peers` takes every peer of `bench.py`, for a screen, and `--peers-only` leaves ours
out. A ratio above 1 says that ours is faster: samples per second of ours by the peer's, or
for `call` the peer's median latency by ours. It is of medians over all rounds; the range beside it
is of the rounds' own ratios.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OURS = "keras-rs"
# Samples of a training step, and of a call in the mode `batch`.
BATCHES = {
    "tiny_mlp": (32, 256),
    "mlp": (128, 256),
    "convnet": (128, 256),
    "resnet20": (128, 256),
    "mobilenet": (32, 32),
    "autoencoder": (128, 256),
    "audio_dense": (None, 256),
    "lstm": (32, 32),
    "timeseries": (256, 256),
    "transformer": (32, 32),
    "audio_lstm": (None, 256),
    "audio_gru": (None, 256),
}
MODES = ("train", "call", "batch")
# The fastest on the processors that were tried.
PEERS = {
    "tiny_mlp": {
        "train": ["jax-scan", "keras-jax-fit"], "call": ["litert"], "batch": ["ort", "litert"],
    },
    "mlp": {
        "train": ["jax-scan", "jax-step"], "call": ["litert"], "batch": ["openvino", "litert"],
    },
    "convnet": {"train": ["tf-step"], "call": ["ort", "litert"], "batch": ["jax-jit"]},
    "resnet20": {
        "train": ["torch-compile", "torch-eager"], "call": ["openvino", "litert"], "batch": ["ort"],
    },
    "mobilenet": {
        "train": ["torch-compile", "torch-eager"], "call": ["litert"], "batch": ["litert"],
    },
    "autoencoder": {"train": ["tf-step"], "call": ["openvino", "litert"], "batch": ["litert"]},
    "audio_dense": {"call": ["litert"], "batch": ["litert"]},
    "lstm": {
        "train": ["torch-compile", "torch-eager"],
        "call": ["ort", "openvino"],
        "batch": ["openvino", "torch-eager"],
    },
    "timeseries": {
        "train": ["tf-step-xla", "tf-step"], "call": ["ort"], "batch": ["jax-jit", "tf-fn-xla"],
    },
    "transformer": {
        "train": ["torch-compile"], "call": ["torch-compile", "openvino"], "batch": ["ort"],
    },
    "audio_lstm": {"call": ["litert"], "batch": ["ort"]},
    "audio_gru": {"call": ["litert"], "batch": ["ort", "jax-jit"]},
}
# Every peer, by mode. What a peer cannot run is reported and left out.
ALL_PEERS = {
    "train": [
        "keras-tf-fit", "keras-jax-fit", "tf-step", "tf-step-xla", "jax-step", "jax-scan",
        "torch-eager", "torch-compile",
    ],
    "call": [
        "ort", "litert", "openvino", "jax-jit", "tf-fn", "tf-fn-xla", "torch-eager",
        "torch-compile",
    ],
}
ALL_PEERS["batch"] = ALL_PEERS["call"]
# What a ratio to the fastest peer should come to.
BARS = {
    "tiny_mlp": {"train": 2, "call": 20, "batch": 1.5},
    "mlp": {"train": 1.15, "call": 1, "batch": 1.1},
    "convnet": {"train": 1.5, "call": 1.3, "batch": 1.3},
    "resnet20": {"train": 1.5, "call": 1.2, "batch": 1.2},
    "mobilenet": {"train": 1.5, "call": 1, "batch": 1},
    "autoencoder": {"train": 1.5, "call": 1.3, "batch": 1.2},
    "audio_dense": {"call": 20},
    "lstm": {"train": 2, "call": 2, "batch": 1.5},
    "timeseries": {"train": 2.5, "call": 3, "batch": 1.5},
    "transformer": {"train": 1.4, "call": 1.3, "batch": 1.2},
    "audio_lstm": {"call": 20, "batch": 1.5},
    "audio_gru": {"call": 20, "batch": 1.5},
}


def all_cells():
    for threads in (1, 2):
        for workload, (step, _) in BATCHES.items():
            yield from ((workload, mode, threads) for mode in MODES if mode != "train" or step)


def cells(patterns):
    """Returns the cells that fit any of the patterns."""
    def fits(cell, pattern):
        parts = pattern.split(":")
        return len(parts) <= 3 and all(part in ("", str(value)) for part, value in zip(parts, cell))

    known = list(all_cells())
    for pattern in patterns:
        if not any(fits(cell, pattern) for cell in known):
            cells_known = " ".join("%s:%s:%s" % cell for cell in known)
            sys.exit(f"no cell fits `{pattern}`; cells are {cells_known}")
    if not patterns:
        return known
    return [cell for cell in known if any(fits(cell, pattern) for pattern in patterns)]


def mode_of(line):
    return "train" if line["mode"] == "train" else "call" if line["batch"] == 1 else "batch"


def screened(path, count):
    """Returns the fastest peers of each cell in the lines of a file; the first by latency, which
    interruptions disturb least."""
    ranking = {}
    for line in lines_of(path):
        times = ranking.setdefault((line["workload"], mode_of(line)), [])
        times.append((line["latency_us"]["median"], line["peer"]))

    def fastest(times):
        return list(dict.fromkeys(peer for _, peer in sorted(times) if peer != OURS))[:count]

    return {key: fastest(times) for key, times in ranking.items()}


def lines_of(path):
    with open(path) as file:
        return [json.loads(line) for line in file if line.startswith("{")]


def run(command, cell, arguments):
    """Runs one process of a cell and returns its line, or None."""
    workload, mode, threads = cell
    batch = 1 if mode == "call" else BATCHES[workload][mode == "batch"]
    processors = sorted(os.sched_getaffinity(0))
    # The first processor has the system's own work.
    processors = processors[:threads] if threads > 1 else processors[1:2] or processors
    command = ["taskset", "-c", ",".join(map(str, processors)), *command]
    command += ["--mode", "train" if mode == "train" else "infer", "--batch", str(batch)]
    command += ["--threads", str(threads)]
    command += ["--seconds", str(arguments.seconds), "--reps", str(arguments.reps)]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        print(f"takes more than 600 s: {' '.join(command)}", file=sys.stderr)
        return None
    lines = [line for line in process.stdout.splitlines() if line.startswith("{")]
    if process.returncode or not lines:
        print(f"failed: {' '.join(command)}\n{process.stderr[-500:]}", file=sys.stderr)
        return None
    return json.loads(lines[-1])


def figure(line):
    """What is compared of a line: the more, the better."""
    return 1e6 / line["latency_us"]["median"] if mode_of(line) == "call" else line["samples_per_s"]


def shown(mode, value):
    return f"{1e6 / value:,.3g} µs" if mode == "call" else f"{value:,.0f} /s"


def report(lines):
    """Prints the table."""
    found = {}
    for line in lines:
        cell = (line["workload"], mode_of(line), line["threads"])
        found.setdefault(cell, {}).setdefault(line["peer"], []).append(line)
    print("| workload | mode | threads | ours | peer | its figure | ours / peer | range "
          "| spread, ours and peer | bar |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for cell in all_cells():
        peers = found.get(cell, {})
        ours = [figure(line) for line in peers.get(OURS, [])]
        workload, mode, threads = cell
        theirs = {peer: [figure(line) for line in lines]
                  for peer, lines in peers.items() if peer != OURS}
        ranked = sorted(theirs.items(), key=lambda item: -statistics.median(item[1]))
        for i, (peer, figures) in enumerate(ranked):
            its_figure = shown(mode, statistics.median(figures))
            bar = BARS[workload].get(mode) if i == 0 else None
            if not ours:
                print(f"| {workload} | {mode} | {threads} | | {peer} | {its_figure} | | "
                      f"| {spread(figures):.0%} | {bar or ''} |")
                continue
            ratio = statistics.median(ours) / statistics.median(figures)
            rounds = list(ratios(peers[OURS], peers[peer]))
            verdict = "" if bar is None else f"{bar} {'reached' if ratio >= bar else 'missed'}"
            print(f"| {workload} | {mode} | {threads} | {shown(mode, statistics.median(ours))} "
                  f"| {peer} | {its_figure} | **{ratio:.2f}** "
                  f"| {min(rounds):.2f} to {max(rounds):.2f} "
                  f"| {spread(ours):.0%}, {spread(figures):.0%} | {verdict} |")
    for peer, version in sorted({(line["peer"], line["version"]) for line in lines}):
        print(f"- {peer}: {version}")


def ratios(ours, theirs):
    """Ratios of the lines that belong to one round."""
    for a in ours:
        for b in theirs:
            if a.get("round") == b.get("round"):
                yield figure(a) / figure(b)


def spread(figures):
    return (max(figures) - min(figures)) / statistics.median(figures)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-dir", help="folder of the peers' bench.py")
    parser.add_argument("--python", default=sys.executable, help="the peers' interpreter")
    parser.add_argument("--bench", default=os.path.join(ROOT, "target/release/examples/bench"),
                        help="our program")
    parser.add_argument("--bench-arguments", default="",
                        help="more arguments for ours, such as `--simd avx2`")
    parser.add_argument("--peers", help="peers in place of the usual ones, joined by commas")
    parser.add_argument("--all-peers", action="store_true", help="every peer of bench.py")
    parser.add_argument("--peers-only", action="store_true", help="leave ours out")
    parser.add_argument("--program", action="append", default=[], metavar="NAME=PATH",
                        help="a peer that is a program of its own; may be given more than once")
    parser.add_argument("--screen", help="lines of short runs that say which peers are the fastest")
    parser.add_argument("--best", type=int, default=2,
                        help="peers of a cell that are taken from --screen")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--reps", type=int, default=1, help="windows of --seconds in each process")
    parser.add_argument("--out", help="file that the lines are added to")
    parser.add_argument("--report", help="print the table of a file of lines, and run nothing")
    parser.add_argument("cells", nargs="*")
    arguments = parser.parse_args()
    if arguments.report:
        return report(lines_of(arguments.report))
    if not arguments.peers_dir:
        parser.error("--peers-dir is missing")
    best = screened(arguments.screen, arguments.best) if arguments.screen else {}
    peers_bench = os.path.join(arguments.peers_dir, "bench.py")
    lines = []
    for cell in cells(arguments.cells):
        workload, mode, _ = cell
        peers = best.get((workload, mode)) or PEERS[workload][mode]
        if arguments.peers:
            peers = arguments.peers.split(",")
        elif arguments.all_peers:
            peers = ALL_PEERS[mode]
        commands = [] if arguments.peers_only else [
            [arguments.bench, workload, *arguments.bench_arguments.split()]
        ]
        commands += [[arguments.python, peers_bench, workload, "--peer", peer] for peer in peers]
        commands += [[program.partition("=")[2], workload] for program in arguments.program]
        for number in range(arguments.rounds):
            for command in commands:
                line = run(command, cell, arguments)
                if line is None:
                    continue
                line["round"] = number
                for program in arguments.program:
                    name, _, path = program.partition("=")
                    if command[0] == path:
                        line["peer"] = name
                lines.append(line)
                if arguments.out:
                    with open(arguments.out, "a") as file:
                        file.write(json.dumps(line) + "\n")
        print(f"{workload}:{mode} done", file=sys.stderr)
    report(lines)


main()
