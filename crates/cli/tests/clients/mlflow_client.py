"""Drives a server with the unmodified MLflow client: whatever is wrong raises. Says `same` in the end.

usage: mlflow_client.py http://HOST:PORT
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time

os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "true"
os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = "6000000"
os.environ["MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"] = "5242880"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException, RestException

server = sys.argv[1]
mlflow.set_tracking_uri(server)
client = MlflowClient()


def refused(code, call):
    try:
        call()
    except RestException as error:
        assert error.error_code == code, (error.error_code, code, str(error))
        return str(error)
    except MlflowException as error:
        assert error.error_code == code, (error.error_code, code, str(error))
        return str(error)
    raise AssertionError(f"not refused with {code}")


def experiments():
    id = client.create_experiment("first", tags={"team": "a"})
    assert client.get_experiment(id).name == "first"
    assert client.get_experiment(id).tags == {"team": "a"}
    assert client.get_experiment_by_name("first").experiment_id == id
    assert client.get_experiment_by_name("none") is None
    refused("RESOURCE_ALREADY_EXISTS", lambda: client.create_experiment("first"))
    client.set_experiment_tag(id, "team", "b")
    assert [e.name for e in client.search_experiments(filter_string="tags.team = 'b'")] == ["first"]
    assert [e.name for e in client.search_experiments(filter_string="name ILIKE 'FIR%'")] == ["first"]
    client.rename_experiment(id, "renamed")
    client.delete_experiment(id)
    assert client.get_experiment(id).lifecycle_stage == "deleted"
    assert "renamed" not in [e.name for e in client.search_experiments()]
    assert "renamed" in [e.name for e in client.search_experiments(view_type=ViewType.DELETED_ONLY)]
    client.restore_experiment(id)
    assert client.get_experiment(id).lifecycle_stage == "active"
    assert "Default" in [e.name for e in client.search_experiments()]
    names = [client.create_experiment(f"page-{number}") for number in range(5)]
    found, token = [], None
    while True:
        page = client.search_experiments(max_results=2, order_by=["name ASC"], filter_string="name LIKE 'page-%'", page_token=token)
        found += [e.name for e in page]
        token = page.token
        if not token:
            break
    assert found == [f"page-{number}" for number in range(len(names))], found


def runs():
    mlflow.set_experiment("runs")
    experiment = client.get_experiment_by_name("runs").experiment_id
    with mlflow.start_run(run_name="one", tags={"kind": "a"}) as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({"a": 1, "b": "two", "long": "x" * 6000})
        mlflow.log_metric("acc", 0.1 + 0.2, step=1)
        mlflow.log_metric("acc", 0.9, step=3)
        mlflow.log_metric("acc", 0.8, step=2)
        mlflow.log_metrics({"f1": 0.8, "auc": 1e-300, "exact": 0.1 + 0.2, "pi": math.pi * 1e-7}, step=1)
        mlflow.log_metric("nan", math.nan)
        mlflow.log_metric("inf", math.inf)
        mlflow.set_tag("k", "v")
        mlflow.set_tag("k", "w")
        mlflow.log_dict({"a": 1}, "d/e.json")
        mlflow.log_text("hello ü", "sub/hello w.txt")
        mlflow.log_input(mlflow.data.from_numpy(np.arange(12.0).reshape(4, 3), name="numbers"), context="train")
    id = run.info.run_id
    back = client.get_run(id)
    assert back.info.status == "FINISHED" and back.info.end_time >= back.info.start_time, back.info
    assert back.data.params == {"lr": "0.1", "a": "1", "b": "two", "long": "x" * 6000}
    assert back.data.metrics["exact"] == 0.1 + 0.2 and back.data.metrics["pi"] == math.pi * 1e-7
    assert back.data.metrics["acc"] == 0.9 and back.data.metrics["auc"] == 1e-300, back.data.metrics
    assert math.isnan(back.data.metrics["nan"]) and back.data.metrics["inf"] > 1e308
    assert back.data.tags["k"] == "w" and back.info.run_name == "one"
    history = client.get_metric_history(id, "acc")
    assert sorted((m.step, m.value) for m in history) == [(1, 0.1 + 0.2), (2, 0.8), (3, 0.9)], history
    assert back.inputs.dataset_inputs[0].dataset.name == "numbers"
    assert back.inputs.dataset_inputs[0].tags[0].value == "train"
    assert sorted(f.path for f in client.list_artifacts(id)) == ["d", "sub"]
    assert [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(id, "sub")] == [("sub/hello w.txt", False, 8)]
    with tempfile.TemporaryDirectory() as folder:
        path = client.download_artifacts(id, "", folder)
        assert open(os.path.join(path, "sub", "hello w.txt"), encoding="utf8").read() == "hello ü"
        large = os.path.join(folder, "large.bin")
        with open(large, "wb") as file:
            file.write(np.random.default_rng(1).bytes(13_000_001))
        client.log_artifact(id, large, "big")
        back = client.download_artifacts(id, "big/large.bin", folder)
        assert open(back, "rb").read() == open(large, "rb").read()
    refused("INVALID_PARAMETER_VALUE", lambda: client.log_param(id, "lr", "0.2"))
    client.log_param(id, "lr", "0.1")
    refused("INVALID_PARAMETER_VALUE", lambda: client.log_batch(id, params=[Param("new", "1"), Param("lr", "9")]))
    assert "new" not in client.get_run(id).data.params
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_run("f" * 32))
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.log_metric("f" * 32, "a", 1))
    client.delete_tag(id, "k")
    assert "k" not in client.get_run(id).data.tags
    client.delete_run(id)
    assert client.get_run(id).info.lifecycle_stage == "deleted"
    refused("INVALID_PARAMETER_VALUE", lambda: client.log_metric(id, "a", 1))
    assert client.search_runs([experiment]) == []
    client.restore_run(id)
    assert [r.info.run_id for r in client.search_runs([experiment])] == [id]
    client.set_terminated(id, "FAILED")
    assert client.get_run(id).info.status == "FAILED"
    with mlflow.start_run() as parent:
        with mlflow.start_run(nested=True) as child:
            pass
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id


def search():
    experiment = client.create_experiment("search")
    made = []
    for number in range(12):
        run = client.create_run(experiment, run_name=f"r{number}", start_time=1000 + number, tags={"even": str(number % 2 == 0)})
        id = run.info.run_id
        made.append(id)
        client.log_batch(
            id,
            metrics=[Metric("loss", number * 0.5, 1, 0)] + ([Metric("m/rare", number, 1, 0)] if number > 9 else []),
            params=[Param("depth", str(number)), Param("na me", "x")],
            tags=[RunTag("t", f"v{number}")],
        )
        client.set_terminated(id, "FINISHED" if number % 3 else "FAILED")

    def found(filter, **more):
        return [r.info.run_name for r in client.search_runs([experiment], filter, **more)]

    assert found("") == [f"r{n}" for n in range(11, -1, -1)]
    assert found("metrics.loss < 1") == ["r1", "r0"]
    assert found("metrics.`m/rare` >= 10 and params.depth != '11'") == ["r10"]
    assert found("params.`na me` = 'x' AND tags.t LIKE 'v1%'") == ["r11", "r10", "r1"]
    assert found("params.depth ILIKE '1_'") == ["r11", "r10"]
    assert found("attributes.status = 'FAILED' and metrics.loss > 2") == ["r9", "r6"]
    assert found("status != 'FINISHED'") == ["r9", "r6", "r3", "r0"]
    assert found("attributes.start_time <= 1001") == ["r1", "r0"]
    assert found(f"run_id IN ('{made[2]}', '{made[5]}')") == ["r5", "r2"]
    assert found("attributes.run_name = 'r7'") == ["r7"]
    assert found("tags.even = 'True' and metrics.loss >= 4") == ["r10", "r8"]
    assert found("tags.none IS NULL and metrics.loss < 0.1") == ["r0"]
    assert found("", order_by=["metrics.loss ASC"], max_results=3) == ["r0", "r1", "r2"]
    assert found("", order_by=["metrics.`m/rare` DESC", "params.depth ASC"]) == [
        "r11", "r10", "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9",
    ]
    assert found("", order_by=["metrics.`m/rare` DESC"])[:3] == ["r11", "r10", "r9"]
    assert found("", order_by=["attributes.start_time ASC"], max_results=1) == ["r0"]
    for order in [[], ["metrics.loss DESC"], ["params.depth ASC"]]:
        names, token = [], None
        while True:
            page = client.search_runs([experiment], max_results=5, order_by=order, page_token=token)
            names += [r.info.run_name for r in page]
            token = page.token
            if not token:
                break
        assert len(names) == 12 and len(set(names)) == 12, (order, names)
    refused("INVALID_PARAMETER_VALUE", lambda: found("metrics.loss = 'x'"))
    refused("INVALID_PARAMETER_VALUE", lambda: found("params.depth > '3'"))
    refused("INVALID_PARAMETER_VALUE", lambda: found("metrics.loss < 1 OR metrics.loss > 2"))
    refused("INVALID_PARAMETER_VALUE", lambda: client.search_runs([experiment], max_results=60_000))
    frame = mlflow.search_runs([experiment], order_by=["metrics.loss DESC"])
    assert list(frame["metrics.loss"])[:2] == [5.5, 5.0] and frame["params.depth"].iloc[0] == "11"


class Twice(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[float]) -> list[float]:
        return [2 * value for value in model_input]


def models():
    mlflow.set_experiment("models")
    from sklearn.linear_model import LinearRegression

    x = np.arange(20.0).reshape(10, 2)
    with mlflow.start_run() as run:
        mlflow.log_metric("rmse", 0.5)
        logged = mlflow.pyfunc.log_model(name="twice", python_model=Twice(), params={"factor": 2})
        sk = mlflow.sklearn.log_model(
            LinearRegression().fit(x, x[:, 0]), name="linear", registered_model_name="lin", input_example=x[:2]
        )
    assert mlflow.pyfunc.load_model(logged.model_uri).predict([1.0, 2.0]) == [2.0, 4.0]
    model = client.get_logged_model(logged.model_id)
    assert model.status == "READY" and model.params["factor"] == "2", model
    assert mlflow.search_logged_models(experiment_ids=[run.info.experiment_id], filter_string="name = 'twice'", output_format="list")[0].model_id == logged.model_id
    assert [m.value for m in client.get_logged_model(sk.model_id).metrics or [] if m.key == "rmse"] == [0.5]
    assert len(client.get_metric_history(run.info.run_id, "rmse")) == 1
    assert {o.model_id for o in client.get_run(run.info.run_id).outputs.model_outputs} == {logged.model_id, sk.model_id}
    version = mlflow.register_model(logged.model_uri, "twice")
    assert version.version in (1, "1")
    assert mlflow.register_model(logged.model_uri, "twice").version in (2, "2")
    client.set_registered_model_alias("twice", "champion", "1")
    assert mlflow.pyfunc.load_model("models:/twice@champion").predict([4.0]) == [8.0]
    assert mlflow.pyfunc.load_model("models:/twice/2").predict([4.0]) == [8.0]
    assert np.allclose(mlflow.sklearn.load_model("models:/lin/1").predict(x), x[:, 0])
    assert client.get_model_version_by_alias("twice", "champion").version in (1, "1")
    client.set_registered_model_tag("twice", "team", "a")
    client.set_model_version_tag("twice", "1", "checked", "yes")
    client.update_registered_model("twice", "doubles")
    client.update_model_version("twice", "1", "the first")
    model = client.get_registered_model("twice")
    assert model.description == "doubles" and model.tags == {"team": "a"} and model.aliases == {"champion": "1"}, model
    first = client.get_model_version("twice", "1")
    assert first.description == "the first" and first.tags == {"checked": "yes"} and first.aliases == ["champion"]
    assert [m.name for m in client.search_registered_models("name LIKE 'tw%'")] == ["twice"]
    assert [m.name for m in client.search_registered_models("tags.team = 'a'")] == ["twice"]
    assert sorted(int(v.version) for v in client.search_model_versions("name = 'twice'")) == [1, 2]
    client.transition_model_version_stage("twice", "2", "Staging")
    assert client.get_model_version("twice", "2").current_stage == "Staging"
    assert {int(v.version) for v in client.get_latest_versions("twice")} == {1, 2}
    client.rename_registered_model("twice", "double")
    assert client.get_model_version_by_alias("double", "champion").description == "the first"
    client.delete_registered_model_alias("double", "champion")
    refused("INVALID_PARAMETER_VALUE", lambda: client.get_model_version_by_alias("double", "champion"))
    client.delete_model_version("double", "2")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_model_version("double", "2"))
    assert client.create_model_version("double", logged.model_uri, model_id=logged.model_id).version in (3, "3")
    client.delete_registered_model("double")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_registered_model("double"))
    refused("INVALID_PARAMETER_VALUE", lambda: client.create_model_version("lin", "/etc/passwd"))
    refused("INVALID_PARAMETER_VALUE", lambda: client.create_model_version("lin", "mlflow-artifacts:/1/../../x"))
    refused("RESOURCE_ALREADY_EXISTS", lambda: client.create_registered_model("lin"))
    refused("INVALID_PARAMETER_VALUE", lambda: client.set_registered_model_alias("lin", "v1", "1"))


def autolog():
    import sklearn.ensemble
    from sklearn.datasets import load_iris

    mlflow.set_experiment("autolog")
    mlflow.sklearn.autolog()
    x, y = load_iris(return_X_y=True)
    with mlflow.start_run() as run:
        sklearn.ensemble.RandomForestClassifier(n_estimators=5, random_state=1).fit(x, y)
    mlflow.sklearn.autolog(disable=True)
    back = client.get_run(run.info.run_id)
    assert back.data.params["n_estimators"] == "5" and back.data.metrics["training_accuracy_score"] > 0.9, back.data
    try:
        import lightgbm
    except ImportError:
        return
    mlflow.lightgbm.autolog()
    with mlflow.start_run() as run:
        data = lightgbm.Dataset(x, (y == 1).astype(float))
        lightgbm.train({"objective": "binary", "verbose": -1}, data, num_boost_round=7, valid_sets=[data], valid_names=["train"])
    mlflow.lightgbm.autolog(disable=True)
    back = client.get_run(run.info.run_id)
    assert back.data.params["num_boost_round"] == "7", back.data.params
    losses = client.get_metric_history(run.info.run_id, "train-binary_logloss")
    assert [m.step for m in losses] == list(range(7)) and losses[-1].value < losses[0].value, losses


def together():
    experiment = client.create_experiment("together")
    run = client.create_run(experiment).info.run_id
    threads = [
        threading.Thread(target=lambda name=name: [client.log_metric(run, name, step, step=step) for step in range(50)])
        for name in ("a", "b", "c", "d")
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    for name in ("a", "b", "c", "d"):
        assert [m.value for m in client.get_metric_history(run, name)] == list(range(50)), name


def command_line():
    """`mlflow` as a command, beside the Python that runs this."""

    def said(*words):
        done = subprocess.run(
            [sys.executable, "-m", "mlflow", *words],
            env={**os.environ, "MLFLOW_TRACKING_URI": server},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    experiment = client.get_experiment_by_name("runs").experiment_id
    listed = said("runs", "list", "--experiment-id", experiment)
    assert "one" in listed, listed
    run = client.search_runs([experiment], "attributes.run_name = 'one'")[0].info.run_id
    assert json.loads(said("runs", "describe", "--run-id", run))["info"]["run_id"] == run
    assert "runs" in said("experiments", "search")
    with tempfile.TemporaryDirectory() as folder:
        said("artifacts", "download", "--run-id", run, "--artifact-path", "sub", "--dst-path", folder)
        assert open(os.path.join(folder, "sub", "hello w.txt"), encoding="utf8").read() == "hello ü"


for part in (experiments, runs, search, models, autolog, together, command_line):
    began = time.time()
    part()
    print(part.__name__, round(time.time() - began, 1), file=sys.stderr)
print("same")
