"""Bootstrap intervals of metrics by plain NumPy, beside Trainyard's times of the same rows.

Run:  python metrics_numpy.py ROWS SAMPLES PEER_SAMPLES ROWS_FILE OURS_FILE
Each metric is computed the way NumPy does it fastest; what can be prepared once for all samples is.
"""

import sys
import time

import numpy as np

rows, samples, peer = map(int, sys.argv[1:4])
truth, share, value, predicted = np.fromfile(sys.argv[4]).reshape(4, rows)
truth = truth.astype(np.int64)
called = (share > 0.5).astype(np.int64)
cell = 2 * truth + called
order = np.argsort(-share, kind="stable")
sorted_truth = truth[order].astype(np.float64)
bins = np.minimum((share * 10).astype(np.int64), 9)
off = share - truth
random = np.random.default_rng(1)


def cells(index):
    return np.bincount(cell[index], minlength=4).astype(float)


def f1(index):
    _, alarms, missed, hits = cells(index)
    return 2 * hits / (2 * hits + alarms + missed)


def mcc(index):
    left, alarms, missed, hits = cells(index)
    return (hits * left - alarms * missed) / np.sqrt(
        (hits + alarms) * (hits + missed) * (left + alarms) * (left + missed))


def balanced_accuracy(index):
    left, alarms, missed, hits = cells(index)
    return (hits / (hits + missed) + left / (left + alarms)) / 2


def average_precision(index):
    # No sort a sample: counts of the rows in the order of their scores, which do not tie.
    counts = np.bincount(index, minlength=rows)[order]
    hits = np.cumsum(counts * sorted_truth)
    gained = counts * sorted_truth
    return np.sum(gained * hits / np.maximum(np.cumsum(counts), 1)) / hits[-1]


def ece(index):
    return np.abs(np.bincount(bins[index], weights=off[index], minlength=10)).sum() / rows


def r2(index):
    y, p = value[index], predicted[index]
    return 1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum()


print(f"{rows} rows, {samples} samples (NumPy timed over {peer} of them)")
print("metric                  trainyard s    numpy s    ratio    interval: trainyard, numpy over its few")
whole = [0.0, 0.0]
for line in open(sys.argv[5]):
    name, ours, found, low, high = line.split()
    metric = globals()[name]
    start = time.perf_counter()
    drawn = [metric(random.integers(0, rows, rows)) for _ in range(peer)]
    theirs = (time.perf_counter() - start) / peer * samples
    whole[0] += float(ours)
    whole[1] += theirs
    spread = 1.96 * np.std(drawn, ddof=1)
    print(f"{name:22s} {float(ours):11.3f} {theirs:10.1f} {theirs / float(ours):8.1f}    "
          f"± {(float(high) - float(low)) / 2:.3g}, ± {spread:.3g}")
print(f"{'all':22s} {whole[0]:11.3f} {whole[1]:10.1f} {whole[1] / whole[0]:8.1f}")
