//! A regression that went well: the power plant.

use std::collections::BTreeMap;

use serde_json::json;
use trainyard_core::{
    Digest, Kind,
    evaluation::{Evaluation, Gate, Pictures, Release, Task},
    profile::Profile,
    record::{RunRecord, RunStatus},
    schema::ColumnType,
};
use trainyard_report::Report;

use crate::made_up::{
    Numbers, cached, importance, metrics, model, number_column, output, resampled, residuals, step, warned, with_params,
};

pub(crate) const PIPELINE: &str = r#"name: power-plant
about: Hourly electrical output of a combined cycle power plant from its ambient sensors.
params:
  seed: 7
steps:
  readings:
    uses: acquire/file
    with: {path: data/power_plant.csv}
  checked:
    uses: validate/table
    from: readings
    with:
      columns:
        AT: {type: float, between: [-20, 50]}
        PE: {type: float, between: [300, 600], nulls: forbid}
      duplicates: drop
      invalid: quarantine            # fail | drop | quarantine: kept apart, counted, never lost
  tidy:
    uses: prepare/sql
    from: checked
    with:
      query: SELECT AT AS ambient_temperature, V AS vacuum, AP AS pressure, RH AS humidity, PE AS output_mw FROM checked
  profiled:
    uses: validate/profile
    from: tidy
  parts:
    uses: split/random
    from: tidy
    with: {target: output_mw, ratio: {train: 0.7, validation: 0.15, test: 0.15}, seed: "${params.seed}"}
  boosted:
    uses: train/gradient-boosting
    from: parts
    with: {resample: {k-fold: 5}}
  linear:
    uses: train/linear
    from: parts
    with: {resample: {k-fold: 5}}
  judged:
    uses: evaluate/models
    from: {data: parts, models: [boosted, linear]}
    with: {metrics: [rmse, mae, r2], best: rmse, gates: ["rmse <= 4.0", "beats baseline"]}
  release:
    uses: register/model
    from: judged
    with: {name: power-plant, alias: champion}
"#;

pub(crate) fn run() -> RunRecord {
    let steps = vec![
        with_params(
            cached(output(step("readings", "acquire/file", &[], 1, 0.0), "table", Kind::Table, Some(9_568), 383_000)),
            json!({"path": "data/power_plant.csv"}),
        ),
        warned(
            cached(output(
                output(
                    step("checked", "validate/table", &["readings"], 3, 0.0),
                    "table",
                    Kind::Table,
                    Some(9_527),
                    381_000,
                ),
                "quarantine",
                Kind::Table,
                Some(0),
                0,
            )),
            "duplicate-rows-dropped",
            "41 of 9 568 rows repeat an earlier row in every column and were dropped",
            &[("duplicates", 41.0), ("rows", 9_568.0)],
        ),
        with_params(
            output(step("tidy", "prepare/sql", &["checked"], 5, 0.031), "table", Kind::Table, Some(9_527), 381_000),
            json!({"query": "SELECT AT AS ambient_temperature, V AS vacuum, AP AS pressure, RH AS humidity, PE AS output_mw FROM checked"}),
        ),
        output(
            step("profiled", "validate/profile", &["tidy"], 38, 0.024),
            "profile",
            Kind::Profile,
            Some(9_527),
            9_400,
        ),
        warned(
            with_params(
                output(step("parts", "split/random", &["tidy"], 38, 0.018), "split", Kind::Split, Some(9_527), 76_000),
                json!({"target": "output_mw", "ratio": {"train": 0.7, "validation": 0.15, "test": 0.15}, "seed": 7}),
            ),
            "feature-differs",
            "`vacuum` differs between train and validation part: KS 0.047, p 0.009",
            &[("ks", 0.0472), ("p", 0.0091)],
        ),
        with_params(
            output(
                step("boosted", "train/gradient-boosting", &["parts"], 57, 1.94),
                "model",
                Kind::Model,
                None,
                1_340_000,
            ),
            json!({"resample": {"k-fold": 5}, "learning_rate": 0.1, "trees": 1000, "leaves": 31}),
        ),
        with_params(
            output(step("linear", "train/linear", &["parts"], 60, 0.142), "model", Kind::Model, None, 5_100),
            json!({"resample": {"k-fold": 5}}),
        ),
        output(
            step("judged", "evaluate/models", &["boosted", "linear", "parts"], 2_001, 0.39),
            "evaluation",
            Kind::Evaluation,
            None,
            48_000,
        ),
        with_params(
            output(step("release", "register/model", &["judged"], 2_393, 0.006), "release", Kind::Release, None, 220),
            json!({"name": "power-plant", "alias": "champion"}),
        ),
    ];
    RunRecord {
        run: "01J9ZK4T7QW3".to_owned(),
        pipeline: "power-plant".to_owned(),
        status: RunStatus::Succeeded,
        started: 1_772_371_199_000,
        seconds: 2.402,
        params: BTreeMap::from([("seed".to_owned(), json!(7))]),
        steps,
    }
}

