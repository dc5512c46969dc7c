"""LightGBM's side of `bench/boosting/run`: measures both sides in turn and prints the ratios.

Bins are made with the first tree on our side, so that LightGBM's first column is its `Dataset.construct` and one tree
as well. Of row-wise and column-wise histograms LightGBM gets the faster. Wall time depends on what else the machine
does; processor time is told beside it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import lightgbm
import numpy as np
from tree_rows import SETS, shuffled, write

THREADS = int(os.environ.get("THREADS", "2"))
TREES = int(os.environ.get("TREES", "50"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def cpu():
    times = os.times()
    return (times.user + times.system) * 1e3


def timed(work):
    wall, used = time.perf_counter(), cpu()
    done = work()
    return done, (time.perf_counter() - wall) * 1e3, cpu() - used


def peer(x, levels, y, classes, wise):
    parameters = {
        "objective": {0: "regression", 2: "binary"}.get(classes, "multiclass"),
        "num_leaves": 31, "learning_rate": 0.1, "max_bin": 255, "min_data_in_leaf": 20, "verbose": -1,
        "num_threads": THREADS, wise: True,
    }
    if classes > 2:
        parameters["num_class"] = classes
    named = [i for i, count in enumerate(levels) if count] or "auto"

    def first():
        data = lightgbm.Dataset(x, y, categorical_feature=named, params=parameters, free_raw_data=False).construct()
        booster = lightgbm.Booster(parameters, data)
        booster.update()
        return booster

    booster, first_ms, first_cpu = timed(first)
    _, wall, used = timed(lambda: [booster.update() for _ in range(TREES - 1)])
    return booster, {
        "first_ms": first_ms, "tree_ms": wall / (TREES - 1), "first_cpu_ms": first_cpu, "tree_cpu_ms": used / (TREES - 1),
    }


def loss(booster, x, y, classes):
    predicted = booster.predict(x)
    if classes == 0:
        return float(np.sqrt(((predicted - y) ** 2).mean()))
    if classes == 2:
        predicted = np.column_stack([1 - predicted, predicted])
    return float(-np.log(np.maximum(predicted[np.arange(len(y)), y.astype(int)], 1e-15)).mean())


def main(ours, names):
    print(f"LightGBM {lightgbm.__version__}, {THREADS} threads, {TREES} trees of 31 leaves; ratio: ours over theirs")
    print(f"{'set':16} {'first ms':>16} {'ratio':>6} {'a tree ms':>17} {'ratio':>6} {'cpu ratio':>9}   test loss")
    for name in names or SETS:
        x, levels, y, classes, tested = shuffled(name)
        cut = len(y) - tested
        least = lambda all, key: min(one[key] for one in all)
        mine, theirs = [], []
        with tempfile.NamedTemporaryFile(suffix=".rows") as file:
            write(file.name, x, levels, y, classes, tested)
            for _ in range(ROUNDS):
                told = subprocess.run(
                    [ours, "fit", file.name, str(TREES), str(THREADS)], check=True, capture_output=True, text=True
                )
                mine.append(json.loads(told.stdout))
                for wise in ("force_row_wise", "force_col_wise"):
                    booster, found = peer(x[:cut], levels, y[:cut], classes, wise)
                    theirs.append(found | {"loss": loss(booster, x[cut:], y[cut:], classes)})
        first = least(mine, "first_ms"), least(theirs, "first_ms")
        tree = least(mine, "tree_ms"), least(theirs, "tree_ms")
        used = least(mine, "tree_cpu_ms") / max(least(theirs, "tree_cpu_ms"), 1e-9)
        print(
            f"{name:16} {first[0]:7.0f} /{first[1]:7.0f} {first[0] / first[1]:6.2f} {tree[0]:8.2f} /{tree[1]:7.2f} "
            f"{tree[0] / tree[1]:6.2f} {used:9.2f}   {mine[0]['loss']:.5f} / {least(theirs, 'loss'):.5f}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
