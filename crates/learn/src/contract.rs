//! What every estimator that learns from a target must do, checked for each: a new estimator gets one line in [`every_estimator`]'s macro call.

mod unsupervised;

use schemars::JsonSchema;
use trainyard_core::evaluation::Task;

use crate::{
    Estimator, FitContext, Fitted, Frame, FrameColumn, LearnError, Matrix, Prediction, Sample, Values,
    baseline::Baseline,
    boosting::{Forest, GradientBoosting},
    features::{FeatureParams, FeaturePlan},
    fitted_model::{FittedModel, wants},
    knn::Knn,
    linear::Linear,
    logistic::Logistic,
    metrics::{self, Scored},
    mlp::Mlp,
    naive_bayes::NaiveBayes,
    svm::Svm,
};

const ROWS: usize = 600;

/// Raw columns with everything that real tables have, and a target for the number of classes (0 for a regression).
fn table(classes: usize) -> (Frame, Vec<f64>) {
    let mixed = |row: usize, by: usize| ((row * by + row / 7 * 13) % 1009) as f64 / 100.0;
    let column = |name: &str, values| FrameColumn { name: name.to_owned(), values };
    let first: Vec<f64> = (0..ROWS).map(|row| mixed(row, 31)).collect();
    let second: Vec<f64> = (0..ROWS).map(|row| mixed(row, 457)).collect();
    let kinds: Vec<u32> = (0..ROWS).map(|row| (row * row % 5) as u32).collect();
    let score = |row: usize| first[row] - 0.5 * second[row] + f64::from(kinds[row]) + mixed(row, 77) / 5.0;
    let y = (0..ROWS)
        .map(|row| match classes {
            0 => score(row),
            2 => f64::from(u8::from(score(row) > 5.0)),
            _ => (score(row) / 4.0).clamp(0.0, classes as f64 - 1.0).floor(),
        })
        .collect();
    let hole = |row: usize, by: usize| row.is_multiple_of(by);
    let holed = (0..ROWS).map(|row| if hole(row, 11) { f64::NAN } else { second[row] }).collect();
    let infinite = (0..ROWS)
        .map(|row| match row % 97 {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            _ => mixed(row, 211),
        })
        .collect();
    let levels = ["red", "blue", "green", "white", "black"].map(str::to_owned).to_vec();
    let codes = (0..ROWS).map(|row| if hole(row, 13) { Values::MISSING } else { kinds[row] }).collect();
    let columns = vec![
        column("plain", Values::Number(first)),
        column("holed", Values::Number(holed)),
        column("infinite", Values::Number(infinite)),
        column("constant", Values::Number(vec![3.5; ROWS])),
        column("empty", Values::Number(vec![f64::NAN; ROWS])),
        column("kind", Values::Category { codes, levels }),
    ];
    (Frame { columns, rows: ROWS }, y)
}

fn features<E: Estimator>(frame: &Frame) -> Matrix {
    let wants = wants(E::NAME).expect("every estimator says what it wants");
    FeaturePlan::fit(&FeatureParams::default(), wants, frame, None).unwrap().apply(frame).unwrap()
}

fn params<E: Estimator>(json: &str) -> E::Params {
    serde_json::from_str(json).unwrap()
}

fn fit<E: Estimator>(json: &str, sample: &Sample<'_>, threads: usize) -> Result<E::Model, LearnError> {
    E::fit(&params::<E>(json), sample, None, &FitContext { threads, ..FitContext::quiet(7) })
}

/// Values, probabilities or cluster numbers, in order.
fn numbers(prediction: &Prediction) -> Vec<f64> {
    match prediction {
        Prediction::Values(values) | Prediction::Probabilities { values, .. } => values.clone(),
        Prediction::Clusters { values, .. } => values.iter().map(|&cluster| f64::from(cluster)).collect(),
    }
}

fn bits(prediction: &Prediction) -> Vec<u64> {
    numbers(prediction).iter().map(|value| value.to_bits()).collect()
}

fn task(classes: usize) -> Task {
    match classes {
        0 => Task::Regression,
        2 => Task::Binary,
        _ => Task::Multiclass,
    }
}

fn learns_from_a_real_table_better_than_a_guess<E: Estimator>(json: &str, classes: usize) {
    let (frame, y) = table(classes);
    let x = features::<E>(&frame);
    let model = fit::<E>(json, &Sample { x: &x, y: &y, classes, weights: None, groups: None }, 1).unwrap();
    let prediction = model.predict(&x);
    if let Prediction::Probabilities { classes: found, values } = &prediction {
        assert_eq!(*found, classes);
        for row in values.chunks_exact(classes) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{row:?}");
        }
    }
    let name = if classes == 0 { "rmse" } else { "log_loss" };
    let score = |prediction: &Prediction| {
        metrics::value(name, task(classes), &Scored { truth: &y, prediction, weights: None, groups: None }).unwrap()
    };
    let guess = Baseline::fit(classes, &y, None).unwrap()[0].predict(ROWS);
    assert!(score(&prediction) < 0.8 * score(&guess), "{} against {}", score(&prediction), score(&guess));
}