fn predicted_actual(deviation: f64, seed: u64) -> Vec<[f64; 2]> {
    let mut numbers = Numbers(seed);
    (0..500)
        .map(|_| {
            let actual = 425.0 + 70.0 * numbers.uniform().powf(1.3);
            [actual + deviation * numbers.normal(), actual]
        })
        .collect()
}

pub(crate) fn evaluation() -> Evaluation {
    let losses = |rate: f64, floor: f64| -> Vec<f64> {
        (0..430)
            .map(|tree| {
                floor
                    + 290.0 * (-f64::from(tree) * rate).exp()
                    + f64::from(tree) * if floor > 9.0 { 0.0009 } else { -0.006 }
            })
            .collect()
    };
    let mut boosted = model(
        "boosted",
        "gradient-boosting",
        metrics(&[("rmse", 3.051, 2.934, 3.181), ("mae", 2.204, 2.099, 2.315), ("r2", 0.9681, 0.9652, 0.9706)]),
        Pictures {
            predicted_actual: predicted_actual(3.05, 5),
            residuals: residuals(3.05, 1_435.0),
            training_loss: losses(0.05, 6.0),
            validation_loss: losses(0.05, 9.7),
            ..Pictures::default()
        },
    );
    boosted.resampled = resampled(&[("rmse", 3.208, 0.084), ("mae", 2.291, 0.049), ("r2", 0.9646, 0.0021)]);
    boosted.importance = importance(&[
        ("ambient_temperature", 14.21, 0.31),
        ("vacuum", 3.94, 0.12),
        ("pressure", 0.87, 0.06),
        ("humidity", 0.61, 0.05),
    ]);
    let mut linear = model(
        "linear",
        "linear",
        metrics(&[("rmse", 4.521, 4.382, 4.668), ("mae", 3.611, 3.470, 3.755), ("r2", 0.9299, 0.9251, 0.9342)]),
        Pictures {
            predicted_actual: predicted_actual(4.5, 9),
            residuals: residuals(4.5, 1_435.0),
            ..Pictures::default()
        },
    );
    linear.resampled = resampled(&[("rmse", 4.559, 0.110), ("mae", 3.627, 0.072), ("r2", 0.9286, 0.0034)]);
    linear.importance = importance(&[
        ("ambient_temperature", 20.4, 0.4),
        ("vacuum", 3.1, 0.1),
        ("humidity", 2.6, 0.1),
        ("pressure", -0.02, 0.05),
    ]);
    Evaluation {
        task: Task::Regression,
        target: "output_mw".to_owned(),
        classes: Vec::new(),
        part: "test".to_owned(),
        rows: 1_435,
        decided_by: "rmse".to_owned(),
        best: "boosted".to_owned(),
        models: BTreeMap::from([("boosted".to_owned(), boosted), ("linear".to_owned(), linear)]),
        baselines: BTreeMap::from([
            (
                "mean".to_owned(),
                metrics(&[("rmse", 17.08, 16.6, 17.5), ("mae", 14.8, 14.4, 15.3), ("r2", -0.0004, -0.002, 0.0)]),
            ),
            (
                "median".to_owned(),
                metrics(&[("rmse", 17.31, 16.8, 17.9), ("mae", 14.6, 14.1, 15.1), ("r2", -0.027, -0.05, -0.01)]),
            ),
        ]),
        slices: Vec::new(),
        comparisons: Vec::new(),
        champion: None,
        gates: vec![
            Gate { condition: "rmse <= 4.0".to_owned(), passed: true, why: "3.05 is at most 4".to_owned() },
            Gate {
                condition: "beats baseline".to_owned(),
                passed: true,
                why: "paired bootstrap against `mean`: 13.5 to 14.6 lower, 95 %".to_owned(),
            },
        ],
    }
}

pub(crate) fn profile() -> Profile {
    let column = |name, middle, deviation, skew| number_column(name, ColumnType::Float, middle, deviation, skew);
    Profile {
        rows: 9_527,
        duplicate_rows: 0,
        columns: vec![
            column("ambient_temperature", 19.65, 7.45, -0.08),
            column("vacuum", 54.3, 12.7, 0.12),
            column("pressure", 1_013.3, 5.94, 0.02),
            column("humidity", 73.3, 14.6, -0.15),
            column("output_mw", 454.4, 17.1, 0.11),
        ],
    }
}

pub(crate) fn html() -> String {
    let (run, evaluation, profile) = (run(), evaluation(), profile());
    let release = Release {
        name: "power-plant".to_owned(),
        version: 3,
        alias: Some("champion".to_owned()),
        model: Digest::of(b"boosted"),
    };
    trainyard_report::html(&Report {
        run: &run,
        about: Some("Hourly electrical output of a combined cycle power plant from its ambient sensors."),
        evaluations: vec![("judged".to_owned(), &evaluation)],
        studies: Vec::new(),
        profiles: vec![("profiled".to_owned(), &profile)],
        pipeline_text: PIPELINE,
        version: "0.1.0",
        releases: vec![("release".to_owned(), &release)],
        trials: Vec::new(),
        generated: "2026-03-01 13:20 UTC".to_owned(),
    })
}
