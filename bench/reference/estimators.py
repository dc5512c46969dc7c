"""Reference numbers for trainyard-learn's estimators, from scikit-learn.

Run:  python estimators.py PATH_OF_SHARED_DATA
The numbers printed are pasted in the tests of crates/learn/src: linear, logistic, knn, local_outlier_factor,
naive_bayes, k_means, gaussian_mixture, isolation_forest, svm, mlp.
"""

import gzip
import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn.calibration import _sigmoid_calibration
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

warnings.simplefilter("ignore")
print("numpy", np.__version__, "scikit-learn", sklearn.__version__)

# The small data set of the tests: 12 rows, 3 features, written out there too.
X = np.array([
    [1.0, 2.5, -0.3], [0.5, 1.1, 0.8], [2.2, -0.7, 1.5], [3.1, 0.4, -1.2], [-1.4, 2.0, 0.1], [0.3, -1.6, 0.9],
    [1.8, 1.3, -0.6], [-0.9, 0.2, 1.7], [2.7, -1.1, 0.4], [-2.0, 0.9, -0.8], [0.1, 3.0, 0.5], [1.2, -0.5, -1.9],
])
y = np.array([4.1, 1.9, 3.6, 7.2, -0.8, -1.5, 5.9, -2.4, 4.4, -3.1, 3.3, 2.6])
w = np.array([1.0, 2.0, 0.5, 1.0, 3.0, 1.0, 0.0, 1.5, 1.0, 2.0, 1.0, 0.5])
binary = np.array([1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1])
three = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 1, 0, 0])
Q = np.array([[0.4, 0.6, 0.1], [2.0, 0.0, -1.0], [-1.0, 1.5, 0.5], [8.0, -6.0, 3.0]])  # rows to predict
counts = np.abs(np.round(X * 2)).astype(int)


def show(name, *values):
    print(f"{name}:", *(json.dumps(np.asarray(value).tolist()) for value in values))


root = sys.argv[1]
plant = np.loadtxt(f"{root}/power_plant/power_plant.csv", delimiter=",", skiprows=1)
Xp, yp = StandardScaler().fit_transform(plant[:, :4]), plant[:, 4]
above = (yp > 454.365).astype(int)
with gzip.open(f"{root}/digits/digits.csv.gz", "rt") as file:
    digits = np.loadtxt(file, delimiter=",")
Xd, yd = digits[:, :64] / 16.0, digits[:, 64].astype(int)
test = np.arange(len(Xd)) % 5 == 0

tight = {"tol": 1e-14, "max_iter": 1000000}
for name, model, Xs, ys, ws in [
    ("lasso 0.3", Lasso(alpha=0.3, **tight), X, y, None),
    ("elastic net 0.5, 0.4", ElasticNet(alpha=0.5, l1_ratio=0.4, **tight), X, y, None),
    ("elastic net weighted", ElasticNet(alpha=0.5, l1_ratio=0.4, **tight), X, y, w),
    ("elastic net without intercept", ElasticNet(alpha=0.5, l1_ratio=0.4, fit_intercept=False, **tight), X, y, None),
    ("power_plant lasso 0.5", Lasso(alpha=0.5, **tight), Xp, yp, None),
]:
    model.fit(Xs, ys, sample_weight=ws)
    show(name, model.coef_, model.intercept_)

saga = {"solver": "saga", "tol": 1e-12, "max_iter": 1000000, "random_state": 0}
for name, model, ys, ws in [
    ("logistic lasso", LogisticRegression(l1_ratio=1.0, **saga), binary, None),
    ("logistic elastic net c 2 weighted", LogisticRegression(C=2.0, l1_ratio=0.5, **saga), binary, w),
    ("softmax elastic net", LogisticRegression(C=2.0, l1_ratio=0.5, **saga), three, None),
]:
    model.fit(X, ys, sample_weight=ws)
    show(name, model.coef_, model.intercept_)
model = LogisticRegression(C=0.01, l1_ratio=1.0, **saga).fit(Xp, above)
show("power_plant logistic lasso 0.01", model.coef_, model.intercept_)

show("knn 3 distance two", KNeighborsClassifier(3, weights="distance").fit(X, binary).predict_proba(Q))
show("knn 4 uniform manhattan three", KNeighborsClassifier(4, metric="manhattan").fit(X, three).predict_proba(Q))
show("knn 3 distance numbers", KNeighborsRegressor(3, weights="distance").fit(X, y).predict(np.vstack([Q, X[:1]])))
part = np.arange(len(Xp)) % 5 == 0
predicted = KNeighborsRegressor(5).fit(Xp[~part], yp[~part]).predict(Xp[part])
show("power_plant knn 5", predicted[:5], np.sqrt(np.mean((predicted - yp[part]) ** 2)))
show("lof 4", -LocalOutlierFactor(4, novelty=True).fit(X).score_samples(Q))
show("lof 3 manhattan", -LocalOutlierFactor(3, metric="manhattan", novelty=True).fit(X).score_samples(Q))

show("gaussian nb two", GaussianNB().fit(X, binary).predict_proba(Q[:3]))
show("gaussian nb weighted three", GaussianNB().fit(X, three, sample_weight=w).predict_proba(Q[:3]))
show("bernoulli nb three", BernoulliNB().fit(X, three).predict_proba(Q[:3]))
show("multinomial nb weighted two", MultinomialNB(alpha=0.5).fit(counts, binary, sample_weight=w).predict_proba(counts[:3]))

