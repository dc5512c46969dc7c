"""Predicts with a model that Trainyard exported, through onnxruntime: what `mlflow.pyfunc.load_model` gives back.

A data frame with the model's columns goes in (any order, others are ignored; NaN, None and NaT are missing). Out comes an
array as scikit-learn gives one: numbers, class labels or clusters. `params={"predict_method": "predict_proba"}` gives the
probabilities, one column a class, and `"predict_interval"` or `"predict_set"` the intervals or sets where the model has
them.
"""

import json

import numpy as np
import onnxruntime
import pandas as pd


def _numbers(column):
    if pd.api.types.is_datetime64_any_dtype(column):
        raise TypeError(f"column `{column.name}` holds dates; the model was trained on numbers")
    if pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column):
        column = column.map(lambda value: {"true": 1.0, "false": 0.0, "": np.nan}.get(value, value))
    return pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)


def _seconds(column):
    if pd.api.types.is_numeric_dtype(column):
        return _numbers(column)
    moments = pd.to_datetime(column, utc=True, format=None if column.dtype.kind == "M" else "ISO8601")
    micros = moments.astype("datetime64[us, UTC]")
    seconds = micros.astype("int64").to_numpy().astype(np.float64) / 1e6
    return np.where(micros.isna().to_numpy(), np.nan, seconds)


def _text(value):
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _texts(column):
    missing = column.isna().to_numpy()
    values = column.astype(object).to_numpy()
    return np.array(["" if gone else _text(value) for gone, value in zip(missing, values)], dtype=object)


_FEEDS = {"number": _numbers, "seconds": _seconds, "text": _texts}


def _label_type(classes):
    """Labels that are all whole numbers, or all true and false, were that in the data."""
    if classes and all(label.lstrip("-").isdigit() and str(int(label)) == label for label in classes):
        return int
    if classes and set(classes) <= {"true", "false"}:
        return lambda label: label == "true"
    return None


class Model:
    """A model ready to predict."""

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        known = self._session.get_modelmeta().custom_metadata_map
        self.classes_ = json.loads(known.get("classes", "[]"))
        self._label_type = _label_type(self.classes_)
        if self._label_type:
            self.classes_ = [self._label_type(label) for label in self.classes_]
        self._feeds = json.loads(known["feeds"])
        self._outputs = json.loads(known["outputs"])

    def predict(self, frame, params=None):
        """The prediction of each row, or what `predict_method` in `params` asks for."""
        method = (params or {}).get("predict_method", "predict")
        wanted = {
            "predict": ["prediction"],
            "predict_proba": ["probabilities"],
            "predict_interval": ["interval_low", "interval_high"],
            "predict_set": ["set"],
        }.get(method)
        if wanted is None:
            raise ValueError(f"`{method}` is none of predict, predict_proba, predict_interval and predict_set")
        if not all(name in self._outputs for name in wanted):
            raise ValueError(f"the model has nothing for `{method}`")
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"expected a pandas data frame, found {type(frame).__name__}")
        missing = [name for name in self._feeds if name not in frame.columns]
        if missing:
            raise ValueError(f"the model needs columns {missing}, which the data frame does not have")
        if frame.empty:
            return np.array([])
        feeds = {name: _FEEDS[form](frame[name]).reshape(-1, 1) for name, form in self._feeds.items()}
        made = self._session.run([self._outputs[name] for name in wanted], feeds)
        if method == "predict" and self._label_type:
            return np.array([self._label_type(label) for label in made[0]])
        return made[0] if len(made) == 1 else np.column_stack(made)


def _load_pyfunc(path):
    return Model(path)
