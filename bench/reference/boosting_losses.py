"""Reference scores for the losses of gradient boosting: LightGBM on rows that the tests make again.

    pip install lightgbm numpy
    python bench/reference/boosting_losses.py

The rows come from a generator of plain integer arithmetic, the same in `crates/learn/src/boosting/tests/losses.rs`:
2 000 rows to learn from and 2 000 to judge, four features. Prints, for each loss, the mean loss on the judged rows
after 60 trees, and for one stump on ten rows the leaf values.
"""

import lightgbm
import numpy as np

MASK = (1 << 64) - 1


def numbers(seed, count):
    state, found = seed, []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        found.append((state >> 33) / (1 << 31))
    return np.array(found)


def rows(seed, count):
    draws = numbers(seed, count * 6).reshape(count, 6)
    x = draws[:, :4].copy()
    mean = np.exp(1.5 * x[:, 0] + np.where(x[:, 1] > 0.5, 0.7, 0.0) - x[:, 2])
    # heavy tails: one in twenty is ten times too large
    noisy = mean * (0.5 + draws[:, 4]) * np.where(draws[:, 5] < 0.05, 10.0, 1.0)
    counts = np.floor(mean * 2 * draws[:, 4])
    amounts = np.where(draws[:, 5] < 0.4, 0.0, mean * (0.5 + draws[:, 4]))
    queries = np.arange(count) // 20
    grades = np.clip(np.floor(mean * (0.7 + 0.6 * draws[:, 4])), 0, 4)
    return x, {"noisy": noisy, "counts": counts, "amounts": amounts, "grades": grades}, queries


def ndcg(y, score, queries, at):
    found = []
    for query in np.unique(queries):
        here = queries == query
        gains = 2.0 ** y[here] - 1
        discount = 1 / np.log2(np.arange(2, here.sum() + 2))
        discount[at:] = 0
        best = (np.sort(gains)[::-1] * discount).sum()
        order = np.argsort(-score[here], kind="stable")
        found.append((gains[order] * discount).sum() / best if best > 0 else 1.0)
    return np.mean(found)


LOSSES = {
    "absolute": ({"objective": "regression_l1"}, "noisy", lambda y, p: np.abs(y - p).mean()),
    "huber": (
        {"objective": "huber", "alpha": 0.9},
        "noisy",
        lambda y, p: np.where(np.abs(y - p) <= 0.9, (y - p) ** 2 / 2, 0.9 * (np.abs(y - p) - 0.45)).mean(),
    ),
    "quantile": (
        {"objective": "quantile", "alpha": 0.8},
        "noisy",
        lambda y, p: np.where(y >= p, 0.8 * (y - p), -0.2 * (y - p)).mean(),
    ),
    "poisson": ({"objective": "poisson"}, "counts", lambda y, p: (p - y * np.log(p)).mean()),
    "tweedie": (
        {"objective": "tweedie", "tweedie_variance_power": 1.3},
        "amounts",
        lambda y, p: (p**0.7 / 0.7 + y * p**-0.3 / 0.3).mean(),
    ),
    "rank": ({"objective": "lambdarank", "lambdarank_truncation_level": 30}, "grades", None),
}

if __name__ == "__main__":
    print("lightgbm", lightgbm.__version__)
    common = {
        "learning_rate": 0.1, "num_leaves": 15, "min_data_in_leaf": 20, "verbose": -1, "num_threads": 1,
        "deterministic": True, "force_row_wise": True, "min_sum_hessian_in_leaf": 1e-3, "max_bin": 255,
    }
    x, y, queries = rows(1, 2000)
    new_x, new_y, new_queries = rows(2, 2000)
    for name, (own, target, loss) in LOSSES.items():
        group = np.bincount(queries) if name == "rank" else None
        data = lightgbm.Dataset(x, y[target], group=group)
        booster = lightgbm.train(common | own, data, 60)
        predicted = booster.predict(new_x)
        found = 1 - ndcg(new_y[target], predicted, new_queries, 30) if loss is None else loss(new_y[target], predicted)
        print(f"{name:10} {found:.6f}")
    ten = np.arange(1.0, 11.0).reshape(-1, 1)
    target = np.array([1, 2, 2, 3, 9, 20, 21, 25, 26, 60.0])
    for name in ("absolute", "huber", "quantile", "poisson", "tweedie"):
        own = LOSSES[name][0] | {"num_leaves": 2, "min_data_in_leaf": 2, "learning_rate": 1.0, "min_data_in_bin": 1}
        booster = lightgbm.train(common | own, lightgbm.Dataset(ten, target), 1)
        raw = booster.predict(ten, raw_score=True)
        cut = int((raw == raw[0]).sum())
        print(f"stump {name:10} first {cut} rows {raw[0]:.9f}, then {raw[-1]:.9f}")
    monotone = {"objective": "regression", "monotone_constraints": [-1, 0, 0, 0]}
    booster = lightgbm.train(common | monotone, lightgbm.Dataset(x, y["noisy"]), 60)
    print(f"monotone (against the grain) rmse {np.sqrt(((booster.predict(new_x) - new_y['noisy']) ** 2).mean()):.6f}")
    smooth = {"objective": "regression", "path_smooth": 10.0}
    booster = lightgbm.train(common | smooth, lightgbm.Dataset(x, y["noisy"]), 60)
    print(f"path_smooth 10 rmse {np.sqrt(((booster.predict(new_x) - new_y['noisy']) ** 2).mean()):.6f}")
