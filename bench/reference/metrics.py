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
both("smape", lambda w: np.average(2 * np.abs(y - p) / (np.abs(y) + np.abs(p)), weights=w))
both("pinball", lambda w: m.mean_pinball_loss(y, p, alpha=0.5, sample_weight=w))
print("pinball 0.9", m.mean_pinball_loss(y, p, alpha=0.9))
print("binary, class 1 where its probability is above one half")
c = (score > 0.5).astype(int)
proba = np.column_stack([1 - score, score])
both("accuracy", lambda w: m.accuracy_score(two, c, sample_weight=w))
both("balanced_accuracy", lambda w: m.balanced_accuracy_score(two, c, sample_weight=w))
both("precision", lambda w: m.precision_score(two, c, sample_weight=w))
both("recall", lambda w: m.recall_score(two, c, sample_weight=w))
both("f1", lambda w: m.f1_score(two, c, sample_weight=w))
both("f2", lambda w: m.fbeta_score(two, c, beta=2, sample_weight=w))
both("f0.5", lambda w: m.fbeta_score(two, c, beta=0.5, sample_weight=w))
both("specificity", lambda w: m.recall_score(two, c, pos_label=0, sample_weight=w))
both("mcc", lambda w: m.matthews_corrcoef(two, c, sample_weight=w))
both("cohen_kappa", lambda w: m.cohen_kappa_score(two, c, sample_weight=w))
both("roc_auc", lambda w: m.roc_auc_score(two, score, sample_weight=w))
both("average_precision", lambda w: m.average_precision_score(two, score, sample_weight=w))
both("log_loss", lambda w: m.log_loss(two, proba, sample_weight=w))
both("brier", lambda w: m.brier_score_loss(two, score, sample_weight=w))


def ece(confidence, hit, w):
    w = np.ones(ROWS) if w is None else w
    place = np.minimum((confidence * 10).astype(int), 9)
    return sum(abs((w * (confidence - hit))[place == b].sum()) for b in range(10)) / w.sum()


both("ece", lambda w: ece(score, two, w))
both("cost", lambda w: np.average(np.array([[0, 1], [1, 0]])[two, c], weights=w))
late = (score >= 0.3).astype(int)
print("at 0.3: f1, precision, cost of [[0, 1], [5, -1]]", m.f1_score(two, late), m.precision_score(two, late),
      np.array([[0, 1], [5, -1]])[two, late].mean())
print("multiclass")
c4 = shares.argmax(axis=1)
both("accuracy", lambda w: m.accuracy_score(four, c4, sample_weight=w))
both("balanced_accuracy", lambda w: m.balanced_accuracy_score(four, c4, sample_weight=w))
both("mcc", lambda w: m.matthews_corrcoef(four, c4, sample_weight=w))
both("cohen_kappa", lambda w: m.cohen_kappa_score(four, c4, sample_weight=w))
both("log_loss", lambda w: m.log_loss(four, shares, sample_weight=w))
both("brier", lambda w: m.brier_score_loss(four, shares, sample_weight=w, scale_by_half=False))
both("ece", lambda w: ece(shares.max(axis=1), four == c4, w))
both("cost", lambda w: np.average(four != c4, weights=w))
both("f1_macro", lambda w: m.f1_score(four, c4, average="macro", sample_weight=w))
both("roc_auc_ovr", lambda w: m.roc_auc_score(four, shares, multi_class="ovr", average="macro", sample_weight=w))
both("f1_weighted", lambda w: m.f1_score(four, c4, average="weighted", sample_weight=w))
both("f2_macro", lambda w: m.fbeta_score(four, c4, beta=2, average="macro", sample_weight=w))
both("f0.5_macro", lambda w: m.fbeta_score(four, c4, beta=0.5, average="macro", sample_weight=w))
both("precision_macro", lambda w: m.precision_score(four, c4, average="macro", sample_weight=w))
both("precision_weighted", lambda w: m.precision_score(four, c4, average="weighted", sample_weight=w))
both("recall_macro", lambda w: m.recall_score(four, c4, average="macro", sample_weight=w))
both("recall_weighted", lambda w: m.recall_score(four, c4, average="weighted", sample_weight=w))
both("average_precision_macro", lambda w: m.average_precision_score(four, shares, average="macro", sample_weight=w))
both("top_k_accuracy", lambda w: m.top_k_accuracy_score(four, shares, k=2, sample_weight=w))
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

