"""Reference features for trainyard-learn's transforms, from scikit-learn, SciPy and pandas.

Run:  python features.py > ../../crates/learn/src/features/reference.json
The file is read by crates/learn/src/features/reference.rs; versions stand in it.
"""

import json
import sys
import warnings

import numpy as np
import pandas as pd
import scipy
import sklearn
from sklearn.decomposition import PCA
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import f_classif, r_regression
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.metrics import mutual_info_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import (KBinsDiscretizer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, PolynomialFeatures,
                                   PowerTransformer, QuantileTransformer, RobustScaler, StandardScaler, TargetEncoder)

warnings.simplefilter("ignore")
random = np.random.default_rng(7)
FIT, ALL = 60, 75  # rows learned from, rows applied to

a = np.round(random.normal(3, 2, ALL), 3)
b = np.round(random.lognormal(1, 0.8, ALL), 3)
t = random.integers(0, 6, ALL).astype(float)
u = np.round(2 * a - b + random.normal(0, 0.3, ALL), 3)
full = np.column_stack([a, b, t, u])
holed = full.copy()
holed[random.random(holed.shape) < 0.15] = np.nan
holed[70] = np.nan
b[74], a[73], a[72] = 900.0, -50.0, 50.0
full = np.column_stack([a, b, t, u])
level = random.choice(["red", "blue", "green", "white", "brown", "pink"], ALL, p=[.3, .25, .2, .13, .08, .04])
level[62], level[68] = "never seen", "violet"
gap = level.astype(object).copy()
gap[random.random(ALL) < 0.12] = None
gap[64] = None
y = np.round(a * 1.5 + (level == "red") * 4 + random.normal(0, 1, ALL), 3)
two = (y > np.median(y[:FIT])).astype(int)
three = np.digitize(y, np.quantile(y[:FIT], [0.3, 0.7]))
vocabulary = ["pump", "Pump", "valve", "the", "is", "hot", "and", "cold", "2nd", "a", "Größe", "check_out", "I'm",
              "l'eau", "ñandú", "under", "very", "noise", "http://x.yz/q?v=1", "leak", "!!!", "東京", "42"]
text = np.array([" ".join(random.choice(vocabulary, random.integers(0, 12))) for _ in range(ALL)], dtype=object)
text[3], text[5] = "  two  spaces\t\there ", ""
when = pd.Series(pd.Timestamp("2019-11-03 05:06:07.25") + pd.to_timedelta(random.integers(0, 4 * 365 * 86400, ALL), "s"))
when[4], when[66] = pd.Timestamp("2020-02-29 23:59:59.999999"), pd.Timestamp("1969-12-31 00:00:00")
first = slice(0, FIT)

cases = []


def plain(values):
    return [None if v is None or (isinstance(v, float) and not np.isfinite(v)) else
            int(v) if isinstance(v, float) and v == int(v) else v for v in np.asarray(values, dtype=object).tolist()]


inputs = []


def place(values):
    """The place of a list of values among the inputs, each of which is written once."""
    values = plain(values)
    if values not in inputs:
        inputs.append(values)
    return inputs.index(values)


def case(name, columns, params, expected, wants="dense", tolerance=1e-12, goal=None, classes=0):
    expected = np.asarray(expected.toarray() if hasattr(expected, "toarray") else expected, dtype=float)
    if expected.ndim == 1:
        expected = expected[:, None]
    cases.append({"name": name, "columns": {key: place(values) for key, values in columns.items()}, "params": params,
                  "wants": wants, "tolerance": tolerance, "classes": classes,
                  "goal": None if goal is None else place(goal.astype(float)),
                  "expected": [plain(column) for column in expected.T]})


def numbers(matrix):
    return dict(zip("abtu", matrix.T))


def fitted(transformer, matrix=full):
    return transformer.fit(matrix[first]).transform(matrix)


def present(distribution, column):
    count = int((~np.isnan(column[first])).sum())
    return fitted(QuantileTransformer(output_distribution=distribution, n_quantiles=count, subsample=None), column)


# Filling
for ours, theirs in [("median", "median"), ("mean", "mean"), ("most-frequent", "most_frequent")]:
    case(f"impute {ours}", numbers(holed), {"scale": "none", "impute": {"number": ours, "indicator": False}},
         fitted(SimpleImputer(strategy=theirs), holed))
case("impute constant", numbers(holed), {"scale": "none", "impute": {"number": "constant", "constant": -1.5,
     "indicator": False}}, fitted(SimpleImputer(strategy="constant", fill_value=-1.5), holed))
