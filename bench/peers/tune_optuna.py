"""The same search on both sides: rows, the validation quarter that judges, space, number of trials and rounds.

Prints CPU seconds (user and system, children included) and the best score of each, and the ratio. Optuna keeps its trials
in SQLite, as Trainyard does; its multivariate TPE is the sampler on both sides, and LightGBM runs on two threads.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time

import numpy as np
import pandas as pd

SPACE = {
    "learning_rate": (0.02, 0.3, True, False),
    "leaves": (7, 127, True, True),
    "min_samples_leaf": (2, 100, True, True),
    "l2": (0.01, 30.0, True, False),
    "row_fraction": (0.5, 1.0, False, False),
    "feature_fraction": (0.4, 1.0, False, False),
}
ROUNDS = 150


def table(rows, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 28))
    score = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.5 * x[:, 3] ** 2 - 0.7 * (x[:, 4] > 0.5) * x[:, 5] + 0.3 * x[:, 6]
    frame = pd.DataFrame(x.round(4), columns=[f"x{i}" for i in range(28)])
    frame["y"] = (score + random.normal(size=rows) > 0.4).astype(int)
    frame["part"] = np.where(np.arange(rows) % 4 == 3, "validation", "train")
    return frame


def cpu(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def peer(frame, trials, seed, folder):
    import lightgbm
    import optuna
    from sklearn.metrics import roc_auc_score

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    train, judge = frame[frame.part == "train"], frame[frame.part == "validation"]
    features = [name for name in frame if name.startswith("x")]

    def objective(trial):
        value = {}
        for name, (low, high, log, whole) in SPACE.items():
            value[name] = (trial.suggest_int if whole else trial.suggest_float)(name, low, high, log=log)
        model = lightgbm.LGBMClassifier(
            n_estimators=ROUNDS, learning_rate=value["learning_rate"], num_leaves=value["leaves"],
            min_child_samples=value["min_samples_leaf"], reg_lambda=value["l2"], subsample=value["row_fraction"],
            subsample_freq=1, colsample_bytree=value["feature_fraction"], n_jobs=2, verbose=-1, random_state=seed)
        model.fit(train[features], train.y)
        return roc_auc_score(judge.y, model.predict_proba(judge[features])[:, 1])

    before, wall = cpu(resource.RUSAGE_SELF), time.time()
    sampler = optuna.samplers.TPESampler(multivariate=True, seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler, storage=f"sqlite:///{folder}/study.db")
    study.optimize(objective, n_trials=trials)
    return study.best_value, cpu(resource.RUSAGE_SELF) - before, time.time() - wall


def own(frame, trials, seed, folder, trainyard):
    frame.to_csv(folder / "rows.csv", index=False)
    space = {}
    for name, (low, high, log, whole) in SPACE.items():
        space[name] = {"between": [low, high], "scale": "log" if log else "linear", "type": "int" if whole else "float"}
    train = {"trees": ROUNDS, "early_stopping": 0, "seed": seed,
             "tune": {"trials": trials, "metric": "roc_auc", "by": "validation", "space": space}}
    text = "name: tune\nsteps:\n  rows: {uses: acquire/file, with: {path: rows.csv}}\n"
    text += "  parts: {uses: split/predefined, from: rows, with: {column: part, target: y}}\n"
    text += f"  model:\n    uses: train/gradient-boosting\n    from: parts\n    with: {json.dumps(train)}\n"
    (folder / "pipeline.yaml").write_text(text)
    before, wall = cpu(resource.RUSAGE_CHILDREN), time.time()
    done = subprocess.run([trainyard, "run", str(folder / "pipeline.yaml"), "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    took = cpu(resource.RUSAGE_CHILDREN) - before, time.time() - wall
    trials = [step for step in json.loads(done.stdout)["steps"] if step["name"] == "model"][0]["trials"]
    return max(trial["value"] for trial in trials if "value" in trial), *took


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--trainyard", required=True)
    arguments.add_argument("--trials", type=int, default=100)
    arguments.add_argument("--rows", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments = arguments.parse_args()
    frame = table(arguments.rows, arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        ours = own(frame, arguments.trials, arguments.seed, folder, os.path.abspath(arguments.trainyard))
        print(f"trainyard: best {ours[0]:.5f}, {ours[1]:.1f} CPU s, {ours[2]:.1f} s", flush=True)
        theirs = peer(frame, arguments.trials, arguments.seed, folder)
        print(f"optuna + lightgbm: best {theirs[0]:.5f}, {theirs[1]:.1f} CPU s, {theirs[2]:.1f} s")
        print(f"ratio: {theirs[1] / ours[1]:.2f} in CPU time, {theirs[2] / ours[2]:.2f} in wall time")


main()
