"""Reference scores for the gradient booster: LightGBM's defaults, five folds, seed 0, on the shared developer data.

    pip install lightgbm scikit-learn pandas pyarrow
    python bench/reference/lightgbm_cv.py [--data ../shared/data] [--dump DIR] [SET ...]

Classification folds are stratified, those of cmapss_fd001 are by unit, the others are shuffled. The score of a set is
the mean over its folds. `--dump DIR` also writes one CSV a set with the same rows, folds and, for each fold, the slice
of its training rows (every eighth, shuffled, stratified or by unit) that may decide early stopping; the Rust example
`boosting_bench` reads it, so that both sides are measured on the same rows.
"""

import argparse
import gzip
import pathlib
import platform
import time

import lightgbm
import numpy as np
import pandas as pd
import sklearn
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

ADULT = (
    "age workclass fnlwgt education education-num marital-status occupation relationship race sex capital-gain "
    "capital-loss hours-per-week native-country income"
).split()


def power_plant(data):
    table = pd.read_csv(data / "power_plant/power_plant.csv")
    return table.drop(columns="PE"), table["PE"], None, "rmse"


def shuttle(data):
    table = pd.read_csv(data / "shuttle/shuttle.csv.gz")
    return table.drop(columns="anomaly"), table["anomaly"], None, "ap"


def adult(data):
    table = pd.read_csv(
        data / "adult/adult.data.gz", header=None, names=ADULT, skipinitialspace=True, na_values="?"
    )
    return table.drop(columns="income"), (table["income"] == ">50K").astype(int), None, "auc"


def ai4i2020(data):
    table = pd.read_csv(data / "ai4i2020/ai4i2020.csv", encoding="utf-8-sig")
    target = next(name for name in table.columns if name.startswith("Machine"))
    leaks = ["UDI", "Product ID", "TWF", "HDF", "PWF", "OSF", "RNF", target]
    features = table.drop(columns=leaks)
    features.columns = [name.replace("[", "").replace("]", "") for name in features.columns]
    return features, table[target], None, "ap"


def california_housing(data):
    table = pd.read_csv(data / "california_housing/housing.csv")
    return table.drop(columns="median_house_value"), table["median_house_value"], None, "rmse"


def cmapss_fd001(data):
    table = pd.read_csv(data / "cmapss_fd001/train_FD001.txt.gz", sep=r"\s+", header=None)
    table.columns = ["unit", "cycle"] + [f"s{i}" for i in range(table.shape[1] - 2)]
    life = table.groupby("unit")["cycle"].transform("max")
    return table.drop(columns="unit"), (life - table["cycle"]).clip(upper=125), table["unit"], "rmse"


def lightgbm_binary(data):
    parts = [pd.read_csv(data / "lightgbm_binary" / name, sep="\t", header=None) for name in ("binary.train", "binary.test")]
    table = pd.concat(parts, ignore_index=True)
    table.columns = [f"c{i}" for i in table.columns]
    return table.drop(columns="c0"), table["c0"].astype(int), None, "auc"


def digits(data):
    with gzip.open(data / "digits/digits.csv.gz") as file:
        table = pd.read_csv(file, header=None)
    table.columns = [f"p{i}" for i in table.columns]
    return table.drop(columns="p64"), table["p64"].astype(int), None, "accuracy"


SETS = [power_plant, shuttle, adult, ai4i2020, california_housing, cmapss_fd001, lightgbm_binary, digits]


def folds(target, groups, classes):
    if groups is not None:
        return list(GroupKFold(5, shuffle=True, random_state=0).split(target, target, groups))
    if classes:
        return list(StratifiedKFold(5, shuffle=True, random_state=0).split(target, target))
    return list(KFold(5, shuffle=True, random_state=0).split(target))


def inner(rows, target, groups, classes):
    """The eighth of the training rows that only decides when to stop."""
    if groups is not None:
        split = GroupKFold(8, shuffle=True, random_state=1).split(rows, rows, groups.iloc[rows])
    elif classes:
        split = StratifiedKFold(8, shuffle=True, random_state=1).split(rows, target.iloc[rows])
    else:
        split = KFold(8, shuffle=True, random_state=1).split(rows)
    return rows[next(iter(split))[1]]


def score(metric, truth, predicted):
    return {
        "rmse": lambda: float(np.sqrt(np.mean((truth - predicted) ** 2))),
        "ap": lambda: average_precision_score(truth, predicted),
        "auc": lambda: roc_auc_score(truth, predicted),
        "accuracy": lambda: accuracy_score(truth, predicted.argmax(axis=1)),
    }[metric]()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--data", type=pathlib.Path, default=here.parent / "shared/data")
    parser.add_argument("--dump", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("sets", nargs="*")
    options = parser.parse_args()
    print(
        f"python {platform.python_version()}, lightgbm {lightgbm.__version__}, scikit-learn {sklearn.__version__}, "
        f"pandas {pd.__version__}, numpy {np.__version__}"
    )
    for load in SETS:
        if options.sets and load.__name__ not in options.sets:
            continue
        x, y, groups, metric = load(options.data)
        x = x.copy()
        for name in x.columns:
            if not pd.api.types.is_numeric_dtype(x[name]):
                x[name] = x[name].astype("category")
        classes = metric != "rmse"
        model = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
        scores, part, watch = [], np.zeros(len(y), dtype=int), np.zeros((len(y), 5), dtype=int)
        start = time.perf_counter()
        for k, (train, test) in enumerate(folds(y, groups, classes)):
            part[test] = k
            watch[inner(train, y, groups, classes), k] = 1
            fitted = model(n_jobs=options.threads, verbose=-1).fit(x.iloc[train], y.iloc[train])
            if classes:
                predicted = fitted.predict_proba(x.iloc[test])
                predicted = predicted if metric == "accuracy" else predicted[:, 1]
            else:
                predicted = fitted.predict(x.iloc[test])
            scores.append(score(metric, y.iloc[test].to_numpy(), predicted))
        seconds = time.perf_counter() - start
        print(f"{load.__name__:20} {metric:8} {np.mean(scores):.5f} ± {np.std(scores):.5f}  ({seconds:.1f} s)", flush=True)
        if options.dump:
            options.dump.mkdir(parents=True, exist_ok=True)
            table = x.apply(lambda c: c.cat.codes.where(c.cat.codes >= 0) if c.dtype == "category" else c)
            table.columns = [f"cat:{n}" if x[n].dtype == "category" else n for n in x.columns]
            table["__y"], table["__fold"] = y.to_numpy(), part
            for k in range(5):
                table[f"__watch{k}"] = watch[:, k]
            table.to_csv(options.dump / f"{load.__name__}.{metric}.csv", index=False, float_format="%.17g")


if __name__ == "__main__":
    main()
