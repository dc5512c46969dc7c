"""What MLflow's client finds of a pipeline's run, and its registered model loaded as an MLflow model.

usage: mlflow_pipeline.py http://HOST:PORT PREDICTED.csv RUN_WITH_A_SEARCH
"""

import csv
import os
import sys

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient

server, predicted, searched = sys.argv[1:4]
mlflow.set_tracking_uri(server)
client = MlflowClient()

experiment = client.get_experiment_by_name("power-plant")
runs = client.search_runs([experiment.experiment_id], "metrics.`boosted/rmse` < 10", order_by=["start_time ASC"])
run = runs[0]
assert run.info.status == "FINISHED", run.info
assert 2 < run.data.metrics["boosted/rmse"] < 5 and "linear/rmse" in run.data.metrics, run.data.metrics
assert run.data.params["seed"], run.data.params

tuned = client.search_runs([experiment.experiment_id], f"tags.mlflow.parentRunId = '{searched}'")
assert len(tuned) == 4, [run.info.run_name for run in tuned]
complete = [run for run in tuned if run.info.status == "FINISHED"]
assert complete and all("rmse" in run.data.metrics and "learning_rate" in run.data.params for run in complete), tuned
parent = client.get_run(searched)
assert parent.data.params["boosted.tune.trials"] == "4", parent.data.params

version = client.get_model_version_by_alias("power-plant", "champion")
assert version.run_id in {run.info.run_id for run in runs}, version
with open(predicted) as file:
    rows = list(csv.DictReader(file))[:300]
expected = np.array([float(row["prediction"]) for row in rows])
names = ["AT", "V", "AP", "RH"]
records = pd.DataFrame({name: [float(row[name]) for row in rows] for name in names})
model = mlflow.pyfunc.load_model("models:/power-plant@champion")
made = np.asarray(model.predict(records)).ravel()
assert np.allclose(made, expected, rtol=1e-5), np.abs(made - expected).max()
print("same")
