//! What every transform must do, checked for each over a table with everything that real ones have: a new transform gets
//! one line in [`EVERY`].

use super::*;
use crate::{Frame, FrameColumn, LearnError, Matrix, Values, chunks};

const ROWS: usize = 240;

/// Parameters that use each transform and stage at least once.
pub(crate) const EVERY: &[&str] = &[
    "{}",
    r#"{"impute": {"number": "mean", "category": "most-frequent", "indicator": true}, "scale": "robust"}"#,
    r#"{"impute": {"number": "most-frequent", "category": "missing-level"}, "scale": "min-max", "encode": "one-hot"}"#,
    r#"{"impute": {"number": "constant", "constant": 7, "category": "constant", "level": "red"}, "encode": "ordinal"}"#,
    r#"{"impute": {"number": "nearest", "neighbours": 3, "donors": 50}}"#,
    r#"{"scale": "quantile", "impute": {"number": "median"}, "encode": "frequency"}"#,
    r#"{"scale": "quantile-normal", "impute": {"number": "median"}, "encode": "hash", "hash_size": 16}"#,
    r#"{"scale": "yeo-johnson", "impute": {"number": "median"}, "encode": "target"}"#,
    r#"{"by_column": {"pos*": {"scale": "box-cox"}, "kind": {"encode": "target", "target_encoding": {"smoothing": 5}}}}"#,
    r#"{"bins": {"count": 4}, "clip": {"quantiles": [0.1, 0.9]}, "impute": {"number": "median"}}"#,
    r#"{"bins": {"by": "uniform", "as": "one-hot"}, "clip": {"low": 1, "high": 8}, "impute": {"number": "median"}}"#,
    r#"{"date": {"parts": ["elapsed", "year", "hour", "minute"], "cyclic": true}, "text": {"weight": "count"}}"#,
    r#"{"date": {"cyclic": false}, "text": {"by": "character-in-word", "ngrams": [2, 3], "max_features": 30}}"#,
    r#"{"text": {"weight": "hash", "hash_size": 16, "by": "character"}, "max_levels": 2}"#,
    r#"{"text": {"weight": "binary", "stop_words": "english", "min_df": 0.05, "max_df": 0.5, "norm": "l2"}}"#,
    r#"{"text": {"sublinear": true, "norm": "none", "lowercase": false}}"#,
    r#"{"interactions": {"columns": ["p*", "w?en"], "squares": true, "pairs": [["plain", "holed"]]}}"#,
    r#"{"impute": {"number": "median"}, "exclude": ["when"], "pca": {"share": 0.9}}"#,
    r#"{"impute": {"number": "median"}, "pca": {"components": 2, "columns": ["plain", "positive"], "whiten": true}}"#,
    r#"{"select": {"by": "variance", "count": 5}}"#,
    r#"{"select": {"by": "correlation", "share": 0.5}}"#,
    r#"{"select": {"by": "mutual-information", "threshold": 0.01}}"#,
    r#"{"select": {"by": "importance", "count": 4}}"#,
    r#"{"impute": {"number": "nearest"}, "interactions": {"columns": ["plain", "holed"]}, "encode": "target",
        "pca": {"components": 2, "columns": ["plain", "holed"]}, "select": {"by": "correlation", "count": 6}}"#,
];

fn mixed(row: usize, by: usize) -> f64 {
    ((row * by + row / 7 * 13) % 1009) as f64 / 100.0
}

fn texts(of: impl Fn(usize) -> Option<String>) -> Values {
    let mut levels: Vec<String> = Vec::new();
    let codes = (0..ROWS)
        .map(|row| {
            let Some(text) = of(row) else { return Values::MISSING };
            levels.iter().position(|level| *level == text).unwrap_or_else(|| {
                levels.push(text);
                levels.len() - 1
            }) as u32
        })
        .collect();
    Values::Category { codes, levels }
}

