"""Writes the peers' seeded weights and data in the forms that the example `bench` reads.

    PEERS_CACHE=FOLDER python benches/export.py --peers-dir DIR --out FOLDER [WORKLOAD ...]

It needs keras, jax and numpy.

`--peers-dir` is the folder of the peers' `bench.py`; `PEERS_CACHE` that of the weights which its
`prep.py` made. Each workload gets `NAME.keras`, `NAME.x.npy` and `NAME.y.npy`, for `bench NAME
--weights FOLDER/NAME.keras --data FOLDER`.
"""

import argparse
import os
import sys

WORKLOADS = [
    "tiny_mlp", "mlp", "convnet", "resnet20", "mobilenet", "autoencoder", "audio_dense", "lstm",
    "timeseries", "transformer",
]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-dir", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("workloads", nargs="*", default=WORKLOADS)
    arguments = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "jax")
    sys.dont_write_bytecode = True
    sys.path.insert(0, arguments.peers_dir)
    import models_keras
    import numpy as np
    import workloads

    os.makedirs(arguments.out, exist_ok=True)
    for name in arguments.workloads:
        path = os.path.join(arguments.out, name)
        models_keras.build(name).save(path + ".keras")
        workload = workloads.W[name]
        if name in workloads.TRAINABLE:
            x, y = workloads.make_xy(name, workload["batch"] * workload["steps"])
            np.save(path + ".y.npy", y)
        else:
            x = workloads.make_x(name, 4 * workload["big"])
        np.save(path + ".x.npy", x)
        print(name)


main()
