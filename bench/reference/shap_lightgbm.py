"""Reference values for SHAP: LightGBM's `pred_contrib` and its trees, written as `crates/learn/src/shap/lightgbm.json`.

    pip install lightgbm shap numpy
    python bench/reference/shap_lightgbm.py crates/learn/src/shap/lightgbm.json
"""

import json
import sys

import lightgbm
import numpy as np
import shap

KEPT = {"split_feature", "threshold", "default_left", "leaf_value", "leaf_count"}


def pruned(node):
    small = {name: value for name, value in node.items() if name in KEPT}
    for side in ("left_child", "right_child"):
        if side in node:
            small[side] = pruned(node[side])
    return small


def fixture(objective, classes):
    rng = np.random.default_rng(7)
    rows = 600
    x = rng.normal(size=(rows, 5)).round(3)
    x[:, 4] = rng.integers(0, 12, rows)
    score = x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + (x[:, 4] % 5) / 2
    x[rng.random(rows) < 0.15, 0] = np.nan
    x[rng.random(rows) < 0.10, 4] = np.nan
    y = score if classes == 1 else np.digitize(score, np.quantile(score, [0.3, 0.7]))
    parameters = {"objective": objective, "num_leaves": 20, "min_data_in_leaf": 5, "verbose": -1, "seed": 1,
                  "min_data_per_group": 5, "cat_smooth": 1, "deterministic": True, "num_threads": 1}
    if classes > 1:
        parameters["num_class"] = classes
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, y, categorical_feature=[4]), 12 // classes)
    asked = x[:40]
    contributions = booster.predict(asked, pred_contrib=True)
    if classes == 1:
        # the shap package reads no categorical splits, so it is asked about the same rows without the category
        plain = lightgbm.train(parameters, lightgbm.Dataset(x[:, :4], y), 12)
        ours = shap.TreeExplainer(plain).shap_values(asked[:, :4])
        assert np.abs(ours - plain.predict(asked[:, :4], pred_contrib=True)[:, :4]).max() < 1e-6
    return {
        "columns": [[None if np.isnan(v) else v for v in column] for column in asked.T.tolist()],
        "levels": [None, None, None, None, 12],
        "outputs": classes,
        "trees": [pruned(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]],
        "contributions": [[float(f"{v:.10g}") for v in row] for row in contributions.tolist()],
    }


if __name__ == "__main__":
    print("lightgbm", lightgbm.__version__, "shap", shap.__version__, file=sys.stderr)
    with open(sys.argv[1], "w") as out:
        json.dump([fixture("regression", 1), fixture("multiclass", 3)], out, separators=(",", ":"))
        out.write("\n")
