//! Folds and two-sample tests against scikit-learn 1.9.1 and SciPy 1.17.1 on the same inputs: `reference.json` is what
//! `bench/reference/split.py` printed.

use serde_json::Value;

use super::super::{
    statistics::{chi_squared, chi_squared_p_value, ks_distance},
    *,
};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

/// Rows out of stretches of them.
fn rows(stretches: &Value) -> Vec<u32> {
    let ends = |stretch: &Value| stretch[0].as_u64().unwrap() as u32..stretch[1].as_u64().unwrap() as u32;
    stretches.as_array().unwrap().iter().flat_map(ends).collect()
}

fn expected(folds: &Value) -> Vec<Fold> {
    let fold = |fold: &Value| Fold { train: rows(&fold[0]), test: rows(&fold[1]) };
    folds.as_array().unwrap().iter().map(fold).collect()
}

fn spec(json: &str) -> FoldSpec {
    serde_json::from_str(json).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

#[test]
fn time_series_folds_are_scikit_learns() {
    for case in reference()["time_series"].as_array().unwrap() {
        let spec = FoldSpec {
            gap: Some(number(&case["gap"])),
            test_size: case["test_size"].as_f64(),
            max_train_size: case["most"].as_u64().map(|most| most as u32),
            ..FoldSpec::time_series(count(&case["k"]) as u32)
        };
        let rows = count(&case["rows"]);
        let found = folds(&spec, &FoldInput { rows, ..FoldInput::default() }).unwrap();
        assert_eq!(found, expected(&case["folds"]), "{case}");
        // Moments that are the row numbers tell the same story; a gap leaves out what is less than that before.
        let times: Vec<f64> = (0..rows).map(|row| row as f64).collect();
        let timed = FoldSpec { gap: Some(number(&case["gap"]) + 1.0), ..spec };
        let found = folds(&timed, &FoldInput { rows, times: Some(&times), ..FoldInput::default() }).unwrap();
        assert_eq!(found, expected(&case["folds"]), "{case}");
    }
}

#[test]
fn folds_that_leave_something_out_are_scikit_learns() {
    let reference = reference();
    let groups: Vec<u32> = (0..60).map(|row| row * 7 % 11 / 2).collect();
    let input = FoldInput { rows: 60, groups: Some(&groups), ..FoldInput::default() };
    let one = folds(&spec(r#"{"leave-groups-out": 1}"#), &input).unwrap();
    assert_eq!(one, expected(&reference["leave_one_group_out"]));
    let two = folds(&spec(r#"{"leave-groups-out": 2}"#), &input).unwrap();
    assert_eq!(two, expected(&reference["leave_two_groups_out"]));
    let predefined: Vec<u32> = (0..60).map(|row| (row * 5 % 7_u32).checked_sub(1).unwrap_or(NO_FOLD)).collect();
    let input = FoldInput { rows: 60, predefined: Some(&predefined), ..FoldInput::default() };
    let found = folds(&spec(r#"{"predefined": "fold"}"#), &input).unwrap();
    assert_eq!(found, expected(&reference["predefined"]));
    let input = FoldInput { rows: 5, ..FoldInput::default() };
    let found = folds(&spec(r#"{"leave-one-out": true}"#), &input).unwrap();
    assert_eq!(found, expected(&reference["leave_one_out"]));
    let input = FoldInput { rows: 60, ..FoldInput::default() };
    let found = folds(&spec(r#"{"purged": 7}"#), &input).unwrap();
    assert_eq!(found, expected(&reference["contiguous"]));
}

/// The largest difference of a class's rows in a fold, and of a fold's rows, from an even share.
fn errors(folds: &[Fold], labels: &[u32]) -> (f64, f64) {
    let k = folds.len() as f64;
    let classes = labels.iter().max().unwrap() + 1;
    let (mut class_error, mut size_error) = (0.0_f64, 0.0_f64);
    for fold in folds {
        size_error = size_error.max((fold.test.len() as f64 - labels.len() as f64 / k).abs());
        for class in 0..classes {
            let own = fold.test.iter().filter(|row| labels[**row as usize] == class).count() as f64;
            let all = labels.iter().filter(|label| **label == class).count() as f64;
            class_error = class_error.max((own - all / k).abs());
        }
    }
    (class_error, size_error)
}

#[test]
fn folds_are_as_even_as_scikit_learns() {
    let reference = reference();
    for (index, case) in reference["stratified"].as_array().unwrap().iter().enumerate() {
        let (classes, among, k) = (count(&case["classes"]), count(&case["count"]), count(&case["k"]));
        let label = |row: usize| if row.is_multiple_of(5) { 0 } else { (row * 7919 % 1009) * classes / 1009 };
        let group = |row: usize| {
            let group = (row * 104_729 % 997) * among / 997;
            if row.is_multiple_of(3) { group / 2 } else { group }
        };
        let rows = count(&case["rows"]);
        let labels: Vec<u32> = (0..rows).map(|row| label(row) as u32).collect();
        let groups: Vec<u32> = (0..rows).map(|row| group(row) as u32).collect();
        let mut best = f64::INFINITY;
        for seed in 0..5 {
            let (class_error, size_error) = errors(&stratified_folds(&labels, k, seed).unwrap(), &labels);
            assert!(class_error <= number(&case["class_error"]) + 1e-9, "{case}: {class_error}");
            assert!(size_error < 1.0, "{case}: {size_error}");
            let (class_error, _) = errors(&stratified_group_folds(&groups, &labels, k, seed).unwrap(), &labels);
            best = best.min(class_error);
            let theirs = number(&reference["group"][index]["size_error"]);
            let (_, size_error) = errors(&group_folds(&groups, k, seed).unwrap(), &labels);
            assert!(size_error <= theirs + 1e-9, "{theirs}: {size_error}");
        }
        // Whole groups by class: the best of five seeds against the best of scikit-learn's five and no shuffling.
        let theirs = number(&reference["stratified_group"][index]["class_error"]);
        println!("{rows} rows in {k} folds: a class is off by {best}, scikit-learn's by {theirs}");
        assert!(best <= theirs + 1e-9, "{theirs}: {best}");
    }
}

#[test]
fn two_sample_statistics_are_scipys() {
    let reference = reference();
    for case in reference["ks"].as_array().unwrap() {
        let scale = count(&case["scale"]);
        let sorted = |values: Vec<usize>| {
            let mut values: Vec<f64> = values.into_iter().map(|value| value as f64).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let left = sorted((0..count(&case["left"])).map(|row| (row * 7919 % 1009) * scale / 1009).collect());
        let right = sorted((0..count(&case["right"])).map(|row| (row * 104_729 % 997 + 60) * scale / 997).collect());
        let found = ks_distance(&left, &right);
        assert!((found - number(&case["statistic"])).abs() <= 1e-12, "{case}: {found}");
    }
    for case in reference["chi_squared"].as_array().unwrap() {
        let counts = |side: &str| case[side].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
        let (left, right): (Vec<u64>, Vec<u64>) = (counts("left"), counts("right"));
        let (statistic, freedom, _) = chi_squared(&left, &right);
        assert!((statistic - number(&case["statistic"])).abs() <= 1e-12, "{case}: {statistic}");
        assert!((chi_squared_p_value(statistic, freedom) - number(&case["p"])).abs() <= 1e-12, "{case}");
    }
}
