"""The yardstick of `crates/cli/tests/it/series.rs`: NAB's windowed Gaussian detector on the machine's temperature.

    pip install numpy pandas
    python bench/reference/windowed_gaussian.py [DATA]

The detector as in NAB (`windowedGaussian`, windows of 6400 values moved on by 100): one minus the normal tail probability of
a value under the mean and deviation of the values before it. Its score is Trainyard's metric `nab`: the standard profile,
the best threshold, the first 15 % (at most 750 rows) left out.
"""

import json
import math
import pathlib
import sys

import numpy as np
import pandas as pd

SERIES = "realKnownCause/machine_temperature_system_failure.csv"


def detector(values, size=6400, step=100):
    window, coming, scores = [], [], []
    mean, deviation = 0.0, 1.0
    for value in values:
        scores.append(1 - 0.5 * math.erfc(abs(value - mean) / deviation / math.sqrt(2)) if window else 0.0)
        if len(window) < size:
            window.append(value)
        else:
            coming.append(value)
            if len(coming) < step:
                continue
            window, coming = window[step:] + coming, []
        mean, deviation = np.mean(window), np.std(window) or 1e-6
    return np.array(scores)


def sigmoid(position):
    return -1.0 if position > 3 else 2 / (1 + math.exp(5 * position)) - 1


def nab(scores, anomalous):
    calls, windows, before, place = [], 0, None, 0
    while place < len(scores):
        start = place
        if anomalous[start]:
            while place < len(scores) and anomalous[place]:
                place += 1
            width = place - start
            calls += [(scores[at], windows, sigmoid(-(place - at) / width) / sigmoid(-1)) for at in range(start, place)]
            windows, before = windows + 1, (place - 1, width)
        else:
            past = (start - before[0]) / (before[1] - 1) if before else math.inf
            calls.append((scores[start], None, 0.11 * sigmoid(past)))
            place += 1
    calls = calls[min(int(0.15 * len(scores)), 750):]
    total = len({window for _, window, _ in calls if window is not None})
    found, now, best, place = {}, -total, -total, 0
    calls.sort(key=lambda call: -call[0])
    while place < len(calls):
        threshold = calls[place][0]
        while place < len(calls) and calls[place][0] == threshold:
            _, window, worth = calls[place]
            if window is None:
                now += worth
            elif worth > found.get(window, -1):
                now += worth - found.get(window, -1)
                found[window] = worth
            place += 1
        best = max(best, now)
    return 100 * (best + total) / (2 * total)


def main():
    here = pathlib.Path(__file__).resolve().parents[2]
    data = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "shared/data"
    table = pd.read_csv(data / "nab" / SERIES)
    moments = pd.to_datetime(table.timestamp)
    anomalous = np.zeros(len(table), dtype=bool)
    for first, last in json.loads((data / "nab/combined_windows.json").read_text())[SERIES]:
        anomalous |= ((moments >= first) & (moments <= last)).to_numpy()
    scores = detector(table.value.to_numpy())
    cut = len(scores) // 20
    print(f"whole series {nab(scores, anomalous):.3f}, without the first twentieth {nab(scores[cut:], anomalous[cut:]):.3f}")


main()
