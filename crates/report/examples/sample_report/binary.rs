//! A binary classification with three models: who earns more.

use std::collections::BTreeMap;

use serde_json::json;
use trainyard_core::{
    Kind,
    evaluation::{Evaluation, Gate, Pictures, Task},
    profile::Profile,
    record::{RunRecord, RunStatus},
    schema::ColumnType,
};
use trainyard_report::Report;

use crate::made_up::{
    importance, metrics, model, number_column, output, resampled, roc, step, text_column, warned, with_params,
};

fn run() -> RunRecord {
    let table = |step, rows| output(step, "table", Kind::Table, Some(rows), rows * 188);
    RunRecord {
        run: "01JA0C8M2E5R".to_owned(),
        pipeline: "adult-income".to_owned(),
        status: RunStatus::Succeeded,
        started: 1_772_457_845_000,
        seconds: 9.73,
        params: BTreeMap::from([
            ("seed".to_owned(), json!(7)),
            ("label".to_owned(), json!("more than 50 000 $")),
            ("columns".to_owned(), json!(["age", "workclass"])),
        ]),
        steps: vec![
            with_params(
                table(step("census", "acquire/file", &[], 1, 0.212), 32_561),
                json!({"path": "data/adult.data.gz", "read": {"header": false, "trim": true, "missing": ["?"]}}),
            ),
            warned(
                table(step("checked", "validate/table", &["census"], 216, 0.107), 32_537),
                "duplicate-rows-dropped",
                "24 of 32 561 rows repeat an earlier row in every column and were dropped",
                &[("duplicates", 24.0), ("rows", 32_561.0)],
            ),
            output(
                step("profiled", "validate/profile", &["checked"], 325, 0.093),
                "profile",
                Kind::Profile,
                None,
                30_000,
            ),
            warned(
                output(
                    step("parts", "split/stratified", &["checked"], 325, 0.061),
                    "split",
                    Kind::Split,
                    Some(32_537),
                    260_000,
                ),
                "class-with-few-rows",
                "`native_country` = `Holand-Netherlands` has 1 row: it can be in one part only",
                &[("rows", 1.0)],
            ),
            output(
                step("boosted", "train/gradient-boosting", &["parts"], 420, 5.61),
                "model",
                Kind::Model,
                None,
                2_900_000,
            ),
            output(step("forest", "train/forest", &["parts"], 423, 4.12), "model", Kind::Model, None, 31_000_000),
            output(step("logistic", "train/logistic", &["parts"], 4_545, 1.83), "model", Kind::Model, None, 18_000),
            output(
                step("judged", "evaluate/models", &["boosted", "forest", "logistic", "parts"], 6_380, 3.31),
                "evaluation",
                Kind::Evaluation,
                None,
                410_000,
            ),
        ],
    }
}

