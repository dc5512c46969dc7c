//! Every estimator and every feature transform, exported and run by onnxruntime beside the package itself.

use std::sync::{Arc, OnceLock};

use serde_json::{Value as Json, json};
use trainyard_core::{
    Digest,
    evaluation::Task,
    schema::{Column, ColumnType},
};
use trainyard_learn::{
    Estimator, FitContext, FittedModel, Frame, FrameColumn, Matrix, Prediction, Sample, Values,
    boosting::{Forest, GradientBoosting, Loss},
    calibration::{Calibration, Method},
    conformal::{Conformal, ConformalParams},
    ensemble::{EnsembleMember, EnsembleModel},
    features::{FeatureParams, FeaturePlan, Goal, Wants},
    gaussian_mixture::GaussianMixture,
    isolation_forest::IsolationForest,
    k_means::KMeans,
    knn::Knn,
    linear::Linear,
    local_outlier_factor::LocalOutlierFactor,
    logistic::Logistic,
    mlp::Mlp,
    naive_bayes::NaiveBayes,
    onnx::{is_there, look_for},
    svm::Svm,
};

use super::*;
use crate::{Provenance, Signature};

const ROWS: usize = 300;

/// Whether onnxruntime can be asked; said where it cannot.
fn library() -> bool {
    if let Some(library) = trainyard_testkit::onnxruntime() {
        look_for(library);
    }
    let there = is_there();
    if !there {
        println!("skipped: onnxruntime is not here");
    }
    there
}

