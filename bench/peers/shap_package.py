"""The shap package's side of `bench/shap/run`: SHAP values of a model of 100 trees of 31 leaves, both sides in turn.

The shap package works on one thread and LightGBM on all it is given; ours is measured on one and on all. Wall time.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import lightgbm
import numpy as np
import shap
from tree_rows import shuffled, write

TREES = 100
THREADS = int(os.environ.get("THREADS", "2"))


def main(ours, names):
    print(f"shap {shap.__version__}, LightGBM {lightgbm.__version__}; microseconds a row")
    for name in names or ["california", "lightgbm_binary", "adult"]:
        x, levels, y, classes, tested = shuffled(name)
        tested = min(tested, 2000)
        cut = len(y) - tested
        # the shap package reads no categorical splits of LightGBM: its side gets the codes as numbers
        parameters = {"objective": "regression" if classes == 0 else "binary", "verbose": -1, "num_threads": THREADS}
        booster = lightgbm.train(parameters, lightgbm.Dataset(x[:cut], y[:cut]), TREES)
        explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
        alone, mine, package, contributions = [], [], [], []
        with tempfile.NamedTemporaryFile(suffix=".rows") as file:
            write(file.name, x, levels, y, classes, tested)
            for _ in range(3):
                for times, threads in [(alone, 1), (mine, THREADS)]:
                    told = subprocess.run(
                        [ours, "shap", file.name, str(TREES), str(threads)], check=True, capture_output=True, text=True
                    )
                    times.append(json.loads(told.stdout)["row_us"])
                start = time.perf_counter()
                explainer.shap_values(x[cut:])
                package.append((time.perf_counter() - start) * 1e6 / tested)
                start = time.perf_counter()
                booster.predict(x[cut:], pred_contrib=True)
                contributions.append((time.perf_counter() - start) * 1e6 / tested)
        print(
            f"{name:16} ours on one thread {min(alone):7.1f}, on {THREADS} {min(mine):7.1f}   "
            f"shap package {min(package):7.1f} (ratio on one thread {min(alone) / min(package):.3f})   "
            f"pred_contrib on {THREADS} {min(contributions):7.1f} (ratio {min(mine) / min(contributions):.3f})"
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
