"""The peer of bench/split/run: scikit-learn's splitters on the data that crates/data/examples/split_bench.rs makes."""

import json
import sys
import time

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

GOLDEN, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


def code(rows, salt, below):
    mixed = (np.arange(rows, dtype=np.uint64) + np.uint64(salt)) * GOLDEN
    return ((((mixed ^ (mixed >> np.uint64(29))) * SECOND) >> np.uint64(33)) % np.uint64(below)).astype(np.int64)


def class_error(test, labels):
    own = np.bincount(labels[test], minlength=labels.max() + 1) / len(test)
    return float(np.abs(own - np.bincount(labels) / len(labels)).max())


what, rows = sys.argv[1], int(sys.argv[2])
labels = np.minimum(code(rows, 1, 10), 3)
if what == "stratified":
    index = np.arange(rows)
    wall, cpu = time.perf_counter(), time.process_time()
    train, test = train_test_split(index, test_size=0.2, stratify=labels, random_state=0)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    error = class_error(test, labels)
else:
    groups = code(rows, 2, int(sys.argv[3]))
    wall, cpu = time.perf_counter(), time.process_time()
    folds = list(StratifiedGroupKFold(5).split(np.zeros((rows, 1)), labels, groups))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    error = max(class_error(test, labels) for _, test in folds)
print(json.dumps({"wall": round(wall, 4), "cpu": round(cpu, 4), "class_error": error}))
