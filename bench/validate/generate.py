"""Writes a seeded Parquet table of 1 000 000 × 20: ten floats, five integers, five texts."""
import sys
import numpy as np
import pandas as pd

rows, path = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(0)
data = {f"f{i}": rng.normal(0, 1, rows) for i in range(10)}
data |= {f"i{i}": rng.integers(0, 1000, rows) for i in range(5)}
data |= {f"t{i}": np.array(["red", "green", "blue", "grey"], dtype=object)[rng.integers(0, 4, rows)] for i in range(5)}
pd.DataFrame(data).to_parquet(path, index=False)