pub(crate) fn table() -> Frame {
    let hole = |row: usize, by: usize, value: f64| if row.is_multiple_of(by) { f64::NAN } else { value };
    let numbers = |of: &dyn Fn(usize) -> f64| Values::Number((0..ROWS).map(of).collect());
    let kinds = ["red", "blue", "green", "white", "black"];
    let words = ["pump", "valve", "The", "is", "hot", "cold", "größer", "2nd", "leaking", "check", "now", "again"];
    let sentence = |row: usize| {
        let word = |at: usize| words[(row * 31 + at * (row % 11 + 1) * 17) % 12];
        (0..3 + row % 6).map(word).collect::<Vec<_>>().join(if row.is_multiple_of(5) { "  " } else { " " })
    };
    let columns = vec![
        ("plain", numbers(&|row| mixed(row, 31) - 5.0)),
        ("positive", numbers(&|row| 0.1 + mixed(row, 211).powi(2))),
        ("holed", numbers(&|row| hole(row, 7, mixed(row, 457)))),
        ("tied", numbers(&|row| hole(row, 17, (row % 4) as f64))),
        ("infinite", numbers(&|row| if row.is_multiple_of(19) { f64::INFINITY } else { mixed(row, 77) })),
        ("constant", numbers(&|_| 3.5)),
        ("empty", numbers(&|_| f64::NAN)),
        ("kind", texts(|row| (row % 13 != 0).then(|| kinds[row * row % 5].to_owned()))),
        // Each row's own level: seen in training by that row alone.
        ("many", texts(|row| Some(format!("unit {}", row / 3)))),
        ("when", Values::Moment((0..ROWS).map(|row| hole(row, 23, 1.5e9 + mixed(row, 97) * 7.3e6)).collect())),
        ("note", texts(|row| (row % 29 != 0).then(|| sentence(row)))),
    ];
    let columns = columns.into_iter().map(|(name, values)| FrameColumn { name: name.to_owned(), values }).collect();
    Frame { columns, rows: ROWS }
}

pub(crate) fn goal(classes: usize) -> Vec<f64> {
    let score = |row: usize| mixed(row, 31) + f64::from(u32::from(row * row % 5 == 1)) * 4.0;
    (0..ROWS)
        .map(|row| if classes == 0 { score(row) } else { (score(row) / 4.0).floor().min(classes as f64 - 1.0) })
        .collect()
}

/// The training rows: every third row is left out.
fn rows() -> Vec<usize> {
    (0..ROWS).filter(|row| row % 3 != 1).collect()
}

type Fitted = Result<(FeaturePlan, Matrix), Vec<LearnError>>;

fn fit(params: &str, wants: Wants, frame: &Frame, y: &[f64], classes: usize, rows: &[usize]) -> Fitted {
    let params: FeatureParams = serde_json::from_str(params).unwrap_or_else(|error| panic!("{params}: {error}"));
    FeaturePlan::fit_apply(&params, wants, frame, Some(rows), Some(&Goal { y, classes, seed: 7 }))
}

/// Calls `check` for every transform, form of features and sort of target.
fn every(check: impl Fn(&str, Wants, usize)) {
    for params in EVERY {
        for wants in [Wants::Native, Wants::Dense] {
            for classes in [0, 2, 3] {
                check(params, wants, classes);
            }
        }
    }
}

fn bits(matrix: &Matrix) -> Vec<(String, Option<u32>, Vec<u64>)> {
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect();
    matrix.features.iter().map(|feature| (feature.name.clone(), feature.levels, bits(&feature.values))).collect()
}

#[test]
fn a_row_alone_and_in_a_batch_are_bit_identical() {
    let frame = table();
    every(|params, wants, classes| {
        let (plan, training) = fit(params, wants, &frame, &goal(classes), classes, &rows()).unwrap();
        let batch = plan.apply(&frame).unwrap_or_else(|error| panic!("{params}: {error}"));
        assert_eq!(plan.outputs(), batch.features.iter().map(|feature| feature.name.clone()).collect::<Vec<_>>());
        assert_eq!(training.features.len(), batch.features.len());
        let whole = bits(&batch);
        for row in (0..ROWS).step_by(11) {
            let mut single = frame.take(&[row]);
            single.columns.reverse();
            for (alone, all) in bits(&plan.apply(&single).unwrap()).iter().zip(&whole) {
                assert_eq!((alone.2[0], &alone.0), (all.2[row], &all.0), "{params}: row {row}");
            }
        }
        if wants == Wants::Dense {
            let finite = |matrix: &Matrix| matrix.features.iter().all(|f| f.values.iter().all(|v| v.is_finite()));
            assert!(finite(&batch) && finite(&training), "{params}");
        }
    });
}

#[test]
fn training_rows_differ_from_applied_ones_only_where_the_target_is_learned_from() {
    let frame = table();
    every(|params, wants, classes| {
        let (plan, training) = fit(params, wants, &frame, &goal(classes), classes, &rows()).unwrap();
        let applied = plan.apply(&frame.take(&rows())).unwrap();
        for ((name, _, own), (_, _, applied)) in bits(&training).into_iter().zip(bits(&applied)) {
            let from_target = params.contains("\"target\"") && (name.contains("(target") || name.starts_with("(comp"));
            assert!(own == applied || from_target, "{params}: {name}");
            assert!(own != applied || !name.contains("(target"), "{params}: {name} gives the row's own target away");
        }
    });
}