both = np.column_stack([fitted(SimpleImputer(strategy="median"), holed),
                        fitted(MissingIndicator(features="all"), holed)])[:, [0, 4, 1, 5, 2, 6, 3, 7]]
case("impute median with indicators", numbers(holed), {"scale": "none"}, both)
# Without the column of ties: among equally near donors scikit-learn takes any.
apart = holed[:, [0, 1, 3]]
for count in [1, 3, 5]:
    for metric in ["none", "standard"]:
        matrix = apart if metric == "none" else fitted(StandardScaler(), apart)
        case(f"impute {count} nearest, scale {metric}", dict(zip("abu", apart.T)),
             {"scale": metric, "impute": {"number": "nearest", "neighbours": count, "indicator": False}},
             fitted(KNNImputer(n_neighbors=count), matrix))
# Scaling
for ours, theirs in [("standard", StandardScaler()), ("min-max", MinMaxScaler()), ("robust", RobustScaler())]:
    case(f"scale {ours}", numbers(full), {"scale": ours}, fitted(theirs))
    case(f"scale {ours} with holes", numbers(holed), {"scale": ours, "impute": {"number": "none"}},
         fitted(theirs, holed), wants="native")
for distribution, ours in [("uniform", "quantile"), ("normal", "quantile-normal")]:
    quantiles = QuantileTransformer(output_distribution=distribution, n_quantiles=FIT, subsample=None)
    case(f"scale {ours}", numbers(full), {"scale": ours}, fitted(quantiles), tolerance=1e-9)
    case(f"scale {ours} with holes", numbers(holed), {"scale": ours, "impute": {"number": "none"}},
         np.column_stack([present(distribution, holed[:, [at]]) for at in range(4)]),
         wants="native", tolerance=1e-9)
# The power is where a derivative is zero: found to half the digits, so that the features agree to fewer.
case("scale yeo-johnson", numbers(full), {"scale": "yeo-johnson"}, fitted(PowerTransformer()), tolerance=1e-6)
case("scale box-cox", {"b": full[:, 1]}, {"scale": "box-cox"},
     fitted(PowerTransformer(method="box-cox"), full[:, [1]]), tolerance=1e-6)
# Categories
column = level[:, None]
hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=0.1)
case("one-hot with rare levels", {"c": level}, {"min_share": 0.1}, fitted(hot, column))
hot = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=4)
case("one-hot of three levels", {"c": level}, {"max_levels": 3, "min_share": 0}, fitted(hot, column))
case("one-hot, unseen is all zero", {"c": level}, {"min_share": 0}, fitted(OneHotEncoder(handle_unknown="ignore"), column))
known = gap.copy()  # to us a level that was never seen is missing where there is no `(other)`
known[~np.isin(gap, [v for v in gap[first] if v is not None])] = None
case("one-hot, missing is a level", {"c": gap}, {"min_share": 0, "impute": {"category": "missing-level"}},
     fitted(OneHotEncoder(handle_unknown="ignore"), known[:, None]))
filled = fitted(SimpleImputer(strategy="most_frequent", missing_values=None), known[:, None])
case("one-hot, most frequent", {"c": gap}, {"min_share": 0, "impute": {"category": "most-frequent"}},
     OneHotEncoder(handle_unknown="ignore").fit(filled[first]).transform(filled))
filled = fitted(SimpleImputer(strategy="constant", fill_value="gap", missing_values=None), known[:, None])
case("one-hot, a level for missing", {"c": gap}, {"min_share": 0, "impute": {"category": "constant", "level": "gap"}},
     OneHotEncoder(handle_unknown="ignore").fit(filled[first]).transform(filled))
case("ordinal", {"c": gap}, {"encode": "ordinal"},
     fitted(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan),
            pd.Series(gap).fillna(np.nan).to_numpy(dtype=object)[:, None]), wants="native")
shares = pd.Series(gap[first]).value_counts(normalize=True, dropna=False)
case("frequency", {"c": gap}, {"encode": "frequency", "scale": "none"},
     pd.Series(gap).map(lambda value: shares.get(value if value is not None else None, 0.0)))
case("hash", {"c": gap}, {"encode": "hash", "hash_size": 8},
     FeatureHasher(8, input_type="string").transform([[] if v is None else [v] for v in gap]))
