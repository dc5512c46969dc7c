"""Reference values for trainyard-learn's calibration, from scikit-learn and SciPy.

Run:  python calibration.py
The numbers printed are pasted in crates/learn/src/calibration/tests.rs. The data are made by integer arithmetic, the same
in both places.
"""

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

print("numpy", np.__version__, "scipy", scipy.__version__, "scikit-learn", sklearn.__version__)

ROWS = 400
i = np.arange(ROWS)
weights = np.where(i % 11 == 0, 0.0, 1.0 + (i * 31 % 7) / 2.0)
level = (i * 7919 + 13) % 101
score = (level + 0.5) / 102.0
two = ((i * 104729 % 211) + level > 190).astype(int)
parts = np.stack([1.0 + (i * (k + 3) * 37 + k * 11) % 29 for k in range(4)], axis=1)
shares = parts / parts.sum(axis=1, keepdims=True)
four = np.where(i % 3 != 0, shares.argmax(axis=1), i // 3 % 4)


def isotonic(p, y, w):
    return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y, w).predict(p)


def platt(p, y, w):
    a, b = _sigmoid_calibration(logit(p), y, sample_weight=w, max_abs_prediction_threshold=1e9)
    return expit(-(a * logit(p) + b))


def temperature(p, y, w):
    w = np.ones(ROWS) if w is None else w
    loss = lambda x: -(w * log_softmax(np.log(p) * np.exp(x), axis=1)[i, y]).sum()
    found = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-12})
    return softmax(np.log(p) * np.exp(found.x), axis=1)


def show(method, classes, weighted, found):
    print(f"    (Method::{method}, {classes}, {str(weighted).lower()}, &{[float(v) for v in found[::50]]!r}),")


for w in (None, weights):
    show("Isotonic", 2, w is not None, isotonic(score, two, w))
    show("Platt", 2, w is not None, platt(score, two, w))
    show("Temperature", 2, w is not None, temperature(np.column_stack([1 - score, score]), two, w)[:, 1])
    for name, fit in (("Isotonic", isotonic), ("Platt", platt)):
        each = np.column_stack([fit(shares[:, k], (four == k).astype(int), w) for k in range(4)])
        show(name, 4, w is not None, (each / each.sum(axis=1, keepdims=True))[:, 1])
    show("Temperature", 4, w is not None, temperature(shares, four, w)[:, 1])
