"""Tracking servers side by side: processor time a call, start-up, memory."""

import argparse
import http.client
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from costs import cpu, free_port, memory

RUNS = 10_000


class Server:
    def __init__(self, command, folder):
        self.port = free_port()
        began = time.perf_counter()
        filled = [word.replace("PORT", str(self.port)) for word in command]
        self.process = subprocess.Popen(
            filled, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while True:
            try:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
                self.connection.request("GET", "/health")
                if self.connection.getresponse().read() is not None:
                    break
            except OSError:
                time.sleep(0.002)
        self.started = time.perf_counter() - began

    def post(self, path, body):
        self.connection.request(
            "POST", f"/api/2.0/mlflow/{path}", json.dumps(body), {"content-type": "application/json"}
        )
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (path, answer.status, text[:300])
        return json.loads(text)

    def timed(self, count, call):
        for place in range(min(count, 5)):
            call(-1 - place)
        before, began = cpu(self.process.pid), time.perf_counter()
        for place in range(count):
            call(place)
        return (cpu(self.process.pid) - before) / count, (time.perf_counter() - began) / count

    def memory(self):
        return memory(self.process.pid)

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def made_runs():
    """10 000 runs: 5 metrics, 5 parameters, 3 tags each."""
    numbers = random.Random(1)
    for number in range(RUNS):
        yield {
            "metrics": {f"m{key}": numbers.random() for key in range(5)},
            "params": {f"p{key}": str(numbers.randrange(100)) for key in range(5)},
            "tags": {"mlflow.user": "me", "mlflow.runName": f"run-{number}", "kind": str(number % 7)},
            "start": 1_700_000_000_000 + number,
        }


def fill_trainyard(server, folder):
    experiment = server.post("experiments/create", {"name": "many"})["experiment_id"]
    for run in made_runs():
        tags = [{"key": key, "value": value} for key, value in run["tags"].items()]
        made = server.post("runs/create", {"experiment_id": experiment, "start_time": run["start"], "tags": tags})
        server.post("runs/log-batch", {
            "run_id": made["run"]["info"]["run_id"],
            "metrics": [{"key": k, "value": v, "timestamp": 1, "step": 0} for k, v in run["metrics"].items()],
            "params": [{"key": k, "value": v} for k, v in run["params"].items()],
        })
    return experiment


def fill_mlflow(server, folder):
    """Straight into its tables: by its own calls it takes a quarter of an hour."""
    experiment = server.post("experiments/create", {"name": "many"})["experiment_id"]
    with sqlite3.connect(folder / "mlflow.db", timeout=60) as base:
        for run in made_runs():
            id = uuid.uuid4().hex
            base.execute(
                "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
                " source_version, lifecycle_stage, artifact_uri, experiment_id)"
                " VALUES (?, ?, 'LOCAL', '', '', 'me', 'FINISHED', ?, '', 'active', '', ?)",
                (id, run["tags"]["mlflow.runName"], run["start"], int(experiment)),
            )
            for key, value in run["metrics"].items():
                base.execute("INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, 1, ?, 0, 0)", (key, value, id))
                base.execute("INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, 1, ?, 0, 0)", (key, value, id))
            base.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", [(k, v, id) for k, v in run["params"].items()])
            base.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", [(k, v, id) for k, v in run["tags"].items()])
    return experiment


def measure(command, fill, few):
    """Seconds of processor and of wall a call, by what is called."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        server = Server(command, folder)
        found["start-up"] = (server.started, server.started)
        time.sleep(1)
        found["memory idle, MB"] = (server.memory() / 1e6,) * 2
        run = server.post("runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
        now = 1_700_000_000_000
        found["log-metric"] = server.timed(100 if few else 5000, lambda place: server.post(
            "runs/log-metric", {"run_id": run, "run_uuid": run, "key": "loss", "value": 1 / (2 + abs(place)), "timestamp": now + place, "step": place}
        ))
        found["log-batch of 100 steps"] = server.timed(30 if few else 1000, lambda place: server.post(
            "runs/log-batch", {"run_id": run, "metrics": [
                {"key": "batch", "value": place + step / 100, "timestamp": now + place, "step": place * 100 + step} for step in range(100)
            ]}
        ))
        found["log-batch of 100 keys"] = server.timed(30 if few else 1000, lambda place: server.post(
            "runs/log-batch", {"run_id": run, "metrics": [
                {"key": f"k{key}", "value": place + key, "timestamp": now + place, "step": place} for key in range(100)
            ]}
        ))
        experiment = fill(server, folder)
        for name, order in (("newest 100 of 10 000 runs", []), ("the same by a metric", ["metrics.m1 DESC"])):
            found[name] = server.timed(5 if few else 200, lambda _: server.post(
                "runs/search", {"experiment_ids": [experiment], "max_results": 100, "order_by": order}
            ))
        answer = server.post("runs/search", {"experiment_ids": [experiment], "max_results": 100, "order_by": ["metrics.m1 DESC"]})
        assert len(answer["runs"]) == 100 and len(answer["runs"][0]["data"]["params"]) == 5
        found["memory loaded, MB"] = (server.memory() / 1e6,) * 2
        server.stop()
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trainyard", required=True)
    parser.add_argument("--alone", action="store_true", help="ours only")
    asked = parser.parse_args()
    ours = measure([asked.trainyard, "serve", "--listen", "127.0.0.1:PORT"], fill_trainyard, False)
    theirs = {}
    if not asked.alone:
        mlflow = str(pathlib.Path(sys.executable).parent / "mlflow")
        theirs = measure([mlflow, "server", "--port", "PORT", "--backend-store-uri", "sqlite:///mlflow.db"], fill_mlflow, True)
    print("| call | Trainyard CPU | mlflow server CPU | ratio | Trainyard wall | mlflow wall |\n|---|---|---|---|---|---|")
    for name, (seconds, wall) in ours.items():
        other, other_wall = theirs.get(name, (float("nan"),) * 2)
        if "MB" in name:
            print(f"| {name} | {seconds:.0f} | {other:.0f} | {other / seconds:.0f} | | |")
        else:
            print(f"| {name} | {seconds * 1e6:.0f} µs | {other * 1e6:.0f} µs | {other / seconds:.0f} | {wall * 1e6:.0f} µs | {other_wall * 1e6:.0f} µs |")


main()
