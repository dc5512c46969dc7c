"""Optuna's multivariate Parzen estimator at chosen points: the reference of crates/learn/src/tuning/tests.rs.

Prints the log density of the good and the other mixture, for a small and for a large number of trials.
"""

import functools

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_gamma, default_weights
import inspect

# NumPy's own order of equal numbers depends on the processor; ours is that of the trials.
np.argsort = functools.partial(np.argsort, kind="stable")

SPACE = {
    "a": FloatDistribution(-1.0, 3.0),
    "b": FloatDistribution(0.01, 0.3, log=True),
    "c": IntDistribution(2, 9),
    "d": IntDistribution(4, 128, log=True),
    "e": CategoricalDistribution(["x", "y", "z"]),
}


def observations(count):
    """The same simple numbers as in the Rust test."""
    rows = np.arange(count)
    return {
        "a": -1.0 + 4.0 * ((rows * 37) % 101) / 100.0,
        "b": 0.01 * 30.0 ** (((rows * 53) % 97) / 96.0),
        "c": 2.0 + (rows * 5) % 8,
        "d": 4.0 + (rows * 29) % 125,
        "e": (rows * 2 % 3).astype(float),
    }


POINTS = {"a": np.array([0.0, 2.9]), "b": np.array([0.05, 0.29]), "c": np.array([3.0, 9.0]), "d": np.array([10.0, 128.0]),
          "e": np.array([0.0, 2.0])}

print("optuna", optuna.__version__)
print("gamma", [default_gamma(n) for n in (1, 10, 11, 25, 100, 400)])
print("weights 28", list(default_weights(28)[:5]))
names = set(inspect.signature(_ParzenEstimatorParameters).parameters)
for count in (0, 3, 40):
    wanted = dict(prior_weight=1.0, consider_prior=True, consider_magic_clip=True, consider_endpoints=False,
                  weights=default_weights, multivariate=True, categorical_distance_func={})
    parameters = _ParzenEstimatorParameters(**{k: v for k, v in wanted.items() if k in names})
    estimator = _ParzenEstimator(observations(count), SPACE, parameters)
    print(count, [repr(float(v)) for v in estimator.log_pdf(POINTS)])
