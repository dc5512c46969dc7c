//! Feature plans: what is fitted, and that it is applied row by row.

use std::collections::BTreeMap;

use super::*;
use crate::{Feature, Frame, FrameColumn, Matrix, Values};

fn number(name: &str, values: &[f64]) -> FrameColumn {
    FrameColumn { name: name.to_owned(), values: Values::Number(values.to_vec()) }
}

fn category(name: &str, texts: &[&str]) -> FrameColumn {
    let mut levels: Vec<String> = Vec::new();
    let codes = texts
        .iter()
        .map(|text| {
            if text.is_empty() {
                return Values::MISSING;
            }
            let place = levels.iter().position(|level| level == text).unwrap_or_else(|| {
                levels.push((*text).to_owned());
                levels.len() - 1
            });
            place as u32
        })
        .collect();
    FrameColumn { name: name.to_owned(), values: Values::Category { codes, levels } }
}

fn frame(columns: Vec<FrameColumn>) -> Frame {
    let rows = columns[0].values.len();
    Frame { columns, rows }
}

fn sensors() -> Frame {
    frame(vec![
        number("speed", &[1.0, f64::NAN, 3.0, 8.0]),
        category("colour", &["red", "blue", "", "red"]),
        number("flat", &[5.0; 4]),
    ])
}

fn fit(params: &FeatureParams, wants: Wants, frame: &Frame) -> FeaturePlan {
    FeaturePlan::fit(params, wants, frame, None).unwrap()
}

fn bits(matrix: &Matrix) -> Vec<Vec<u64>> {
    matrix.features.iter().map(|feature| feature.values.iter().map(|value| value.to_bits()).collect()).collect()
}

#[test]
fn native_keeps_numbers_and_codes_categories_by_text() {
    let plan = fit(&FeatureParams::default(), Wants::Native, &sensors());
    assert_eq!(plan.outputs(), ["speed", "colour", "flat"]);
    let matrix = plan.apply(&sensors()).unwrap();
    assert!(matrix.features[0].values[1].is_nan());
    assert_eq!(matrix.features[0].values[3], 8.0);
    assert_eq!(matrix.features[1].levels, Some(2));
    assert_eq!(matrix.features[1].values[0], 1.0);
    assert_eq!(matrix.features[1].values[1], 0.0);
    assert!(matrix.features[1].values[2].is_nan());
}