fn prediction_of_a_subset_is_the_subset_of_the_prediction<E: Estimator>(json: &str, classes: usize) {
    let (frame, y) = table(classes);
    let x = features::<E>(&frame);
    let model = fit::<E>(json, &Sample { x: &x, y: &y, classes, weights: None, groups: None }, 1).unwrap();
    let whole = bits(&model.predict(&x));
    let wide = classes.max(1);
    for rows in [vec![], vec![5], vec![599, 0, 0, 13], (100..400).collect()] {
        let expected: Vec<u64> = rows.iter().flat_map(|&row| whole[row * wide..(row + 1) * wide].to_vec()).collect();
        assert_eq!(bits(&model.predict(&x.take(&rows))), expected);
    }
}

fn any_number_of_threads_gives_the_same_bytes<E: Estimator>(json: &str, classes: usize)
where
    FittedModel: From<E::Model>,
{
    let (frame, y) = table(classes);
    let weights: Vec<f64> = (0..ROWS).map(|row| 0.5 + (row % 4) as f64).collect();
    let x = features::<E>(&frame);
    let bytes = |threads| {
        let sample = Sample { x: &x, y: &y, classes, weights: Some(&weights), groups: None };
        serde_json::to_string(&FittedModel::from(fit::<E>(json, &sample, threads).unwrap())).unwrap()
    };
    let one = bytes(1);
    assert_eq!(bytes(2), one);
    assert_eq!(bytes(3), one);
}

fn a_saved_model_predicts_the_same<E: Estimator>(json: &str, classes: usize)
where
    FittedModel: From<E::Model>,
{
    let (frame, y) = table(classes);
    let x = features::<E>(&frame);
    let model =
        FittedModel::from(fit::<E>(json, &Sample { x: &x, y: &y, classes, weights: None, groups: None }, 1).unwrap());
    let text = serde_json::to_string(&model).unwrap();
    assert!(text.starts_with(&format!("{{\"{}\":", E::NAME)), "stored under its name");
    let back: FittedModel = serde_json::from_str(&text).unwrap();
    assert_eq!(back.estimator(), E::NAME);
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert_eq!(bits(&back.predict(&x)), bits(&model.predict(&x)));
}

fn a_constant_column_changes_nothing_that_matters<E: Estimator>(json: &str, classes: usize) {
    let (frame, y) = table(classes);
    let x = features::<E>(&frame);
    let mut wider = x.clone();
    let flat = crate::Feature { name: "flat".to_owned(), values: vec![2.0; ROWS], levels: None };
    wider.features.push(flat);
    let prediction = |x: &Matrix| {
        let model = fit::<E>(json, &Sample { x, y: &y, classes, weights: None, groups: None }, 1).unwrap();
        numbers(&model.predict(x))
    };
    // A forest draws its columns, so it grows other trees; a perceptron draws a weight for each, and the kernel's width
    // depends on their number. The others must agree.
    let draws = [Forest::NAME, Mlp::NAME, Svm::NAME].contains(&E::NAME);
    let tolerance = if draws { f64::INFINITY } else { 1e-6 };
    for (found, expected) in prediction(&wider).iter().zip(prediction(&x)) {
        assert!(found.is_finite() && (found - expected).abs() <= tolerance, "{found} against {expected}");
    }
}

fn unfit_samples_are_refused<E: Estimator>(json: &str, classes: usize) {
    let (frame, y) = table(classes);
    let x = features::<E>(&frame);
    let code = |y: &[f64], weights: Option<&[f64]>, x: &Matrix| {
        fit::<E>(json, &Sample { x, y, classes, weights, groups: None }, 1)
            .map_or_else(|error| error.code, |_| "fitted")
    };
    assert_eq!(code(&y, None, &x), "fitted");
    assert_eq!(code(&[], None, &x.take(&[])), "no-rows");
    // One row may be enough for a number, never for classes; in no case a panic or a prediction that is no number.
    if let Ok(model) = fit::<E>(json, &Sample::new(&x.take(&[7]), &y[7..8], classes), 1) {
        assert!(classes == 0 && numbers(&model.predict(&x)).iter().all(|value| value.is_finite()));
    }
    assert_ne!(code(&y[1..], None, &x), "fitted");
    assert_ne!(code(&y, Some(&[1.0]), &x), "fitted");
    assert_ne!(code(&y, Some(&[-1.0; ROWS]), &x), "fitted");
    let mut holed = y.clone();
    holed[3] = f64::NAN;
    assert_ne!(code(&holed, None, &x), "fitted");
    if classes > 0 {
        assert_eq!(code(&[1.0; ROWS], None, &x), "single-class");
        holed[3] = classes as f64;
        assert_ne!(code(&holed, None, &x), "fitted");
        holed[3] = 0.5;
        assert_ne!(code(&holed, None, &x), "fitted");
    } else {
        assert_eq!(code(&[1.0; ROWS], None, &x), "fitted", "a constant number can be learned");
    }
}

