"""Reference coefficients for trainyard-learn's linear and logistic regression, from scikit-learn and statsmodels.

Run:  python linear_logistic.py PATH_OF_SHARED_DATA
The numbers printed are pasted in crates/learn/src/linear/tests.rs and crates/learn/src/logistic/tests.rs.
"""

import gzip
import sys
import warnings

import numpy as np
import scipy
import sklearn
import statsmodels
import statsmodels.api as sm
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")
np.set_printoptions(floatmode="unique", linewidth=110)
print("numpy", np.__version__, "scipy", scipy.__version__, "scikit-learn", sklearn.__version__,
      "statsmodels", statsmodels.__version__)

# The small data set of the tests: 12 rows, 3 features, written out there too.
X = np.array([
    [1.0, 2.5, -0.3], [0.5, 1.1, 0.8], [2.2, -0.7, 1.5], [3.1, 0.4, -1.2], [-1.4, 2.0, 0.1], [0.3, -1.6, 0.9],
    [1.8, 1.3, -0.6], [-0.9, 0.2, 1.7], [2.7, -1.1, 0.4], [-2.0, 0.9, -0.8], [0.1, 3.0, 0.5], [1.2, -0.5, -1.9],
])
y = np.array([4.1, 1.9, 3.6, 7.2, -0.8, -1.5, 5.9, -2.4, 4.4, -3.1, 3.3, 2.6])
w = np.array([1.0, 2.0, 0.5, 1.0, 3.0, 1.0, 0.0, 1.5, 1.0, 2.0, 1.0, 0.5])
binary = np.array([1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1])
three = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 1, 0, 0])


def show(name, model):
    print(f"{name}: {np.asarray(model.coef_).tolist()} intercept {np.asarray(model.intercept_).tolist()}")


show("ols", LinearRegression().fit(X, y))
show("ols weighted", LinearRegression().fit(X, y, sample_weight=w))
show("ols without intercept", LinearRegression(fit_intercept=False).fit(X, y))
show("ridge 2.5", Ridge(alpha=2.5, solver="svd").fit(X, y))
show("ridge 2.5 weighted", Ridge(alpha=2.5, solver="cholesky").fit(X, y, sample_weight=w))
dependent = np.column_stack([X, X[:, 0], 2 * X[:, 1] - X[:, 2]])
show("ols dependent columns", LinearRegression().fit(dependent, y))
keep = w > 0
print("standard errors:", sm.OLS(y, sm.add_constant(X)).fit().bse.tolist())
print("standard errors weighted:", sm.WLS(y[keep], sm.add_constant(X[keep]), weights=w[keep]).fit().bse.tolist())

tight = {"tol": 1e-13, "max_iter": 100000, "solver": "newton-cg"}
tight_binary = {"tol": 1e-14, "max_iter": 100000, "solver": "newton-cholesky"}
show("logistic", LogisticRegression(**tight_binary).fit(X, binary))
show("logistic c 10 weighted", LogisticRegression(C=10.0, **tight_binary).fit(X, binary, sample_weight=w))
show("logistic balanced", LogisticRegression(class_weight="balanced", **tight_binary).fit(X, binary))
show("logistic without intercept", LogisticRegression(fit_intercept=False, **tight_binary).fit(X, binary))
show("softmax", LogisticRegression(**tight).fit(X, three))
show("softmax c 10 weighted balanced",
     LogisticRegression(C=10.0, class_weight="balanced", **tight).fit(X, three, sample_weight=w))

root = sys.argv[1]
plant = np.loadtxt(f"{root}/power_plant/power_plant.csv", delimiter=",", skiprows=1)
Xp, yp = plant[:, :4], plant[:, 4]
show("power_plant raw", LinearRegression().fit(Xp, yp))
Z = StandardScaler().fit_transform(Xp)
show("power_plant standardised", LinearRegression().fit(Z, yp))
show("power_plant standardised ridge 100", Ridge(alpha=100.0, solver="svd").fit(Z, yp))
above = (yp > 454.365).astype(int)
show("power_plant logistic standardised", LogisticRegression(**tight_binary).fit(Z, above))
show("power_plant logistic raw", LogisticRegression(**tight_binary).fit(Xp, above))
third = np.digitize(yp, [440.0, 465.0])
show("power_plant softmax standardised", LogisticRegression(**tight).fit(Z, third))

with gzip.open(f"{root}/digits/digits.csv.gz", "rt") as file:
    digits = np.loadtxt(file, delimiter=",")
Xd, yd = digits[:, :64] / 16.0, digits[:, 64].astype(int)
model = LogisticRegression(**tight).fit(Xd, yd)
print("digits softmax, pixels / 16: coef[3][20..26]", model.coef_[3][20:26].tolist(),
      "intercepts", model.intercept_.tolist())