fn noise(row: usize, salt: usize) -> f64 {
    let mut state =
        (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
    state ^= state >> 31;
    state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

/// Numbers, whole numbers, a flag, texts, moments and sentences, some of each missing.
fn frame() -> Frame {
    let number = |of: &dyn Fn(usize) -> f64| Values::Number((0..ROWS).map(of).collect());
    let text = |levels: &[&str], of: &dyn Fn(usize) -> Option<usize>| Values::Category {
        codes: (0..ROWS).map(|row| of(row).map_or(Values::MISSING, |code| code as u32)).collect(),
        levels: levels.iter().map(|&level| level.to_owned()).collect(),
    };
    let words = ["pump", "leaks", "Oil", "valve", "is hot", "größer", "x", "42", "shut-off", "again, again"];
    let sentences: Vec<String> = (0..ROWS)
        .map(|row| {
            (0..4 + row % 3).map(|at| words[(noise(row, 50 + at) * 10.0) as usize]).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let sentences = Values::Category { codes: (0..ROWS as u32).collect(), levels: sentences };
    let columns = [
        ("area", number(&|row| if row % 17 == 3 { f64::NAN } else { 40.0 + 100.0 * noise(row, 1).powi(2) })),
        ("wear", number(&|row| noise(row, 2) * 4.0 - 2.0)),
        ("size", number(&|row| 0.01 + 5.0 * noise(row, 3))),
        ("rooms", number(&|row| if row % 29 == 1 { f64::NAN } else { (noise(row, 4) * 6.0).floor() })),
        ("flag", number(&|row| f64::from(u8::from(noise(row, 5) > 0.4)))),
        (
            "place",
            text(&["north", "south", "east", "we\"st", "mid dle", "ü"], &|row| {
                (row % 19 != 5).then_some((noise(row, 6) * 6.0) as usize)
            }),
        ),
        (
            "when",
            Values::Moment(
                (0..ROWS)
                    .map(|row| if row % 23 == 7 { f64::NAN } else { (noise(row, 7) * 1.8e9 - 2e8).floor() })
                    .collect(),
            ),
        ),
        ("note", sentences),
    ];
    let columns = columns.into_iter().map(|(name, values)| FrameColumn { name: name.to_owned(), values }).collect();
    Frame { columns, rows: ROWS }
}

fn inputs() -> Vec<Column> {
    let types = [
        ("area", ColumnType::Float),
        ("wear", ColumnType::Float),
        ("size", ColumnType::Float),
        ("rooms", ColumnType::Integer),
        ("flag", ColumnType::Boolean),
        ("place", ColumnType::Text),
        ("when", ColumnType::Timestamp),
        ("note", ColumnType::Text),
    ];
    types.into_iter().map(|(name, column_type)| Column { name: name.to_owned(), column_type }).collect()
}

/// A target of `classes` (0 for a number above 0).
fn target(classes: usize) -> Vec<f64> {
    let frame = frame();
    let numbers = |at: usize| match &frame.columns[at].values {
        Values::Number(values) => values.clone(),
        _ => Vec::new(),
    };
    let (wear, size, flag) = (numbers(1), numbers(2), numbers(4));
    (0..ROWS)
        .map(|row| {
            let score = wear[row] + 0.5 * size[row] + flag[row] + noise(row, 9);
            if classes == 0 {
                400.0 + 10.0 * score
            } else {
                ((score + 2.0) / 7.0 * classes as f64).clamp(0.0, classes as f64 - 1.0).floor()
            }
        })
        .collect()
}

fn package(plan: FeaturePlan, model: FittedModel, task: Task, classes: usize) -> Package {
    Package {
        format: Package::FORMAT,
        estimator: model.estimator().to_owned(),
        target: "y".to_owned(),
        signature: Signature {
            inputs: inputs(),
            task,
            target: "y".to_owned(),
            source: Vec::new(),
            classes: (0..classes).map(|class| format!("class {class}")).collect(),
        },
        preparation: None,
        features: plan,
        resampled: Default::default(),
        tuning: None,
        leaderboard: None,
        training_loss: Vec::new(),
        validation_loss: Vec::new(),
        baselines: Vec::new(),
        provenance: Provenance {
            data: Digest::of(b"data"),
            table: None,
            rows: ROWS as u64,
            params: Json::Null,
            trained_by: "0.1.0".to_owned(),
        },
        calibration: None,
        conformal: None,
        reference: None,
        model: Some(Arc::new(model)),
        encoded: OnceLock::new(),
        compiled: OnceLock::new(),
    }
}

fn plan(params: &Json, wants: Wants, classes: usize) -> (FeaturePlan, Matrix) {
    let params: FeatureParams = serde_json::from_value(params.clone()).unwrap();
    let y = target(classes);
    let goal = Goal { y: &y, classes, seed: 1 };
    FeaturePlan::fit_apply(&params, wants, &frame(), None, Some(&goal)).unwrap_or_else(|error| panic!("{error:?}"))
}

fn fit<E: Estimator>(params: &Json, x: &Matrix, classes: usize, groups: Option<&[u32]>) -> E::Model {
    let params: E::Params = serde_json::from_value(params.clone()).unwrap();
    let y = target(classes);
    let sample = Sample { groups, ..Sample::new(x, &y, classes) };
    E::fit(&params, &sample, None, &FitContext::quiet(3)).unwrap_or_else(|error| panic!("{error}"))
}

fn task_of(classes: usize) -> Task {
    match classes {
        0 => Task::Regression,
        2 => Task::Binary,
        _ => Task::Multiclass,
    }
}

/// Exports, and compares on the training rows and on probes.
fn agrees(name: &str, package: &Package) {
    let exported = export(package).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (rows, frame) in [("rows", frame()), ("one row", frame().take(&[3])), ("probes", probes(package))] {
        let agreement = compare(package, &exported, &frame)
            .unwrap_or_else(|error| panic!("{name}, {rows}: {error} {:?}", error.help));
        assert!(agreement.rows > 0 && agreement.largest < 1e-9, "{name}, {rows}: {agreement:?}");
        assert!(agreement.rows * 2 > frame.rows, "{name}, {rows}: most rows were refused: {agreement:?}");
    }
}

#[test]
fn every_estimator_says_the_same_in_onnxruntime() {
    if !library() {
        return;
    }
    let dense = json!({"exclude": ["note"]});
    let mut done = Vec::new();
    macro_rules! each {
        ($estimator:ty, $wants:expr, $task:expr, [$(($params:tt, $classes:expr)),* $(,)?]) => {
            $({
                let params = json!($params);
                let (plan, x) = plan(&dense, $wants, $classes);
                let model: FittedModel = fit::<$estimator>(&params, &x, $classes, None).into();
                let name = format!("{} {params} {}", model.estimator(), $classes);
                let task: Option<Task> = $task;
                agrees(&name, &package(plan, model, task.unwrap_or(task_of($classes)), $classes));
                done.push(name);
            })*
        };
    }
    each!(GradientBoosting, Wants::Native, None, [
        ({"trees": 30, "leaves": 15}, 0),
        ({"trees": 30, "loss": "absolute"}, 0),
        ({"trees": 30, "loss": "huber"}, 0),
        ({"trees": 30, "loss": "quantile", "quantile": 0.8}, 0),
        ({"trees": 30, "loss": "poisson"}, 0),
        ({"trees": 30, "loss": "tweedie"}, 0),
        ({"trees": 30}, 2),
        ({"trees": 30, "category_smoothing": 0.0, "one_against_rest": 0}, 3),
        ({"trees": 1, "leaves": 2, "min_samples_leaf": 300}, 2),
    ]);
    each!(Forest, Wants::Native, None, [
        ({"trees": 20}, 0),
        ({"trees": 20}, 2),
        ({"trees": 20}, 3),
        ({"trees": 20, "kind": "extra-trees"}, 5),
    ]);
    each!(Linear, Wants::Dense, None, [({}, 0), ({"l1": 3.0}, 0)]);
    each!(Logistic, Wants::Dense, None, [({}, 2), ({}, 4)]);
    each!(Knn, Wants::Dense, None, [
        ({"neighbours": 7}, 0),
        ({"vote": "distance"}, 0),
        ({"vote": "distance", "distance": "manhattan"}, 2),
        ({}, 4),
    ]);
    each!(NaiveBayes, Wants::Dense, None, [
        ({}, 2),
        ({"distribution": "gaussian"}, 3),
        ({"distribution": "bernoulli"}, 3),
    ]);
    each!(Svm, Wants::Dense, None, [
        ({"kernel": "linear"}, 0),
        ({"kernel": "linear"}, 2),
        ({"kernel": "linear"}, 4),
        ({"kernel": "rbf"}, 0),
        ({"kernel": "rbf"}, 2),
        ({"kernel": "rbf"}, 4),
        ({"kernel": "polynomial", "offset": 1.0}, 3),
    ]);
    each!(Mlp, Wants::Dense, None, [
        ({"epochs": 5, "hidden": [7]}, 0),
        ({"epochs": 5, "hidden": [7, 3], "activation": "tanh"}, 2),
        ({"epochs": 5, "hidden": []}, 3),
    ]);
    each!(IsolationForest, Wants::Dense, Some(Task::Anomaly), [({"trees": 40}, 0)]);
    each!(LocalOutlierFactor, Wants::Dense, Some(Task::Anomaly), [({}, 0), ({"distance": "manhattan"}, 0)]);
    each!(KMeans, Wants::Dense, Some(Task::Clustering), [({"clusters": 4}, 0)]);
    each!(GaussianMixture, Wants::Dense, Some(Task::Clustering), [
        ({"clusters": 3, "covariance": "diagonal"}, 0),
        ({"clusters": 2, "regularisation": 0.01}, 0),
    ]);
    // Rankings have groups.
    let groups: Vec<u32> = (0..ROWS as u32).map(|row| row / 10).collect();
    let (plan, x) = plan(&dense, Wants::Native, 3);
    let params = serde_json::from_value(json!({"trees": 20, "loss": "rank"})).unwrap();
    let y = target(3);
    let sample = Sample { groups: Some(&groups), ..Sample::new(&x, &y, 0) };
    let model = GradientBoosting::fit(&params, &sample, None, &FitContext::quiet(3)).unwrap();
    assert_eq!(model.loss, Loss::Rank);
    agrees("ranking", &package(plan, model.into(), Task::Ranking, 0));
    assert_eq!(done.len(), 40);
}

#[test]
fn every_transform_makes_the_same_in_onnxruntime() {
    if !library() {
        return;
    }
    let dense = [
        json!({}),
        json!({"scale": "min-max", "impute": {"number": "mean", "indicator": false}}),
        json!({"scale": "robust", "impute": {"number": "constant", "constant": 7.5}}),
        json!({"scale": "quantile"}),
        json!({"scale": "quantile-normal"}),
        json!({"scale": "yeo-johnson"}),
        json!({"scale": "box-cox", "columns": ["size", "area"]}),
        json!({"scale": "none", "clip": {"quantiles": [0.1, 0.9]}}),
        json!({"clip": {"low": 50.0}, "scale": "standard"}),
        json!({"bins": {"count": 5}}),
        json!({"bins": {"count": 4, "as": "ordinal"}}),
        json!({"encode": "one-hot", "max_levels": 3}),
        json!({"encode": "ordinal"}),
        json!({"encode": "frequency"}),
        json!({"encode": "target"}),
        json!({"encode": "hash", "hash_size": 8}),
        json!({"by_column": {"rooms": {"type": "category"}, "flag": {"type": "category"}}}),
        json!({"by_column": {"rooms": {"encode": "hash", "hash_size": 6}, "wear": {"bins": {"count": 3}}}}),
        json!({"by_column": {"rooms": {"encode": "target"}, "place": {"impute": {"category": "missing-level"}}}}),
        json!({"impute": {"category": "constant", "level": "south"}}),
        json!({"date": {"parts": ["elapsed", "year", "month", "day", "weekday", "hour", "minute", "day-of-year"]}}),
        json!({"date": {"parts": ["month", "day", "weekday", "hour", "minute", "day-of-year"], "cyclic": false}}),
        json!({"impute": {"number": "nearest", "neighbours": 3, "donors": 60}}),
        json!({"interactions": {"columns": ["wear", "size"], "squares": true}}),
        json!({"pca": {"components": 4, "whiten": true}}),
        json!({"pca": {"columns": ["wear", "size"], "components": 1}, "interactions": {"pairs": [["wear", "size"]]}}),
        json!({"select": {"by": "correlation", "count": 5}}),
    ];
    for mut params in dense {
        if params.get("columns").is_none() {
            params["exclude"] = json!(["note"]);
        }
        let name = params.to_string();
        let (plan, x) = plan(&params, Wants::Dense, 3);
        let model = fit::<Logistic>(&json!({}), &x, 3, None);
        agrees(&name, &package(plan, model.into(), Task::Multiclass, 3));
    }
    let native = [
        json!({}),
        json!({"encode": "ordinal"}),
        json!({"encode": "target"}),
        json!({"max_levels": 3, "impute": {"category": "missing-level"}}),
        json!({"clip": {"low": 0.0, "high": 100.0}, "impute": {"indicator": true}}),
        json!({"by_column": {"rooms": {"type": "category"}}}),
        json!({"bins": {"count": 6, "by": "quantile"}}),
        json!({"select": {"by": "importance", "count": 4}}),
    ];
    for mut params in native {
        params["exclude"] = json!(["note"]);
        let name = params.to_string();
        let (plan, x) = plan(&params, Wants::Native, 2);
        let model = fit::<GradientBoosting>(&json!({"trees": 25}), &x, 2, None);
        agrees(&name, &package(plan, model.into(), Task::Binary, 2));
    }
}

#[test]
fn texts_are_counted_the_same_in_onnxruntime() {
    if !library() {
        return;
    }
    let texts = [
        json!({}),
        json!({"weight": "tf-idf", "ngrams": [1, 2]}),
        json!({"weight": "binary", "stop_words": "english", "ngrams": [1, 3]}),
        json!({"weight": "count", "lowercase": false, "stop_words": "english"}),
        json!({"weight": "hash", "hash_size": 16, "ngrams": [1, 2]}),
        json!({"by": "character", "ngrams": [2, 3]}),
        json!({"by": "character", "weight": "hash", "hash_size": 8, "ngrams": [1, 2]}),
        json!({"by": "character-in-word", "ngrams": [2, 4]}),
        json!({"by": "character-in-word", "ngrams": [4, 5], "weight": "tf-idf"}),
    ];
    for text in texts {
        let params = json!({"columns": ["wear", "note"], "by_column": {"note": {"text": text}}});
        let name = params.to_string();
        let (plan, x) = plan(&params, Wants::Dense, 3);
        let model = fit::<Logistic>(&json!({"c": 0.1}), &x, 3, None);
        agrees(&name, &package(plan, model.into(), Task::Multiclass, 3));
    }
    let params = json!({"by_column": {"note": {"text": {"by": "character-in-word", "weight": "hash"}}}});
    let (plan, x) = plan(&params, Wants::Dense, 0);
    let model = fit::<Linear>(&json!({"l2": 1.0}), &x, 0, None);
    let refused = export(&package(plan, model.into(), Task::Regression, 0)).unwrap_err();
    assert_eq!(refused.code, "onnx-cannot-express");
    assert!(refused.message.contains("`note`"), "{refused}");
}

#[test]
fn ensembles_calibrations_and_intervals_are_the_same_in_onnxruntime() {
    if !library() {
        return;
    }
    let dense = json!({"exclude": ["note"]});
    for classes in [0, 2, 3] {
        let y = target(classes);
        let (mut both, native) = plan(&dense, Wants::Native, classes);
        let (beside, x) = plan(&dense, Wants::Dense, classes);
        both.beside.push(beside);
        let trees = fit::<GradientBoosting>(&json!({"trees": 20}), &native, classes, None);
        let other: FittedModel = match classes {
            0 => fit::<Linear>(&json!({"l2": 1.0}), &x, 0, None).into(),
            _ => fit::<Logistic>(&json!({}), &x, classes, None).into(),
        };
        let count = native.features.len();
        let members = vec![
            EnsembleMember { weight: 0.6, first: 0, features: count, model: trees.into() },
            EnsembleMember { weight: 0.4, first: count, features: x.features.len(), model: other },
        ];
        let model = FittedModel::Ensemble(EnsembleModel { members });
        let mut package = package(both, model, task_of(classes), classes);
        agrees("ensemble", &package);
        let methods = if classes == 0 { ["absolute", "normalised"] } else { ["lac", "aps"] };
        for method in methods {
            let said = package.predict_frame(&frame()).unwrap();
            let params: ConformalParams = serde_json::from_value(json!({"level": 0.8, "method": method})).unwrap();
            package.conformal = Some(Conformal::fit(&params, &y, &said).unwrap());
            agrees(method, &package);
            let exported = export(&package).unwrap();
            assert_eq!(exported.outputs.intervals.len(), if classes == 0 { 2 } else { 0 });
            assert_eq!(exported.outputs.set.is_some(), classes > 0);
        }
        if classes > 0 {
            for method in [Method::Isotonic, Method::Platt, Method::Temperature] {
                package.conformal = None;
                package.calibration = None;
                let said: Prediction = package.predict_frame(&frame()).unwrap();
                package.calibration = Some(Calibration::fit(method, &y, &said, None).unwrap());
                agrees(&format!("{method:?}"), &package);
            }
        }
    }
}

#[test]
fn a_model_that_was_changed_is_found_out() {
    if !library() {
        return;
    }
    let (plan, x) = plan(&json!({"exclude": ["note"]}), Wants::Dense, 2);
    let model = fit::<Logistic>(&json!({}), &x, 2, None);
    let mut other = model.clone();
    other.scores[0].intercept += 1e-3;
    let honest = package(plan.clone(), model.into(), Task::Binary, 2);
    let exported = export(&package(plan, other.into(), Task::Binary, 2)).unwrap();
    let error = compare(&honest, &exported, &frame()).unwrap_err();
    assert_eq!(error.code, "onnx-differs", "{error}");
}