fn parameters_are_documented_and_checked<E: Estimator>()
where
    E::Params: JsonSchema,
{
    assert!(E::check(&E::Params::default()).is_empty());
    assert!(serde_json::from_str::<E::Params>(r#"{"no such parameter": 1}"#).is_err());
    let defaults = serde_json::to_value(E::Params::default()).unwrap();
    let schema = serde_json::to_value(schemars::schema_for!(E::Params)).unwrap();
    for (name, default) in defaults.as_object().unwrap() {
        let property = &schema["properties"][name];
        assert!(property["description"].is_string(), "`{name}` has no description");
        assert_eq!(property["default"], *default, "`{name}` has no default in the schema");
    }
}

/// One module a pair of estimator and number of classes: its fast parameters, and every test above.
macro_rules! every_estimator {
    ($($module:ident: $estimator:ty, $classes:literal, $params:literal;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn learns() {
                learns_from_a_real_table_better_than_a_guess::<$estimator>($params, $classes);
            }
            #[test]
            fn subset() {
                prediction_of_a_subset_is_the_subset_of_the_prediction::<$estimator>($params, $classes);
            }
            #[test]
            fn threads() {
                any_number_of_threads_gives_the_same_bytes::<$estimator>($params, $classes);
            }
            #[test]
            fn saved() {
                a_saved_model_predicts_the_same::<$estimator>($params, $classes);
            }
            #[test]
            fn constant() {
                a_constant_column_changes_nothing_that_matters::<$estimator>($params, $classes);
            }
            #[test]
            fn unfit() {
                unfit_samples_are_refused::<$estimator>($params, $classes);
            }
            #[test]
            fn parameters() {
                parameters_are_documented_and_checked::<$estimator>();
            }
        }
    )*};
}

every_estimator! {
    linear: Linear, 0, "{}";
    lasso: Linear, 0, r#"{"l1": 20, "l2": 3}"#;
    logistic_lasso: Logistic, 2, r#"{"l1_ratio": 0.9}"#;
    softmax_lasso: Logistic, 3, r#"{"l1_ratio": 0.5}"#;
    neighbours_of_numbers: Knn, 0, r#"{"vote": "distance"}"#;
    neighbours_of_two: Knn, 2, r#"{"distance": "manhattan", "neighbours": 9}"#;
    neighbours_of_three: Knn, 3, r#"{"neighbours": 9}"#;
    bayes_of_two: NaiveBayes, 2, "{}";
    bayes_of_three: NaiveBayes, 3, r#"{"distribution": "gaussian", "variance_smoothing": 0.01}"#;
    machine_of_numbers: Svm, 0, "{}";
    machine_of_two: Svm, 2, r#"{"c": 3}"#;
    machine_of_three: Svm, 3, "{}";
    flat_machine_of_numbers: Svm, 0, r#"{"kernel": "linear", "loss": "hinge"}"#;
    flat_machine_of_three: Svm, 3, r#"{"kernel": "linear"}"#;
    perceptron_of_numbers: Mlp, 0, r#"{"hidden": [16], "epochs": 60}"#;
    perceptron_of_two: Mlp, 2, r#"{"hidden": [16, 8], "activation": "tanh", "epochs": 40, "batch": 50}"#;
    perceptron_of_three: Mlp, 3, r#"{"hidden": [16], "epochs": 60, "batch": 50}"#;
    logistic_of_two: Logistic, 2, "{}";
    logistic_of_three: Logistic, 3, "{}";
    boosted_numbers: GradientBoosting, 0, r#"{"trees": 40}"#;
    boosted_two: GradientBoosting, 2, r#"{"trees": 40, "row_fraction": 0.8}"#;
    boosted_three: GradientBoosting, 3, r#"{"trees": 40}"#;
    boosted_medians: GradientBoosting, 0, r#"{"trees": 60, "learning_rate": 0.1, "loss": "absolute"}"#;
    boosted_robustly: GradientBoosting, 0, r#"{"trees": 60, "learning_rate": 0.1, "loss": "huber", "path_smoothing": 5}"#;
    boosted_quantiles: GradientBoosting, 0, r#"{"trees": 60, "learning_rate": 0.1, "loss": "quantile"}"#;
    boosted_in_order: GradientBoosting, 0, r#"{"trees": 60, "monotone": {"plain": "increasing"}}"#;
    boosted_two_in_order: GradientBoosting, 2, r#"{"trees": 40, "monotone": {"plain": "increasing"}}"#;
    extra_trees_of_numbers: Forest, 0, r#"{"trees": 40, "kind": "extra-trees"}"#;
    extra_trees_of_two: Forest, 2, r#"{"trees": 40, "kind": "extra-trees"}"#;
    extra_trees_of_three: Forest, 3, r#"{"trees": 40, "kind": "extra-trees", "row_fraction": 0.7}"#;
    forest_of_numbers: Forest, 0, r#"{"trees": 40}"#;
    forest_of_two: Forest, 2, r#"{"trees": 40}"#;
    forest_of_three: Forest, 3, r#"{"trees": 40}"#;
}
