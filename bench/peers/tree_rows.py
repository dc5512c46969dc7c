"""Sets of rows for the tree benchmarks, the same for both sides: real ones of the shared data, and made ones."""

import pathlib
import struct

import numpy as np
import pandas as pd

DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"


def adult():
    table = pd.read_csv(DATA / "adult/adult.data.gz", header=None, skipinitialspace=True, na_values="?")
    y = (table[14] == ">50K").to_numpy(float)
    return codes(table.drop(columns=14)) + (y, 2)


def california():
    table = pd.read_csv(DATA / "california_housing/housing.csv")
    y = table.pop("median_house_value").to_numpy(float)
    return codes(table) + (y, 0)


def cmapss():
    table = pd.read_csv(DATA / "cmapss_fd001/train_FD001.txt.gz", sep=r"\s+", header=None).dropna(axis=1, how="all")
    life = table.groupby(0)[1].transform("max") - table[1]
    return codes(table.drop(columns=[0, 1])) + (np.minimum(life, 125).to_numpy(float), 0)


def digits():
    table = pd.read_csv(DATA / "digits/digits.csv.gz", header=None)
    y = table.pop(table.columns[-1]).to_numpy(float)
    return codes(table) + (y, 10)


def lightgbm_binary():
    table = np.vstack([np.loadtxt(DATA / "lightgbm_binary" / name) for name in ("binary.train", "binary.test")])
    return table[:, 1:], [0] * (table.shape[1] - 1), table[:, 0], 2


def codes(table):
    """Text becomes codes, with the number of levels."""
    columns, levels = [], []
    for name in table.columns:
        values = table[name]
        if values.dtype.kind in "biuf":
            columns.append(values.to_numpy(float))
            levels.append(0)
        else:
            found = values.astype("category")
            columns.append(np.where(found.isna(), np.nan, found.cat.codes.to_numpy(float)))
            levels.append(len(found.cat.categories))
    return np.column_stack(columns), levels


def target(x, rng, features):
    score = 3 * (x[:, features[0]] - 0.5) * (x[:, features[1]] - 0.3) + x[:, features[2]] * x[:, features[3]]
    score = score - x[:, features[4]] + 2 * (rng.random(len(x)) - 0.5)
    return (score > np.median(score)).astype(float)


def million(rows=5_000_000, features=28):
    rng = np.random.default_rng(1)
    x = np.empty((rows, features))
    for f in range(features):
        levels = [2, 7, 16, 42, 100, 1e5, 1e6][f % 7]
        x[:, f] = np.floor(rng.random(rows) * levels) / levels
    return x, [0] * features, target(x, rng, [5, 6, 3, 4, 1]), 2


def wide(rows=200_000, features=1000):
    rng = np.random.default_rng(2)
    x = rng.random((rows, features), dtype=np.float32).astype(float)
    return x, [0] * features, target(x, rng, [5, 700, 3, 400, 999]), 2


def sparse(rows=300_000, features=300):
    rng = np.random.default_rng(3)
    x = rng.random((rows, features))
    x[rng.random((rows, features)) < 0.9] = 0.0
    score = x[:, ::10].sum(axis=1) - 3 * x[:, 5] * x[:, 15] + x[:, 1] - x[:, 2] + 0.3 * rng.standard_normal(rows)
    return x, [0] * features, (score > np.median(score)).astype(float), 2


def onehot(rows=300_000, fields=12):
    """Texts of 10 to 60 levels, one column a level: at most one of a field's columns is not 0."""
    rng = np.random.default_rng(5)
    columns, score = [], np.zeros(rows)
    for field in range(fields):
        levels = 10 + field * 5 % 51
        drawn = np.minimum((rng.random(rows) ** 2 * levels).astype(int), levels - 1)
        score += rng.standard_normal(levels)[drawn]
        columns += [(drawn == level).astype(float) for level in range(levels)]
    y = (score + rng.standard_normal(rows) > 0).astype(float)
    return np.column_stack(columns), [0] * len(columns), y, 2


def categories(rows=400_000):
    rng = np.random.default_rng(4)
    columns, levels, score = [], [], np.zeros(rows)
    for count in [1000, 2000, 5000, 10_000, 30, 200]:
        drawn = np.minimum((rng.random(rows) ** 2 * count).astype(int), count - 1)
        score += rng.standard_normal(count)[drawn]
        columns.append(drawn.astype(float))
        levels.append(count)
    for _ in range(8):
        columns.append(rng.random(rows))
        levels.append(0)
        score += columns[-1]
    y = (score + 1.5 * rng.standard_normal(rows) > np.median(score)).astype(float)
    return np.column_stack(columns), levels, y, 2


SETS = {
    "adult": adult, "california": california, "cmapss": cmapss, "digits": digits, "lightgbm_binary": lightgbm_binary,
    "million": million, "wide": wide, "sparse": sparse, "onehot": onehot, "categories": categories,
}


def shuffled(name):
    """Rows in a fixed random order, the last fifth (at most 200 000) for judging."""
    x, levels, y, classes = SETS[name]()
    order = np.random.default_rng(0).permutation(len(y))
    return x[order], levels, y[order], classes, min(len(y) // 5, 200_000)


def write(path, x, levels, y, classes, tested):
    with open(path, "wb") as out:
        out.write(struct.pack(f"<{4 + len(levels)}Q", len(y), tested, x.shape[1], classes, *levels))
        for column in range(x.shape[1]):
            out.write(np.ascontiguousarray(x[:, column], dtype="<f8").tobytes())
        out.write(y.astype("<f8").tobytes())
