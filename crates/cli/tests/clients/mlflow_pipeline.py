"""What MLflow's client finds of a pipeline's run, and its registered model loaded as an MLflow model.

usage: mlflow_pipeline.py http://HOST:PORT PREDICTED.csv
"""

import csv
import os
import sys

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient

server, predicted = sys.argv[1:3]
mlflow.set_tracking_uri(server)
client = MlflowClient()

experiment = client.get_experiment_by_name("power-plant")
runs = client.search_runs([experiment.experiment_id], "metrics.`boosted/rmse` < 10", order_by=["start_time ASC"])
run = runs[0]
assert run.info.status == "FINISHED", run.info
assert 2 < run.data.metrics["boosted/rmse"] < 5 and "linear/rmse" in run.data.metrics, run.data.metrics
assert run.data.params["seed"], run.data.params

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