crossed = []
for goal_name, goal, classes in [("number", y, 0), ("two", two, 2), ("three", three, 3)]:
    kind = {0: "continuous", 2: "binary", 3: "multiclass"}[classes]
    for ours, theirs in [("auto", "auto"), (10, 10.0), (0, 0.0)]:
        encoder = TargetEncoder(smooth=theirs, target_type=kind)
        case(f"target {goal_name}, smoothing {ours}", {"c": gap},
             {"encode": "target", "scale": "none", "target_encoding": {"smoothing": ours}},
             encoder.fit(gap[first, None], goal[first]).transform(gap[:, None]), goal=goal, classes=classes)
        if classes < 3:
            folds = np.empty(FIT, int)
            values = np.empty(FIT)
            maker = StratifiedKFold(4) if classes else KFold(4)
            for fold, (train, test) in enumerate(maker.split(np.zeros(FIT), goal[first])):
                folds[test] = fold
                values[test] = TargetEncoder(smooth=theirs, target_type=kind).fit(
                    gap[train, None], goal[train]).transform(gap[test, None])[:, 0]
            own = TargetEncoder(smooth=theirs, target_type=kind, cv=maker).fit_transform(gap[first, None], goal[first])
            assert np.allclose(own[:, 0], values, atol=0, rtol=1e-15)
            crossed.append({"smoothing": ours, "levels": plain(gap[first]), "y": plain(goal[first].astype(float)),
                            "folds": folds.tolist(), "expected": values.tolist()})
# Dates
names = {"year": "year", "month": "month", "day": "day", "weekday": "dayofweek", "hour": "hour", "minute": "minute",
         "day-of-year": "dayofyear"}
seconds = ((when - pd.Timestamp(0)).dt.total_seconds()).to_numpy()
dates = np.column_stack([getattr(when.dt, theirs) for theirs in names.values()]).astype(float)
elapsed = (seconds - seconds[first].min()) / 86400
case("dates", {"when": seconds}, {"date": {"parts": ["elapsed", *names]}, "scale": "none"},
     np.column_stack([elapsed, dates]), wants="native", tolerance=1e-9)
waves = [function(2 * np.pi * (dates[:, at] - start) / period) for at, start, period in
         [(1, 1, 12), (2, 1, 31), (3, 0, 7), (4, 0, 24), (5, 0, 60), (6, 1, 366)] for function in [np.sin, np.cos]]
case("dates on circles", {"when": seconds}, {"date": {"parts": list(names), "cyclic": True}, "scale": "none"},
     np.column_stack([dates[:, 0], *waves]))
# Texts
forced = {"by_column": {"text": {"type": "text"}}}


def words(name, ours, theirs, **others):
    case(f"text {name}", {"text": text}, {"text": {"sublinear": False, **ours}, **forced}, fitted(theirs, text), **others)


words("tf-idf", {}, TfidfVectorizer(ngram_range=(1, 2), min_df=2))
words("tf-idf of words, all terms", {"ngrams": [1, 1], "min_df": 1}, TfidfVectorizer())
words("tf-idf without norm, sublinear", {"norm": "none", "sublinear": True, "min_df": 3, "ngrams": [1, 3]},
      TfidfVectorizer(norm=None, sublinear_tf=True, min_df=3, ngram_range=(1, 3)))
words("counts with case", {"weight": "count", "lowercase": False, "min_df": 0.1, "max_df": 0.5},
      CountVectorizer(lowercase=False, min_df=0.1, max_df=0.5, ngram_range=(1, 2)))
words("binary without stop words", {"weight": "binary", "stop_words": "english"},
      CountVectorizer(binary=True, stop_words="english", min_df=2, ngram_range=(1, 2)))
words("counts of at most 20 texts", {"weight": "count", "max_df": 20, "ngrams": [1, 1]},
      CountVectorizer(min_df=2, max_df=20))
words("characters", {"by": "character", "ngrams": [1, 3], "min_df": 4},
      TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=4))
words("characters in words", {"by": "character-in-word", "ngrams": [2, 6], "min_df": 4},
      TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 6), min_df=4))
counts = CountVectorizer().fit(text[first])
totals = np.sort(np.asarray(counts.transform(text[first]).sum(axis=0)).ravel())[::-1]
most = next(at for at in range(8, len(totals)) if totals[at - 1] > totals[at])
words("the most frequent words", {"max_features": int(most), "ngrams": [1, 1], "min_df": 1},
      TfidfVectorizer(max_features=most))
words("hashed", {"weight": "hash", "hash_size": 16}, HashingVectorizer(n_features=16, ngram_range=(1, 2)))
words("hashed without norm", {"weight": "hash", "hash_size": 16, "norm": "none", "ngrams": [1, 1]},
      HashingVectorizer(n_features=16, norm=None))