print("median", stats.quantile_test(np.abs(p - y), q=0, p=0.5).confidence_interval(0.95))
for name, function in [
    ("r2", lambda r: m.r2_score(y[r], p[r])),
    ("f1", lambda r: m.f1_score(two[r], c[r])),
    ("mcc", lambda r: m.matthews_corrcoef(two[r], c[r])),
    ("average_precision", lambda r: m.average_precision_score(two[r], score[r])),
    ("ece", lambda r: ece_of(score[r], two[r])),
    ("balanced_accuracy of four", lambda r: m.balanced_accuracy_score(four[r], c4[r])),
]:
    def ece_of(confidence, hit):
        place = np.minimum((confidence * 10).astype(int), 9)
        return sum(abs((confidence - hit)[place == b].sum()) for b in range(10)) / len(hit)

    found = stats.bootstrap((np.arange(ROWS),), function, n_resamples=9999, vectorized=False, method="BCa",
                            rng=np.random.default_rng(0)).confidence_interval
    print("bca of 9999", name, [float(found.low), float(found.high)])

print("rankings, 8 rows a query")
relevance = i * 7919 % 5 % 4
for k in (None, 5, 10):
    each = [m.ndcg_score(relevance[None, q:q + 8], level[None, q:q + 8], k=k) for q in range(0, ROWS, 8)]
    print("ndcg", k, float(np.mean(each)))
each = [m.average_precision_score(relevance[q:q + 8] > 0, level[q:q + 8]) for q in range(0, ROWS, 8)]
reach = stats.t.ppf(0.975, len(each) - 1) * np.std(each, ddof=1) / np.sqrt(len(each))
print("map", float(np.mean(each)), [float(np.mean(each) - reach), float(np.mean(each) + reach)])

print("clusters of i * 31 % 5 against the four classes")
cluster = i * 31 % 5
where = np.column_stack([cluster * 3.0 + i % 7, (i * 13 % 11) / 4.0])
print("ari", m.adjusted_rand_score(four, cluster), "ami", m.adjusted_mutual_info_score(four, cluster))
print("ari of classes halved", m.adjusted_rand_score(four, four // 2), m.adjusted_mutual_info_score(four, four // 2))
print("silhouette", m.silhouette_score(where, cluster))

from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

print("comparisons")
q = y + (i * 7907 % 991 - 495) / 45.0
difference = np.abs(p - y) - np.abs(q - y)
print("paired t of mae", stats.ttest_1samp(difference, 0).pvalue,
      list(stats.ttest_1samp(difference, 0).confidence_interval(0.95)))
other = ((i * 5 + 17) * 7919 % 101) * 0.8 / 101.0 + 0.2 * two
hit, second = c == two, (other > 0.5).astype(int) == two
table = [[np.sum(hit & second), np.sum(hit & ~second)], [np.sum(~hit & second), np.sum(~hit & ~second)]]
print("mcnemar", table, mcnemar(table, exact=True).pvalue)
later = np.where(i % 4 == 0, 1 - score, score)
a10, a01, auc_a = placements(two, score)
b10, b01, auc_b = placements(two, later)
variance = np.var(a10 - b10, ddof=1) / len(a10) + np.var(a01 - b01, ddof=1) / len(a01)
print("delong paired", auc_a - auc_b, 2 * stats.norm.sf(abs(auc_a - auc_b) / np.sqrt(variance)))
drawn = stats.bootstrap((np.arange(ROWS),), lambda r: m.r2_score(y[r], p[r]) - m.r2_score(y[r], q[r]),
                        n_resamples=9999, vectorized=False, method="percentile", rng=np.random.default_rng(0))
print("r2 paired", m.r2_score(y, p) - m.r2_score(y, q), list(map(float, drawn.confidence_interval)))
folds = np.array([[0.91, 0.93, 0.90, 0.95, 0.92], [0.90, 0.91, 0.89, 0.95, 0.90]])
gap = folds[0] - folds[1]
statistic = gap.mean() / np.sqrt((1 / 5 + 0.25) * gap.var(ddof=1))
print("nadeau-bengio", gap.mean(), 2 * stats.t.sf(abs(statistic), 4))
print("holm", multipletests([0.01, 0.04, 0.03, 0.5], method="holm")[1].tolist())
print("clopper-pearson", [proportion_confint(k, n, method="beta") for k, n in ((0, 10), (8, 10), (10, 10), (90, 100))])

print("wilson")
for count, size, level_ in [(8, 10, 0.95), (0, 20, 0.95), (20, 20, 0.9), (37, 400, 0.99), (1, 2, 0.95)]:
    low, high = proportion_confint(count, size, alpha=1 - level_, method="wilson")
    print(f"({count}.0, {size}.0, {level_}, {float(low)!r}, {float(high)!r}),")
print("norm", [float(stats.norm.ppf(0.5 + q / 2)) for q in (0.95, 0.9, 0.99)])
print("t", [float(stats.t.ppf(0.975, f)) for f in (1, 9, 2391)])