starts = Xp[[0, 2000, 4000, 6000, 8000]]
model = KMeans(5, init=starts, n_init=1, tol=0.0, max_iter=1000, algorithm="lloyd").fit(Xp)
show("power_plant k-means", model.inertia_, model.n_iter_, np.bincount(model.labels_), model.cluster_centers_[0])
weights = 0.5 + (np.arange(len(Xp)) % 4)
model = KMeans(5, init=starts, n_init=1, tol=0.0, max_iter=1000).fit(Xp, sample_weight=weights)
show("power_plant k-means weighted", model.inertia_, model.cluster_centers_[0])
show("power_plant k-means best of 10", KMeans(5, n_init=10, random_state=0).fit(Xp).inertia_)

for covariance, precisions in [("full", np.stack([np.eye(4)] * 3)), ("diag", np.ones((3, 4)))]:
    model = GaussianMixture(3, covariance_type=covariance, weights_init=np.ones(3) / 3, means_init=starts[:3],
                            precisions_init=precisions, tol=1e-9, max_iter=1000).fit(Xp)
    show(f"power_plant mixture {covariance}", model.lower_bound_, model.weights_, model.means_[0],
         model.predict_proba(Xp[:2]))

forest = IsolationForest(n_estimators=4, random_state=0).fit(X)
trees = []
for estimator in forest.estimators_:
    tree = estimator.tree_
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):
        if tree.children_left[node] >= 0:
            depth[tree.children_left[node]] = depth[tree.children_right[node]] = depth[node] + 1
    leaf = tree.children_left < 0
    values = np.where(leaf, depth + _average_path_length(tree.n_node_samples), tree.threshold)
    trees.append({"features": np.where(leaf, 0, tree.feature).tolist(), "values": values.tolist(),
                  "rights": np.where(leaf, 0, tree.children_right).tolist()})
print("isolation forest:", json.dumps({"rows": 12, "trees": trees}))
show("isolation forest scores", -forest.score_samples(Q))
with gzip.open(f"{root}/shuttle/shuttle.csv.gz", "rt") as file:
    shuttle = np.loadtxt(file, delimiter=",", skiprows=1)
Xs, ys = shuttle[:, :-1], shuttle[:, -1]
found = []
for seed in range(10):
    score = -IsolationForest(random_state=seed).fit(Xs).score_samples(Xs)
    found.append([average_precision_score(ys, score), roc_auc_score(ys, score)])
show("shuttle isolation forest (average precision, ROC AUC): mean, least, most", np.mean(found, axis=0),
     np.min(found, axis=0), np.max(found, axis=0))

exact = {"tol": 1e-9}
show("svc rbf two", SVC(C=2.0, gamma=0.5, **exact).fit(X, binary).decision_function(Q))
show("svc rbf weighted two", SVC(C=2.0, gamma=0.5, **exact).fit(X, binary, sample_weight=w).decision_function(Q))
model = SVC(kernel="poly", C=1.0, gamma=0.5, degree=2, coef0=1.0, decision_function_shape="ovo", **exact)
show("svc polynomial three", -model.fit(X, three).decision_function(Q))
z = (y - y.mean()) / y.std()
show("svr rbf", SVR(C=2.0, gamma=0.5, epsilon=0.1, **exact).fit(X, z).predict(Q) * y.std() + y.mean())
linear = {"tol": 1e-10, "max_iter": 10000000}
model = LinearSVC(C=0.5, loss="squared_hinge", **linear).fit(X, binary)
show("linear svc squared hinge", model.coef_[0], model.intercept_)
model = LinearSVC(C=0.5, loss="hinge", **linear).fit(X, three)
show("linear svc hinge three", model.coef_, model.intercept_)
model = LinearSVR(C=0.5, epsilon=0.1, loss="epsilon_insensitive", **linear).fit(X, z)
show("linear svr", model.predict(Q) * y.std() + y.mean())
model = LinearSVR(C=0.5, epsilon=0.1, loss="squared_epsilon_insensitive", dual=True, **linear).fit(X, z)
show("linear svr squared", model.predict(Q) * y.std() + y.mean())
decisions = np.array([-2.0, -1.5, -0.3, 0.2, 0.1, 0.4, 1.1, -0.6, 2.5, 0.9])
show("sigmoid", _sigmoid_calibration(decisions, np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 0])))


def started(model, ys, outputs):
    """A network with the tests' first weights: sin(1), sin(2), ... times 0.5, layer by layer, weights then biases."""
    model.set_params(max_iter=1).fit(X, ys)
    at = 0
    for place, (rows, columns) in enumerate([(3, 4), (4, outputs)]):
        model.coefs_[place] = 0.5 * np.sin(np.arange(at + 1, at + 1 + rows * columns)).reshape(rows, columns)
        at += rows * columns
        model.intercepts_[place] = 0.5 * np.sin(np.arange(at + 1, at + 1 + columns))
        at += columns
    return model.set_params(warm_start=True, max_iter=30, tol=0.0).fit(X, ys)


shared = {"hidden_layer_sizes": (4,), "alpha": 0.1, "learning_rate_init": 0.05, "shuffle": False, "batch_size": 12,
          "n_iter_no_change": 1000}
model = started(MLPClassifier(activation="relu", **shared), binary, 1)
show("mlp relu two", model.predict_proba(Q[:3]), model.loss_)
model = started(MLPClassifier(activation="tanh", **shared), three, 3)
show("mlp tanh three", model.predict_proba(Q[:3]), model.loss_)
model = started(MLPRegressor(activation="tanh", **shared), z, 1)
show("mlp tanh numbers", model.predict(Q[:3]) * y.std() + y.mean(), model.loss_)

for name, model in [
    ("knn", KNeighborsClassifier()), ("svc", SVC()), ("linear svc", LinearSVC()), ("gaussian nb", GaussianNB()),
    ("mlp", MLPClassifier(random_state=0)),
]:
    show(f"digits {name} accuracy", model.fit(Xd[~test], yd[~test]).score(Xd[test], yd[test]))