# Clipping and bins
bounds = np.quantile(full[first], [0.05, 0.9], axis=0)
case("clip at quantiles", numbers(full), {"clip": {"quantiles": [0.05, 0.9]}, "scale": "none"}, np.clip(full, *bounds))
case("clip at bounds", numbers(full), {"clip": {"low": 0.5, "high": 4}, "scale": "standard"},
     fitted(StandardScaler(), np.clip(full, 0.5, 4)))
for rule, form, encode in [("quantile", "ordinal", "ordinal"), ("uniform", "ordinal", "ordinal"),
                           ("quantile", "one-hot", "onehot"), ("uniform", "one-hot", "onehot")]:
    maker = KBinsDiscretizer(4, strategy=rule, encode=encode, quantile_method="linear", subsample=None)
    case(f"bins {rule} {form}", numbers(full), {"bins": {"count": 4, "by": rule, "as": form}}, fitted(maker),
         wants="native")
# Stages
case("all products", numbers(full), {"scale": "none", "interactions": {"columns": ["*"], "squares": True}},
     fitted(PolynomialFeatures(2, include_bias=False)))
case("products of pairs", numbers(full), {"scale": "standard", "interactions": {"pairs": [["a", "t"], ["u", "b"]]}},
     (lambda s: np.column_stack([s, s[:, 0] * s[:, 2], s[:, 1] * s[:, 3]]))(fitted(StandardScaler())))
scaled = fitted(StandardScaler())
case("three components", numbers(full), {"pca": {"components": 3}}, fitted(PCA(3, svd_solver="full"), scaled),
     tolerance=1e-9)
case("components for a share", numbers(full), {"pca": {"share": 0.9}}, fitted(PCA(0.9, svd_solver="full"), scaled),
     tolerance=1e-9)
case("whitened components", numbers(full), {"pca": {"components": 4, "whiten": True}},
     fitted(PCA(4, whiten=True, svd_solver="full"), scaled), tolerance=1e-9)
case("components of some columns", numbers(full), {"scale": "none", "pca": {"components": 2, "columns": ["a", "u"]}},
     np.column_stack([full[:, [1, 2]], fitted(PCA(2, svd_solver="full"), full[:, [0, 3]])]), tolerance=1e-9)

codes = pd.Categorical(level[first], categories=sorted(set(level[first]))).codes
table = pd.crosstab(codes, three[first]).to_numpy()
binned = KBinsDiscretizer(10, strategy="quantile", encode="ordinal", quantile_method="linear",
                          subsample=None).fit_transform(full[first])
target_bins = KBinsDiscretizer(10, strategy="quantile", encode="ordinal", quantile_method="linear",
                               subsample=None).fit_transform(y[first, None])[:, 0]


def ratio(values, classes):
    groups = len(set(classes))
    f = f_classif(np.asarray(values, float).reshape(len(classes), -1), classes)[0]
    return np.sqrt(f * (groups - 1) / (f * (groups - 1) + len(classes) - groups))


scores = {
    "columns": {**{k: plain(v[first]) for k, v in numbers(full).items()}, "c": plain(level[first])},
    "number": plain(y[first]), "classes": plain(three[first].astype(float)),
    "variance": full[first].var(axis=0).tolist(),
    "correlation": np.abs(r_regression(full[first], y[first])).tolist() + ratio(y[first], codes).tolist(),
    "correlation of classes": ratio(full[first], three[first]).tolist()
    + [scipy.stats.contingency.association(table, method="cramer")],
    "information": [mutual_info_score(column, target_bins) for column in binned.T] + [mutual_info_score(codes, target_bins)],
    "information of classes": [mutual_info_score(column, three[first]) for column in binned.T]
    + [mutual_info_score(codes, three[first])],
}
powers = [{"method": method, "values": plain(values),
           "lambda": float(PowerTransformer(method=method).fit(np.asarray(values)[:, None]).lambdas_[0])}
          for method, values in [("yeo-johnson", full[first, 0]), ("yeo-johnson", full[first, 1]),
                                 ("yeo-johnson", -full[first, 1]), ("box-cox", full[first, 1]),
                                 ("box-cox", 3 + full[first, 1])]]
# Which of equally frequent levels are kept is not what is compared.
occurrences = np.sort(np.unique(level[first], return_counts=True)[1])[::-1]
assert occurrences[2] > occurrences[3], occurrences
json.dump({
    "made by": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__,
                "pandas": pd.__version__},
    "fit rows": FIT, "inputs": inputs, "cases": cases, "crossed": crossed, "scores": scores, "powers": powers,
}, sys.stdout, ensure_ascii=False, indent=None, separators=(",", ":"))
