"""LightGBM's side of `bench/predict/run`: measures both sides in turn and prints the ratios.

One row goes through LightGBM's fastest entry for single rows (`LGBM_BoosterPredictForMatSingleRowFast`), called from
here, so that some of its time is Python's: what an empty call of the same form takes is measured and taken off. Many
rows are scored by `Booster.predict`, which finds its categories as codes already; Trainyard finds them as texts.
"""

import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time

import lightgbm
import numpy as np
import tree_rows
from boosting_lightgbm import loss
from tree_rows import write

THREADS = int(os.environ.get("THREADS", "2"))
TREES = int(os.environ.get("TREES", "100"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
ROWS = int(os.environ.get("ROWS", "10000000"))
SINGLE, TURNS = 2000, 20


def rows(name):
    """At most 1.5 million rows, of which at most a million are scored; real sets are scored whole."""
    x, levels, y, classes = tree_rows.million(rows=1_500_000) if name == "million" else tree_rows.SETS[name]()
    order = np.random.default_rng(0).permutation(len(y))
    return x[order], levels, y[order], classes, 1_000_000 if name == "million" else len(y) // 3


def fit(x, levels, y, classes):
    parameters = {
        "objective": {0: "regression", 2: "binary"}.get(classes, "multiclass"), "num_leaves": 31, "learning_rate": 0.1,
        "max_bin": 255, "min_data_in_leaf": 20, "verbose": -1, "num_threads": THREADS,
    }
    if classes > 2:
        parameters["num_class"] = classes
    named = [i for i, count in enumerate(levels) if count] or "auto"
    return lightgbm.train(parameters, lightgbm.Dataset(x, y, categorical_feature=named), TREES)


def single(booster, x):
    library, fast, ready = lightgbm.basic._LIB, ctypes.c_void_p(), ctypes.c_int64()
    done = library.LGBM_BoosterPredictForMatSingleRowFastInit(
        booster._handle, 0, 0, -1, 1, ctypes.c_int32(x.shape[1]), b"num_threads=1", ctypes.byref(fast)
    )
    assert done == 0
    x, out = np.ascontiguousarray(x[:SINGLE]), np.zeros(64)
    pointers = [row.ctypes.data_as(ctypes.c_void_p) for row in x]
    where, length = out.ctypes.data_as(ctypes.POINTER(ctypes.c_double)), ctypes.byref(ready)
    call = library.LGBM_BoosterPredictForMatSingleRowFast
    empty = ctypes.CDLL(None).strnlen

    def least(work):
        best = float("inf")
        for _ in range(TURNS):
            at = time.perf_counter()
            for pointer in pointers:
                work(pointer)
            best = min(best, time.perf_counter() - at)
        return best * 1e6 / len(pointers)

    whole = least(lambda pointer: call(fast, pointer, length, where))
    bare = least(lambda pointer: empty(pointer, 0, length, where))
    library.LGBM_FastConfigFree(fast)
    return whole - bare


def many(booster, x):
    done, at = 0, time.perf_counter()
    while done < ROWS:
        booster.predict(x)
        done += len(x)
    return (time.perf_counter() - at) * ROWS / done


def main(ours, names):
    print(f"LightGBM {lightgbm.__version__}, {THREADS} threads, {TREES} trees of 31 leaves; ratio: ours over theirs")
    print(f"{'set':16} {'one row us':>15} {'ratio':>6} {f'{ROWS:,} rows s':>21} {'ratio':>6}   test loss")
    for name in names or ["million", "lightgbm_binary", "california", "adult", "categories"]:
        x, levels, y, classes, tested = rows(name)
        cut = len(y) - tested
        mine, theirs = [], []
        with tempfile.NamedTemporaryFile(suffix=".rows") as file:
            write(file.name, x, levels, y, classes, tested)
            booster = fit(x[:cut], levels, y[:cut], classes)
            for _ in range(ROUNDS):
                told = subprocess.run(
                    [ours, file.name, str(TREES), str(THREADS), str(ROWS)], check=True, capture_output=True, text=True
                )
                mine.append(json.loads(told.stdout))
                theirs.append({"row_us": single(booster, x[cut:]), "seconds": many(booster, x[cut:])})
        least = lambda all, key: min(one[key] for one in all)
        row = least(mine, "row_us"), least(theirs, "row_us")
        all = least(mine, "seconds"), least(theirs, "seconds")
        print(
            f"{name:16} {row[0]:6.2f} /{row[1]:7.2f} {row[0] / row[1]:6.2f} {all[0]:10.2f} /{all[1]:9.2f} "
            f"{all[0] / all[1]:6.2f}   {mine[0]['loss']:.5f} / {loss(booster, x[cut:], y[cut:], classes):.5f}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