pub(crate) fn html() -> String {
    let run = run();
    let judged = |name: &str, estimator: &str, distance: f64, seed, auc: f64, confusion: [[u64; 2]; 2]| {
        let (roc, precision_recall, _) = roc(distance, seed);
        let calibration = (0..10)
            .map(|bin| {
                let predicted = 0.05 + f64::from(bin) * 0.1;
                [predicted, (predicted + (predicted * 7.0).sin() * 0.035).clamp(0.0, 1.0), 300.0]
            })
            .collect();
        let half = 0.0058;
        let mut model = model(
            name,
            estimator,
            metrics(&[
                ("auc", auc, auc - half, auc + half),
                ("average_precision", auc - 0.1, auc - 0.118, auc - 0.083),
                ("accuracy", auc - 0.053, auc - 0.063, auc - 0.044),
                ("log_loss", 0.28 + (0.93 - auc) * 1.4, 0.268 + (0.93 - auc) * 1.4, 0.293 + (0.93 - auc) * 1.4),
                ("brier", 0.087 + (0.93 - auc) / 2.0, 0.083 + (0.93 - auc) / 2.0, 0.091 + (0.93 - auc) / 2.0),
            ]),
            Pictures {
                roc,
                precision_recall,
                calibration,
                confusion: confusion.map(|row| row.to_vec()).to_vec(),
                training_loss: (0..240).map(|tree| 0.245 + 0.3 * (-f64::from(tree) * 0.03).exp()).collect(),
                validation_loss: (0..240)
                    .map(|tree| 0.274 + 0.28 * (-f64::from(tree) * 0.035).exp() + f64::from(tree) * 2e-5)
                    .collect(),
                ..Pictures::default()
            },
        );
        model.resampled = resampled(&[("auc", auc - 0.001, 0.0024), ("log_loss", 0.281 + (0.93 - auc) * 1.4, 0.004)]);
        model.importance = importance(&[
            ("marital_status", 0.0712, 0.0031),
            ("capital_gain", 0.0498, 0.0024),
            ("education_num", 0.0311, 0.0019),
            ("age", 0.0302, 0.0022),
            ("occupation", 0.0154, 0.0013),
            ("hours_per_week", 0.0117, 0.0012),
            ("capital_loss", 0.0098, 0.0009),
            ("workclass", 0.0021, 0.0006),
            ("sex", 0.0012, 0.0004),
            ("fnlwgt", 0.0006, 0.0005),
            ("native_country", 0.0003, 0.0003),
            ("race", -0.0001, 0.0002),
        ]);
        model
    };
    let evaluation = Evaluation {
        task: Task::Binary,
        target: "income".to_owned(),
        classes: vec!["<=50K".to_owned(), ">50K".to_owned()],
        part: "test".to_owned(),
        rows: 4_881,
        decided_by: "auc".to_owned(),
        best: "boosted".to_owned(),
        models: BTreeMap::from([
            ("boosted".to_owned(), judged("boosted", "gradient-boosting", 2.1, 3, 0.929, [[3_482, 224], [397, 778]])),
            ("forest".to_owned(), judged("forest", "forest", 1.9, 4, 0.914, [[3_431, 275], [438, 737]])),
            ("logistic".to_owned(), judged("logistic", "logistic", 1.8, 5, 0.906, [[3_444, 262], [471, 704]])),
        ]),
        baselines: BTreeMap::from([(
            "prior".to_owned(),
            metrics(&[
                ("auc", 0.5, 0.5, 0.5),
                ("accuracy", 0.7593, 0.747, 0.771),
                ("average_precision", 0.2407, 0.229, 0.253),
                ("log_loss", 0.5521, 0.541, 0.563),
                ("brier", 0.1828, 0.178, 0.188),
            ]),
        )]),
        slices: Vec::new(),
        comparisons: Vec::new(),
        champion: None,
        gates: vec![
            Gate { condition: "auc >= 0.9".to_owned(), passed: true, why: "0.929 is at least 0.9".to_owned() },
            Gate {
                condition: "beats baseline".to_owned(),
                passed: true,
                why: "0.429 above `prior`, interval 0.423 to 0.435".to_owned(),
            },
            Gate { condition: "brier <= 0.1".to_owned(), passed: true, why: "0.0875 is at most 0.1".to_owned() },
        ],
    };
    let integer = |name, middle, deviation, skew| number_column(name, ColumnType::Integer, middle, deviation, skew);
    let mut gain = integer("capital_gain", 0.0, 10.0, 3.0);
    if let Some(number) = &mut gain.number {
        number.zeros = 29_849;
        number.quantiles = [0.0, 0.0, 0.0, 0.0, 0.0, 5_013.0, 15_024.0];
        number.histogram = (0..30)
            .map(|bin| [f64::from(bin), f64::from(bin + 1), if bin == 0 { 31_000.0 } else { 60.0 / f64::from(bin) }])
            .collect();
        (number.min, number.max, number.mean, number.deviation) = (0.0, 99_999.0, 1_077.6, 7_385.3);
    }
    let profile = Profile {
        rows: 32_537,
        duplicate_rows: 0,
        columns: vec![
            integer("age", 38.6, 13.6, 0.2),
            text_column(
                "workclass",
                &[
                    ("Private", 22_673),
                    ("Self-emp-not-inc", 2_540),
                    ("Local-gov", 2_093),
                    ("State-gov", 1_298),
                    ("Self-emp-inc", 1_116),
                    ("Federal-gov", 960),
                ],
                1_836,
            ),
            integer("fnlwgt", 189_780.0, 105_556.0, 0.2),
            text_column(
                "education",
                &[
                    ("HS-grad", 10_494),
                    ("Some-college", 7_282),
                    ("Bachelors", 5_353),
                    ("Masters", 1_722),
                    ("Assoc-voc", 1_382),
                ],
                0,
            ),
            text_column(
                "marital_status",
                &[("Married-civ-spouse", 14_970), ("Never-married", 10_667), ("Divorced", 4_441)],
                0,
            ),
            text_column(
                "occupation",
                &[
                    ("Prof-specialty", 4_136),
                    ("Craft-repair", 4_094),
                    ("Exec-managerial", 4_065),
                    ("Adm-clerical", 3_768),
                ],
                1_843,
            ),
            text_column("sex", &[("Male", 21_775), ("Female", 10_762)], 0),
            gain,
            integer("hours_per_week", 40.4, 12.3, 0.02),
            text_column("native_country", &[("United-States", 29_153), ("Mexico", 639), ("Philippines", 198)], 582),
            text_column("income", &[("<=50K", 24_698), (">50K", 7_839)], 0),
        ],
    };
    trainyard_report::html(&Report {
        run: &run,
        about: Some("Which people of the 1994 census earn more than 50 000 dollars a year."),
        evaluations: vec![("judged".to_owned(), &evaluation)],
        studies: Vec::new(),
        profiles: vec![("profiled".to_owned(), &profile)],
        pipeline_text: crate::regression::PIPELINE,
        version: "0.1.0",
        releases: Vec::new(),
        trials: Vec::new(),
        generated: "2026-03-02 13:24 UTC".to_owned(),
    })
}
