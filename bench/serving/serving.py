"""Servers under load: processor time a request, throughput, latency, cold start and memory, side by side."""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import lightgbm
import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from costs import cpu, free_port, memory

FEATURES = 28


def made(rows, seed):
    random = numpy.random.default_rng(seed)
    x = random.normal(size=(rows, FEATURES))
    score = x[:, 0] * x[:, 1] + numpy.sin(2 * x[:, 2]) + 0.5 * x[:, 3] - 0.3 * x[:, 4] ** 2
    return x, score + 0.5 * random.normal(size=rows)


def ready(port, body, started):
    """Seconds until the first answer."""
    url = f"http://127.0.0.1:{port}/v2/models/m/infer"
    while True:
        try:
            request = urllib.request.Request(url, body.encode(), {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=5) as answer:
                answer.read()
                return time.monotonic() - started
        except OSError:
            time.sleep(0.002)
        if time.monotonic() - started > 120:
            raise SystemExit(f"nothing answers on port {port}")


def load(folder, port, body, connections, seconds):
    script = folder / "load.lua"
    script.write_text(
        "wrk.method = 'POST'\nwrk.headers['content-type'] = 'application/json'\nwrk.body = '" + body + "'\n"
        "done = function(summary, latency, requests)\n"
        "  io.write(string.format('RESULT %d %d %d %d %d\\n', summary.requests, summary.duration,\n"
        "    latency:percentile(50), latency:percentile(99),\n"
        "    summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout))\nend\n")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script),
               f"http://127.0.0.1:{port}/v2/models/m/infer"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests, micros, median, tail, errors = map(int, re.search(r"RESULT (.*)", out).group(1).split())
    return requests, requests / micros * 1e6, median / 1000, tail / 1000, errors


def measure(name, command, port, folder, bodies, seconds, environment=None):
    started = time.monotonic()
    server = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    result = {}
    try:
        result["start"] = ready(port, bodies[1], started)
        for rows, body in bodies.items():
            for connections in (8, 64):
                load(folder, port, body, connections, 1)
                before = cpu(server.pid)
                requests, rate, median, tail, errors = load(folder, port, body, connections, seconds)
                used = (cpu(server.pid) - before) / max(requests, 1) * 1e6
                result[rows, connections] = (used, rate, median, tail)
                print(f"{name:10} {rows:4} rows {connections:3} connections: {used:8.1f} µs of processor a request, "
                      f"{rate:9.0f} requests/s, median {median:.2f} ms, 99 % {tail:.2f} ms, {errors} errors", flush=True)
        result["memory"] = memory(server.pid) / 2**20
        print(f"{name:10} first answer after {result['start'] * 1000:.0f} ms, {result['memory']:.0f} MB", flush=True)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
    return result


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--trainyard", required=True)
    arguments.add_argument("--constant", required=True)
    arguments.add_argument("--only", nargs="*", default=["ours", "constant", "fastapi", "mlserver"])
    arguments = arguments.parse_args()
    seconds = int(os.environ.get("SECONDS_EACH", "5"))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        x, y = made(20_000, 1)
        head = ",".join(f"f{column}" for column in range(FEATURES)) + ",y"
        numpy.savetxt(folder / "rows.csv", numpy.column_stack([x, y]), delimiter=",", header=head, comments="", fmt="%.9g")
        (folder / "pipeline.yaml").write_text(
            "name: m\nsteps:\n  rows: {uses: acquire/file, with: {path: rows.csv}}\n"
            "  parts: {uses: split/random, from: rows, with: {target: y, ratio: {train: 0.9, test: 0.1}}}\n"
            "  trees:\n    uses: train/gradient-boosting\n    from: parts\n"
            "    with: {trees: 100, leaves: 31, early_stopping: 0}\n"
            "  released: {uses: register/model, from: trees, with: {name: m, alias: champion}}\n")
        run = subprocess.run([arguments.trainyard, "run", "--json"], cwd=folder, capture_output=True, text=True)
        if run.returncode != 0:
            raise SystemExit(run.stdout + run.stderr)
        data = lightgbm.Dataset(x, y)
        peer = lightgbm.train({"objective": "regression", "num_leaves": 31, "verbose": -1}, data, 100)
        peer.save_model(folder / "model.bst")
        asked = made(100, 2)[0]

        def body(rows):
            flat = [float(f"{value:.6g}") for value in asked[:rows].ravel()]
            return json.dumps({"inputs": [{"name": "x", "shape": [rows, FEATURES], "datatype": "FP64", "data": flat}]})

        bodies = {1: body(1), 100: body(100)}
        results = {}
        for name in arguments.only:
            port = free_port()
            environment = None
            if name == "ours":
                command = [arguments.trainyard, "serve", "--listen", f"127.0.0.1:{port}"]
            elif name == "constant":
                command = [arguments.constant, f"127.0.0.1:{port}", "150"]
            elif name == "fastapi":
                script = pathlib.Path(__file__).parents[1] / "peers" / "serving_fastapi.py"
                command = [sys.executable, str(script.resolve()), str(folder / "model.bst"), str(port)]
            else:
                settings = {"debug": False, "parallel_workers": 0, "host": "127.0.0.1", "http_port": port,
                            "grpc_port": free_port(), "metrics_port": free_port()}
                (folder / "settings.json").write_text(json.dumps(settings))
                model = {"name": "m", "implementation": "mlserver_lightgbm.LightGBMModel",
                         "parameters": {"uri": "./model.bst"}}
                (folder / "model-settings.json").write_text(json.dumps(model))
                command = [str(pathlib.Path(sys.executable).parent / "mlserver"), "start", "."]
            results[name] = measure(name, command, port, folder, bodies, seconds, environment)
        ours = results.get("ours")
        for name, other in results.items():
            if name == "ours" or not ours:
                continue
            for key in [key for key in ours if isinstance(key, tuple)]:
                times = [other[key][place] / ours[key][place] for place in range(4)]
                print(f"ours against {name}, {key[0]} rows, {key[1]} connections: processor time a {times[0]:.1f}th, "
                      f"throughput {1 / times[1]:.2f} times, 99 % latency a {times[3]:.1f}th")


main()
