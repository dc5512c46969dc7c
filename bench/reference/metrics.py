"""Reference values for trainyard-learn's metrics, from scikit-learn, statsmodels, SciPy and plain NumPy.

Run:  python metrics.py
The numbers printed are pasted in crates/learn/src/metrics/tests.rs and crates/learn/src/metrics/intervals.rs. The data are
made by integer arithmetic, the same in both places.
"""

import numpy as np
import scipy
import sklearn
import statsmodels
from scipy import stats
from sklearn import metrics as m
from statsmodels.stats.proportion import proportion_confint

print("numpy", np.__version__, "scipy", scipy.__version__, "scikit-learn", sklearn.__version__,
      "statsmodels", statsmodels.__version__)

ROWS = 400
i = np.arange(ROWS)
weights = np.where(i % 11 == 0, 0.0, 1.0 + (i * 31 % 7) / 2.0)

# numbers
y = (i * 7919 % 1009) / 10.0 - 20.0
p = y + (i * 104729 % 997 - 498) / 50.0
# two classes, with tied scores
level = (i * 7919 + 13) % 101
score = level / 101.0
two = ((i * 104729 % 211) + level > 190).astype(int)
# four classes
parts = np.stack([1.0 + (i * (k + 3) * 37 + k * 11) % 29 for k in range(4)], axis=1)
shares = parts / parts.sum(axis=1, keepdims=True)
four = np.where(i % 3 != 0, shares.argmax(axis=1), i // 3 % 4)


def both(name, function):
    print(f'("{name}", {float(function(None))!r}, {float(function(weights))!r}),')


print("regression")
both("rmse", lambda w: m.root_mean_squared_error(y, p, sample_weight=w))
both("mae", lambda w: m.mean_absolute_error(y, p, sample_weight=w))
both("r2", lambda w: m.r2_score(y, p, sample_weight=w))
both("medae", lambda w: m.median_absolute_error(y, p, sample_weight=w))
both("mape", lambda w: m.mean_absolute_percentage_error(y, p, sample_weight=w))
both("bias", lambda w: np.average(p - y, weights=w))
print("binary, class 1 where its probability is above one half")
c = (score > 0.5).astype(int)
proba = np.column_stack([1 - score, score])
both("accuracy", lambda w: m.accuracy_score(two, c, sample_weight=w))
both("balanced_accuracy", lambda w: m.balanced_accuracy_score(two, c, sample_weight=w))
both("precision", lambda w: m.precision_score(two, c, sample_weight=w))
both("recall", lambda w: m.recall_score(two, c, sample_weight=w))
both("f1", lambda w: m.f1_score(two, c, sample_weight=w))
both("mcc", lambda w: m.matthews_corrcoef(two, c, sample_weight=w))
both("roc_auc", lambda w: m.roc_auc_score(two, score, sample_weight=w))
both("average_precision", lambda w: m.average_precision_score(two, score, sample_weight=w))
both("log_loss", lambda w: m.log_loss(two, proba, sample_weight=w))
both("brier", lambda w: m.brier_score_loss(two, score, sample_weight=w))
print("multiclass")
c4 = shares.argmax(axis=1)
both("accuracy", lambda w: m.accuracy_score(four, c4, sample_weight=w))
both("balanced_accuracy", lambda w: m.balanced_accuracy_score(four, c4, sample_weight=w))
both("f1_macro", lambda w: m.f1_score(four, c4, average="macro", sample_weight=w))
both("log_loss", lambda w: m.log_loss(four, shares, sample_weight=w))
both("roc_auc_ovr", lambda w: m.roc_auc_score(four, shares, multi_class="ovr", average="macro", sample_weight=w))
print("log_loss at the ends:", m.log_loss([0, 1, 1], np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])))


# DeLong, DeLong and Clarke-Pearson 1988, straight from the definition
def placements(truth, s):
    kernel = (s[truth == 1][:, None] > s[truth == 0][None, :]) + 0.5 * (s[truth == 1][:, None] == s[truth == 0][None, :])
    return kernel.mean(axis=1), kernel.mean(axis=0), kernel.mean()


v10, v01, auc = placements(two, score)
se = np.sqrt(v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01))
z = stats.norm.ppf(0.975)
print("delong", auc, [auc - z * se, auc + z * se])
# the macro average: one part a row, by class
parts_of_error = np.zeros(ROWS)
value = 0.0
for k in range(4):
    v10, v01, auc = placements((four == k).astype(int), shares[:, k])
    value += auc / 4
    a, b = len(v10), len(v01)
    parts_of_error[four == k] += (v10 - auc) / np.sqrt(a * (a - 1)) / 4
    parts_of_error[four != k] -= (auc - v01) / np.sqrt(b * (b - 1)) / 4
se = np.sqrt((parts_of_error**2).sum())
print("delong ovr", value, [value - z * se, value + z * se])

t = stats.t.ppf(0.975, ROWS - 1)
for name, rows in [("mae", np.abs(p - y)), ("bias", p - y)]:
    reach = t * rows.std(ddof=1) / np.sqrt(ROWS)
    print(name, [rows.mean() - reach, rows.mean() + reach])
rows = (p - y) ** 2
reach = t * rows.std(ddof=1) / np.sqrt(ROWS)
factor = np.exp(0.5 * reach / rows.mean())
print("rmse", [np.sqrt(rows.mean()) / factor, np.sqrt(rows.mean()) * factor])
group = i // 8
sums = np.array([(p - y - (p - y).mean())[group == g].sum() for g in range(50)]) / ROWS
reach = stats.t.ppf(0.975, 49) * np.sqrt((sums**2).sum() * 50 / 49)
print("bias by groups of 8", [(p - y).mean() - reach, (p - y).mean() + reach])

random = np.random.default_rng(0)
for name, function in [
    ("r2", lambda r: m.r2_score(y[r], p[r])),
    ("medae", lambda r: m.median_absolute_error(y[r], p[r])),
    ("f1", lambda r: m.f1_score(two[r], c[r])),
    ("average_precision", lambda r: m.average_precision_score(two[r], score[r])),
    ("balanced_accuracy of four", lambda r: m.balanced_accuracy_score(four[r], c4[r])),
]:
    drawn = [function(random.integers(0, ROWS, ROWS)) for _ in range(4000)]
    print("bootstrap of 4000", name, np.quantile(drawn, [0.025, 0.975]).tolist())

print("wilson")
for count, size, level_ in [(8, 10, 0.95), (0, 20, 0.95), (20, 20, 0.9), (37, 400, 0.99), (1, 2, 0.95)]:
    low, high = proportion_confint(count, size, alpha=1 - level_, method="wilson")
    print(f"({count}.0, {size}.0, {level_}, {float(low)!r}, {float(high)!r}),")
print("norm", [float(stats.norm.ppf(0.5 + q / 2)) for q in (0.95, 0.9, 0.99)])
print("t", [float(stats.t.ppf(0.975, f)) for f in (1, 9, 2391)])
