//! Agreement with scikit-learn 1.9.1, SciPy 1.17.1 and pandas 3.1.1 on the inputs of `bench/reference/features.py`, which
//! writes `reference.json`: learned from the first rows, applied to all, with missing values, ties, unseen levels and
//! numbers out of range among them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{power, stages, target_encoding, *};
use crate::{Frame, FrameColumn, Values, reference_data::near};

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "fit rows")]
    fit_rows: usize,
    inputs: Vec<Vec<Value>>,
    cases: Vec<Case>,
    crossed: Vec<Crossed>,
    scores: Scores,
    powers: Vec<Power>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    columns: BTreeMap<String, usize>,
    params: FeatureParams,
    wants: Wants,
    tolerance: f64,
    classes: usize,
    goal: Option<usize>,
    expected: Vec<Vec<Option<f64>>>,
}

#[derive(Deserialize)]
struct Crossed {
    smoothing: Smoothing,
    levels: Vec<Value>,
    y: Vec<f64>,
    folds: Vec<usize>,
    expected: Vec<f64>,
}

#[derive(Deserialize)]
struct Scores {
    columns: BTreeMap<String, Vec<Value>>,
    number: Vec<f64>,
    classes: Vec<f64>,
    variance: Vec<f64>,
    correlation: Vec<f64>,
    #[serde(rename = "correlation of classes")]
    correlation_of_classes: Vec<f64>,
    information: Vec<f64>,
    #[serde(rename = "information of classes")]
    information_of_classes: Vec<f64>,
}

#[derive(Deserialize)]
struct Power {
    method: String,
    values: Vec<f64>,
    lambda: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn numbers(values: &[Value]) -> Vec<f64> {
    values.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

fn values(raw: &[Value]) -> Values {
    if !raw.iter().any(Value::is_string) {
        return Values::Number(numbers(raw));
    }
    let mut levels: Vec<String> = Vec::new();
    let codes = raw
        .iter()
        .map(|value| {
            let Some(text) = value.as_str() else { return Values::MISSING };
            levels.iter().position(|level| level == text).unwrap_or_else(|| {
                levels.push(text.to_owned());
                levels.len() - 1
            }) as u32
        })
        .collect();
    Values::Category { codes, levels }
}

fn frame<'a>(columns: impl Iterator<Item = (&'a String, &'a Vec<Value>)>) -> Frame {
    let columns: Vec<FrameColumn> =
        columns.map(|(name, raw)| FrameColumn { name: name.clone(), values: values(raw) }).collect();
    let rows = columns[0].values.len();
    Frame { columns, rows }
}

#[test]
fn every_transform_gives_the_reference_numbers() {
    let reference = reference();
    let rows: Vec<usize> = (0..reference.fit_rows).collect();
    assert!(reference.cases.len() > 60, "{} cases", reference.cases.len());
    let mut wrong = Vec::new();
    for case in &reference.cases {
        let mut frame = frame(case.columns.iter().map(|(name, &at)| (name, &reference.inputs[at])));
        for column in frame.columns.iter_mut().filter(|column| column.name == "when") {
            let Values::Number(seconds) = &column.values else { panic!("seconds are numbers") };
            column.values = Values::Moment(seconds.clone());
        }
        let y = case.goal.map_or_else(|| vec![0.0; frame.rows], |goal| numbers(&reference.inputs[goal]));
        let goal = Goal { y: &y, classes: case.classes, seed: 7 };
        let (plan, training) = FeaturePlan::fit_apply(&case.params, case.wants, &frame, Some(&rows), Some(&goal))
            .unwrap_or_else(|problems| panic!("{}: {problems:?}", case.name));
        let matrix = plan.apply(&frame).unwrap_or_else(|problem| panic!("{}: {problem:?}", case.name));
        assert_eq!(matrix.features.len(), case.expected.len(), "{}: {:?}", case.name, plan.outputs());
        assert_eq!(training.rows, rows.len());
        for (feature, expected) in matrix.features.iter().zip(&case.expected) {
            for (row, (found, expected)) in feature.values.iter().zip(expected).enumerate() {
                let off = match expected {
                    Some(expected) => (found - expected).abs() / expected.abs().max(1.0),
                    None => f64::from(u8::from(!found.is_nan())),
                };
                if off.is_nan() || off > case.tolerance {
                    let name = &case.name;
                    wrong.push(format!("{name}: row {row} of `{}` is {found}, not {expected:?}", feature.name));
                    break;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn cross_fitted_target_encodings_are_the_reference_numbers() {
    for crossed in reference().crossed {
        let Values::Category { codes, levels } = values(&crossed.levels) else { panic!("levels are texts") };
        let codes: Vec<usize> = codes.iter().map(|&code| (code as usize).min(levels.len())).collect();
        let found = target_encoding::cross_fit(&codes, &crossed.y, levels.len() + 1, crossed.smoothing, &crossed.folds);
        near(&found, &crossed.expected, 1e-12);
    }
}

#[test]
fn features_are_worth_the_reference_numbers() {
    let scores = reference().scores;
    let frame = frame(scores.columns.iter());
    let plan = FeaturePlan::fit(&FeatureParams::default(), Wants::Native, &frame, None).unwrap();
    let matrix = plan.apply(&frame).unwrap();
    // Columns come in the order a, b, c, t, u; the reference has the category last.
    let order = [0, 1, 3, 4, 2];
    let layout: Vec<Layout> = order.iter().map(|&at| plan.layout()[at].clone()).collect();
    let values: Vec<Vec<f64>> = order.iter().map(|&at| matrix.features[at].values.clone()).collect();
    let number = Goal { y: &scores.number, classes: 0, seed: 7 };
    let classes = Goal { y: &scores.classes, classes: 3, seed: 7 };
    let worth = |by, goal: &Goal<'_>| stages::selection::worth(by, &layout, &values, frame.rows, Some(goal)).unwrap();
    near(&worth(SelectBy::Variance, &number)[..4], &scores.variance, 1e-12);
    near(&worth(SelectBy::Correlation, &number), &scores.correlation, 1e-12);
    near(&worth(SelectBy::Correlation, &classes), &scores.correlation_of_classes, 1e-12);
    near(&worth(SelectBy::MutualInformation, &number), &scores.information, 1e-12);
    near(&worth(SelectBy::MutualInformation, &classes), &scores.information_of_classes, 1e-12);
}

#[test]
fn powers_are_the_reference_powers_or_likelier() {
    for Power { method, values, lambda } in reference().powers {
        let loss = if method == "box-cox" { power::box_cox_loss } else { power::yeo_johnson_loss };
        let found = power::fit(&values, loss);
        assert!((found - lambda).abs() <= 1e-5 * lambda.abs().max(1.0), "{found} against {lambda}");
        assert!(loss(&values, found) <= loss(&values, lambda) + 1e-12);
    }
}