#[test]
fn dense_fills_indicates_scales_and_drops_constants() {
    let plan = fit(&FeatureParams::default(), Wants::Dense, &sensors());
    assert_eq!(plan.outputs(), ["speed", "speed=(missing)", "colour=blue", "colour=red"]);
    let matrix = plan.apply(&sensors()).unwrap();
    // median 3 fills; mean 3.75, population deviation of [1, 3, 3, 8]
    let deviation = (6.6875_f64).sqrt();
    let expected = [-2.75, -0.75, -0.75, 4.25].map(|value| value / deviation);
    for (value, expected) in matrix.features[0].values.iter().zip(expected) {
        assert!((value - expected).abs() < 1e-12);
    }
    assert_eq!(matrix.features[1].values, [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(matrix.features[2].values, [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(matrix.features[3].values, [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(plan.inputs(), ["speed", "colour"]);
}

#[test]
fn infinity_counts_as_missing_where_numbers_are_filled() {
    let train = frame(vec![number("x", &[1.0, 2.0, 3.0, f64::INFINITY])]);
    let matrix = fit(&FeatureParams::default(), Wants::Dense, &train).apply(&train).unwrap();
    assert!(matrix.features.iter().all(|feature| feature.values.iter().all(|value| value.is_finite())));
    assert_eq!(matrix.features[1].values, [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn a_row_alone_and_in_a_batch_are_bit_identical_in_any_column_order() {
    for wants in [Wants::Native, Wants::Dense] {
        let plan = fit(&FeatureParams::default(), wants, &sensors());
        let batch = plan.apply(&sensors()).unwrap();
        for row in 0..4 {
            let mut single = sensors().take(&[row]);
            single.columns.reverse();
            assert_eq!(bits(&plan.apply(&single).unwrap()), bits(&batch.take(&[row])));
        }
    }
}

#[test]
fn only_the_named_rows_are_learned_from() {
    let plan = FeaturePlan::fit(&FeatureParams::default(), Wants::Dense, &sensors(), Some(&[0, 2, 3])).unwrap();
    let same = fit(&FeatureParams::default(), Wants::Dense, &sensors().take(&[0, 2, 3]));
    assert_eq!(plan, same);
    assert_eq!(plan.outputs(), ["speed", "colour=red"]);
}

#[test]
fn rare_levels_share_other_and_unseen_levels_join_them() {
    let texts: Vec<&str> = (0..301).map(|row| if row < 2 { "rare" } else { ["b", "a"][row % 2] }).collect();
    let train = frame(vec![category("c", &texts)]);
    let plan = fit(&FeatureParams::default(), Wants::Dense, &train);
    assert_eq!(plan.outputs(), ["c=a", "c=b", "c=(other)"]);
    let rows = frame(vec![category("c", &["rare", "never seen", "b", ""])]);
    let matrix = plan.apply(&rows).unwrap();
    assert_eq!(matrix.features[2].values, [1.0, 1.0, 0.0, 0.0]);
    assert_eq!(matrix.features[1].values, [0.0, 0.0, 1.0, 0.0]);

    let native = fit(&FeatureParams { max_levels: Some(1), ..Default::default() }, Wants::Native, &train);
    let matrix = native.apply(&rows).unwrap();
    assert_eq!(matrix.features[0].levels, Some(2));
    assert_eq!(matrix.features[0].values[..3], [1.0, 1.0, 0.0], "`b` is the most frequent level");
}

#[test]
fn unseen_levels_are_missing_where_nothing_was_grouped() {
    let train = frame(vec![category("c", &["a", "b", "a", "b"])]);
    let rows = frame(vec![category("c", &["z", "a"])]);
    let native = fit(&FeatureParams::default(), Wants::Native, &train).apply(&rows).unwrap();
    assert!(native.features[0].values[0].is_nan());
    let dense = fit(&FeatureParams::default(), Wants::Dense, &train).apply(&rows).unwrap();
    assert_eq!(dense.features.iter().map(|feature| feature.values[0]).collect::<Vec<_>>(), [0.0, 0.0]);
}

#[test]
fn missing_categories_are_filled_as_asked() {
    let with = |category| FeatureParams {
        impute: Impute { category: Some(category), ..Default::default() },
        ..Default::default()
    };
    let most = fit(&with(CategoryImpute::MostFrequent), Wants::Native, &sensors());
    assert_eq!(most.apply(&sensors()).unwrap().features[1].values, [1.0, 0.0, 1.0, 1.0]);
    let level = fit(&with(CategoryImpute::MissingLevel), Wants::Dense, &sensors());
    assert_eq!(level.outputs()[2..], ["colour=blue", "colour=red", "colour=(missing)"]);
    assert_eq!(level.apply(&sensors()).unwrap().features[4].values, [0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn numbers_meet_learned_levels_by_text_and_texts_meet_learned_numbers() {
    let params = FeatureParams {
        by_column: BTreeMap::from([(
            "place".to_owned(),
            ColumnFeature { kind: Some(ColumnKind::Category), ..Default::default() },
        )]),
        ..Default::default()
    };
    let train = frame(vec![number("place", &[132.0, 7.0, 132.0, 0.5])]);
    let plan = fit(&params, Wants::Native, &train);
    assert_eq!(plan.columns[0].transform.code_names(), ["0.5", "132", "7"]);
    let texts = plan.apply(&frame(vec![category("place", &["7", "132", ""])])).unwrap();
    assert_eq!(texts.features[0].values[..2], [2.0, 1.0]);
    assert!(texts.features[0].values[2].is_nan());
    let numbers = plan.apply(&train).unwrap();
    assert_eq!(numbers.features[0].values, [1.0, 2.0, 1.0, 0.0]);

    let written = frame(vec![category("code", &["03", "04"])]);
    let matrix =
        fit(&FeatureParams::default(), Wants::Native, &written).apply(&frame(vec![number("code", &[4.0])])).unwrap();
    assert_eq!(matrix.features[0].values, [1.0]);

    let speed = fit(&FeatureParams::default(), Wants::Native, &sensors());
    let mut rows = sensors();
    rows.columns[0] = category("speed", &["1.5", "", "x", "2"]);
    let error = speed.apply(&rows).unwrap_err();
    assert_eq!((error.code, error.message.as_str()), ("not-a-number", "column `speed` must hold numbers, found `x`"));
    rows.columns[0] = category("speed", &["1.5", "", " 3 ", "2"]);
    assert_eq!(speed.apply(&rows).unwrap().features[0].values[2], 3.0);
}

#[test]
fn scales_and_fills_by_column() {
    let params = FeatureParams {
        scale: Some(Scale::MinMax),
        by_column: BTreeMap::from([(
            "speed".to_owned(),
            ColumnFeature {
                impute: ColumnImpute {
                    number: Some(NumberImpute::Constant),
                    constant: Some(-2.0),
                    indicator: Some(false),
                    ..Default::default()
                },
                ..Default::default()
            },
        )]),
        ..Default::default()
    };
    let matrix = fit(&params, Wants::Dense, &sensors()).apply(&sensors()).unwrap();
    assert_eq!(
        matrix.features[0],
        Feature { name: "speed".to_owned(), values: vec![0.3, 0.0, 0.5, 1.0], levels: None }
    );
    let robust = FeatureParams { scale: Some(Scale::Robust), ..Default::default() };
    let train = frame(vec![number("x", &[1.0, 2.0, 3.0, 4.0, 5.0])]);
    assert_eq!(
        fit(&robust, Wants::Dense, &train).apply(&train).unwrap().features[0].values,
        [-1.0, -0.5, 0.0, 0.5, 1.0]
    );
}

#[test]
fn every_problem_is_told_at_once() {
    let params = FeatureParams {
        columns: Some(vec!["sped".to_owned(), "colour".to_owned(), "colour".to_owned()]),
        exclude: vec!["nothing like it".to_owned()],
        max_levels: Some(0),
        min_share: Some(f64::NAN),
        ..Default::default()
    };
    let problems = FeaturePlan::fit(&params, Wants::Native, &sensors(), None).unwrap_err();
    let codes: Vec<_> = problems.iter().map(|problem| (problem.code, problem.field.unwrap())).collect();
    assert_eq!(
        codes,
        [
            ("out-of-range", "max_levels"),
            ("out-of-range", "min_share"),
            ("unknown-column", "columns"),
            ("unknown-column", "exclude"),
            ("duplicate-column", "columns"),
        ]
    );
    assert_eq!(problems[2].help.as_deref(), Some("did you mean `speed`?"));
}

#[test]
fn nothing_to_learn_from_is_told() {
    let flat = frame(vec![number("flat", &[5.0; 4]), number("empty", &[f64::NAN; 4]), category("one", &["a"; 4])]);
    let problems = FeaturePlan::fit(&FeatureParams::default(), Wants::Dense, &flat, None).unwrap_err();
    assert_eq!(problems[0].code, "no-features");
    let problems = FeaturePlan::fit(&FeatureParams::default(), Wants::Dense, &sensors(), Some(&[])).unwrap_err();
    assert_eq!(problems[0].code, "no-rows");
    let all =
        FeatureParams { exclude: sensors().columns.iter().map(|c| c.name.clone()).collect(), ..Default::default() };
    assert_eq!(FeaturePlan::fit(&all, Wants::Native, &sensors(), None).unwrap_err()[0].code, "no-features");
}

#[test]
fn missing_columns_are_named_together() {
    let plan = fit(&FeatureParams::default(), Wants::Native, &sensors());
    let error = plan.apply(&frame(vec![number("sped", &[1.0]), number("flat", &[5.0])])).unwrap_err();
    assert_eq!(error.message, "the model needs columns `speed`, `colour`, which the rows do not have");
    assert_eq!(error.help.as_deref(), Some("the rows do have `sped` for `speed`"));
    let uneven = Frame { columns: sensors().columns, rows: 7 };
    assert_eq!(plan.apply(&uneven).unwrap_err().code, "lengths-differ");
}

#[test]
fn a_plan_survives_being_saved() {
    for wants in [Wants::Native, Wants::Dense] {
        let plan = fit(&FeatureParams::default(), wants, &sensors());
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<FeaturePlan>(&text).unwrap(), plan);
    }
}

#[test]
fn parameters_read_as_documented() {
    let params: FeatureParams = serde_json::from_str(
        r#"{"exclude": ["id"], "impute": {"number": "mean", "category": "missing-level"}, "encode": "one-hot",
            "by_column": {"place": {"type": "category", "max_levels": 20}}}"#,
    )
    .unwrap();
    assert_eq!(params.encode, Encode::OneHot);
    assert_eq!(params.by_column["place"].max_levels, Some(20));
    assert!(serde_json::from_str::<FeatureParams>(r#"{"imput": {}}"#).is_err());
    let schema = serde_json::to_value(schemars::schema_for!(FeatureParams)).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    assert!(properties.values().all(|property| property["description"].is_string()), "{properties:#?}");
}

#[test]
fn plans_side_by_side_give_their_features_one_after_the_other() {
    let native = fit(&FeatureParams::default(), Wants::Native, &sensors());
    let dense = fit(&FeatureParams::default(), Wants::Dense, &sensors());
    let both = FeaturePlan { beside: vec![dense.clone()], ..native.clone() };
    let (first, second) = (native.apply(&sensors()).unwrap(), dense.apply(&sensors()).unwrap());
    let matrix = both.apply(&sensors()).unwrap();
    assert_eq!(bits(&matrix), [bits(&first), bits(&second)].concat());
    assert_eq!(both.outputs(), [native.outputs(), dense.outputs()].concat());
    assert_eq!(both.inputs(), native.inputs(), "each raw column is asked for once");
    let text = serde_json::to_string(&both).unwrap();
    assert_eq!(serde_json::from_str::<FeaturePlan>(&text).unwrap(), both);
    assert!(!serde_json::to_string(&native).unwrap().contains("beside"), "older packages look as they did");
}
