"""Reference values for trainyard-data's folds and two-sample tests, from scikit-learn and SciPy.

Run:  python split.py > ../../crates/data/src/split/tests/reference.json
The data are made by integer arithmetic, the same in crates/data/src/split/tests/reference.rs.
"""

import json
import math

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import model_selection as m


def ranges(rows):
    """Rows as [start, end) stretches."""
    out = []
    for row in map(int, rows):
        if out and out[-1][1] == row:
            out[-1][1] = row + 1
        else:
            out.append([row, row + 1])
    return out


def folds(splitter, rows, y=None, groups=None):
    return [[ranges(train), ranges(test)] for train, test in splitter.split(np.zeros((rows, 1)), y, groups)]


out = {"versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}}

out["time_series"] = []
for rows, k, gap, test_size, most in [
    (100, 5, 0, None, None),
    (103, 4, 0, None, None),
    (57, 3, 4, None, None),
    (200, 6, 7, 12, None),
    (200, 6, 0, 12, 30),
    (41, 5, 1, 3, 10),
    (10, 9, 0, None, None),
]:
    splitter = m.TimeSeriesSplit(n_splits=k, gap=gap, test_size=test_size, max_train_size=most)
    out["time_series"].append(
        {"rows": rows, "k": k, "gap": gap, "test_size": test_size, "most": most, "folds": folds(splitter, rows)}
    )

i = np.arange(60)
groups = i * 7 % 11 // 2
out["leave_one_group_out"] = folds(m.LeaveOneGroupOut(), 60, groups=groups)
out["leave_two_groups_out"] = folds(m.LeavePGroupsOut(2), 60, groups=groups)
fold = i * 5 % 7 - 1
out["predefined"] = [[ranges(a), ranges(b)] for a, b in m.PredefinedSplit(fold).split()]
out["leave_one_out"] = folds(m.LeaveOneOut(), 5)
# purged folds without gap or embargo judge the stretches of a plain k-fold
out["contiguous"] = folds(m.KFold(7), 60)


def class_error(splits, y, k):
    """The largest difference of a class's rows in a test fold from an even share."""
    worst = 0.0
    for _, test in splits:
        for value in np.unique(y):
            worst = max(worst, abs(float((y[test] == value).sum()) - float((y == value).sum()) / k))
    return worst


def size_error(splits, rows, k):
    return max(abs(len(test) - rows / k) for _, test in splits)


out["stratified"] = []
out["stratified_group"] = []
out["group"] = []
for rows, classes, count, k in [(500, 3, 40, 5), (2000, 7, 150, 4), (999, 2, 60, 7), (5000, 4, 300, 10)]:
    i = np.arange(rows)
    y = (i * 7919 % 1009) * classes // 1009
    y = np.where(i % 5 == 0, 0, y)
    g = (i * 104729 % 997) * count // 997
    g = np.where(i % 3 == 0, g // 2, g)
    x = np.zeros((rows, 1))

    def plain(splitter):
        return list(splitter.split(x, y, g))

    # the best of five seeds each, so that luck does not decide
    seeds = range(5)
    out["stratified"].append(
        {"rows": rows, "classes": classes, "count": count, "k": k,
         "class_error": min(class_error(plain(m.StratifiedKFold(k, shuffle=True, random_state=s)), y, k) for s in seeds)}
    )
    shuffled = [plain(m.StratifiedGroupKFold(k, shuffle=True, random_state=s)) for s in seeds]
    kept = [plain(m.StratifiedGroupKFold(k))]
    out["stratified_group"].append(
        {"class_error": min(class_error(s, y, k) for s in shuffled + kept),
         "size_error": min(size_error(s, rows, k) for s in shuffled + kept)}
    )
    out["group"].append({"size_error": size_error(plain(m.GroupKFold(k)), rows, k)})

out["ks"] = []
for left, right, scale in [(50, 80, 1000), (333, 127, 40), (1000, 1000, 997), (7, 2000, 5), (1, 1, 3)]:
    a = (np.arange(left) * 7919 % 1009) * scale // 1009
    b = (np.arange(right) * 104729 % 997 + 60) * scale // 997
    out["ks"].append({"left": left, "right": right, "scale": scale,
                      "statistic": float(stats.ks_2samp(a, b).statistic)})

out["chi_squared"] = []
for a, b in [([10, 20, 30], [6, 9, 17]), ([100, 50, 25, 25], [80, 70, 30, 20])]:
    found = stats.chi2_contingency(np.array([a, b]), correction=False)
    out["chi_squared"].append({"left": a, "right": b, "statistic": float(found.statistic), "p": float(found.pvalue)})

assert all(math.isfinite(one["statistic"]) for one in out["ks"])
print(json.dumps(out, separators=(",", ":")))