#[test]
fn a_plan_survives_being_saved() {
    let frame = table();
    every(|params, wants, classes| {
        let (plan, _) = fit(params, wants, &frame, &goal(classes), classes, &rows()).unwrap();
        let text = serde_json::to_string(&plan).unwrap();
        let back: FeaturePlan = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{params}: {error}"));
        assert_eq!(back, plan);
        assert_eq!(bits(&back.apply(&frame).unwrap()), bits(&plan.apply(&frame).unwrap()));
    });
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let frame = table();
    every(|params, wants, classes| {
        let on = |threads| {
            chunks::on(threads, || {
                let (plan, training) = fit(params, wants, &frame, &goal(classes), classes, &rows()).unwrap();
                (serde_json::to_string(&plan).unwrap(), bits(&training), bits(&plan.apply(&frame).unwrap()))
            })
        };
        let one = on(1);
        assert!(on(2) == one && on(3) == one, "{params}");
    });
}

#[test]
fn nothing_is_learned_from_other_rows() {
    let (frame, rows) = (table(), rows());
    let mut poisoned = frame.clone();
    for column in &mut poisoned.columns {
        let others = (0..ROWS).filter(|row| row % 3 == 1);
        match &mut column.values {
            Values::Number(values) | Values::Moment(values) => {
                others.for_each(|row| values[row] = [-1e12, f64::NAN, f64::INFINITY, 1e300][row % 4]);
            }
            Values::Category { codes, levels } => {
                levels.extend(["poison words poison again", "zzz", ""].map(str::to_owned));
                let added = levels.len() as u32 - 3;
                others.for_each(|row| codes[row] = added + (row % 3) as u32);
            }
        }
    }
    every(|params, wants, classes| {
        let mut y = goal(classes);
        let (plan, training) = fit(params, wants, &frame, &y, classes, &rows).unwrap();
        (0..ROWS).filter(|row| row % 3 == 1).for_each(|row| y[row] = f64::NAN);
        let (other, poisoned) = fit(params, wants, &poisoned, &y, classes, &rows).unwrap();
        assert_eq!(other, plan, "{params}");
        assert_eq!(bits(&poisoned), bits(&training), "{params}");
    });
}

#[test]
fn tables_that_say_little_give_finite_numbers_or_a_problem_with_what_to_do() {
    let frame = table();
    let flat = |value: f64| {
        let mut flat = frame.clone();
        for column in &mut flat.columns {
            match &mut column.values {
                Values::Number(values) | Values::Moment(values) => values.fill(value),
                Values::Category { codes, .. } => codes.fill(if value.is_nan() { Values::MISSING } else { 0 }),
            }
        }
        flat
    };
    let tables = [flat(f64::NAN), flat(f64::INFINITY), flat(f64::MAX), flat(0.0), flat(4.0), frame.clone()];
    let parts = [vec![0], vec![5, 6], rows()];
    every(|params, wants, classes| {
        for table in &tables {
            for rows in &parts {
                match fit(params, wants, table, &goal(classes), classes, rows) {
                    Err(problems) => {
                        let told = |problem: &LearnError| problem.help.is_some();
                        assert!(problems.iter().all(told), "{params}: {problems:?}");
                    }
                    Ok((plan, training)) => {
                        let finite = |m: &Matrix| m.features.iter().all(|f| f.values.iter().all(|v| v.is_finite()));
                        assert!(wants == Wants::Native || finite(&training), "{params}");
                        for table in &tables {
                            match plan.apply(table) {
                                Err(problem) => assert!(problem.help.is_some(), "{params}: {problem:?}"),
                                Ok(matrix) => assert!(wants == Wants::Native || finite(&matrix), "{params}"),
                            }
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn no_row_gives_no_row_and_wrong_types_are_told() {
    let frame = table();
    every(|params, wants, classes| {
        let (plan, _) = fit(params, wants, &frame, &goal(classes), classes, &rows()).unwrap();
        let none = plan.apply(&frame.take(&[])).unwrap();
        assert!(none.rows == 0 && none.features.iter().all(|feature| feature.values.is_empty()), "{params}");
        assert!(plan.apply(&Frame::default()).is_err_and(|error| error.code == "missing-column"));
        let mut swapped = frame.clone();
        for column in &mut swapped.columns {
            column.values = match &column.values {
                Values::Category { .. } => Values::Number(vec![2.0; ROWS]),
                _ => texts(|_| Some("no number".to_owned())),
            };
        }
        match plan.apply(&swapped) {
            Err(error) => assert!(["not-a-number", "not-a-date"].contains(&error.code), "{params}: {error:?}"),
            // Numbers are texts too.
            Ok(_) => assert!(plan.inputs().iter().all(|name| ["kind", "many", "note"].contains(&name.as_str()))),
        }
    });
}
