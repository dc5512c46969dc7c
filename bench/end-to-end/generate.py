"""Writes a seeded Adult-like CSV: 500 000 rows, 14 columns, missing values, categories, a binary target."""
import sys
import numpy as np
import pandas as pd

rows, path = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(0)
levels = {"workclass": 8, "education": 16, "marital": 7, "occupation": 14, "relationship": 6, "race": 5, "country": 40}
data = {
    "age": rng.integers(17, 91, rows),
    "weight": rng.lognormal(12, 0.5, rows).round().astype(int),
    "years": rng.integers(1, 17, rows),
    "gain": np.where(rng.random(rows) < 0.08, rng.lognormal(8.5, 1.2, rows).round(), 0).astype(int),
    "loss": np.where(rng.random(rows) < 0.05, rng.normal(1900, 350, rows).clip(100).round(), 0).astype(int),
    "hours": rng.normal(40, 12, rows).clip(1, 99).round().astype(int),
}
score = 0.04 * (data["age"] - 38) - 0.0006 * (data["age"] - 45) ** 2 + 0.28 * (data["years"] - 10)
score = score + 0.03 * (data["hours"] - 40) + 0.00025 * np.minimum(data["gain"], 10000) + 0.0004 * data["loss"]
for name, count in levels.items():
    share = rng.dirichlet(np.full(count, 0.7))
    code = rng.choice(count, rows, p=share)
    score = score + rng.normal(0, 0.6, count)[code]
    data[name] = np.array([f"{name}_{i:02d}" for i in range(count)], dtype=object)[code]
noisy = score - np.quantile(score, 0.72) + rng.logistic(0, 1.2, rows)
frame = pd.DataFrame(data)
for name in ("workclass", "occupation", "country"):
    frame.loc[rng.random(rows) < 0.04, name] = "?"
frame["income"] = np.where(noisy > 0, ">50K", "<=50K")
frame.to_csv(path, index=False)
