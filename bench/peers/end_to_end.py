"""The same work with pandas, scikit-learn, LightGBM and MLflow, as its users write it: load, clean, stratified split,
5-fold cross-validation with preparation inside each fold, final fit, test AUC with a bootstrap interval, registration."""
import json
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
start = time.time()
import lightgbm as lgb
import mlflow
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

frame = pd.read_csv(sys.argv[1], na_values=["?"])
frame = frame[frame["age"].between(0, 120) & (frame["hours"].isna() | frame["hours"].between(0, 168))]
y = (frame.pop("income") == ">50K").astype(int)
train_x, test_x, train_y, test_y = train_test_split(frame, y, test_size=0.2, stratify=y, random_state=7)
texts = frame.select_dtypes(exclude="number").columns.tolist()
encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
model = Pipeline([
    ("prepare", ColumnTransformer([("texts", encode, texts)], remainder="passthrough")),
    ("boost", lgb.LGBMClassifier(n_estimators=100, num_leaves=31, n_jobs=2, verbose=-1, random_state=7)),
])
folds = cross_val_score(model, train_x, train_y, scoring="roc_auc", cv=StratifiedKFold(5, shuffle=True, random_state=7))
model.fit(train_x, train_y)
probability = model.predict_proba(test_x)[:, 1]
auc = roc_auc_score(test_y, probability)
rng, truth = np.random.default_rng(0), test_y.to_numpy()
drawn = [roc_auc_score(truth[pick], probability[pick]) for pick in (rng.integers(0, len(truth), len(truth)) for _ in range(100))]
low, high = np.quantile(drawn, [0.025, 0.975])
store = tempfile.mkdtemp()
mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow.db")
mlflow.set_experiment(experiment_id=mlflow.create_experiment("end-to-end", artifact_location=f"file://{store}"))
with mlflow.start_run():
    mlflow.log_params({"trees": 100, "leaves": 31})
    mlflow.log_metrics({"auc": auc, "cv": folds.mean()})
    mlflow.sklearn.log_model(model, name="model", registered_model_name="end-to-end", serialization_format="cloudpickle")
print(json.dumps({"seconds": time.time() - start, "auc": auc, "low": low, "high": high, "cv": folds.mean()}))
