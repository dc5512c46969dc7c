//! Runs that did not go well.

use serde_json::json;
use trainyard_core::{
    Kind, Place, Problem,
    record::{ErrorRecord, RunRecord, RunStatus, StepRecord, StepStatus},
};
use trainyard_report::Report;

use crate::{
    made_up::{output, step, with_params},
    regression,
};

fn skipped(mut step: StepRecord, before: &str) -> StepRecord {
    step.status = StepStatus::Skipped;
    step.why = Some(format!("`{before}` failed"));
    step.cost = trainyard_core::record::Cost::default();
    step
}

/// A table that breaks its contract.
pub(crate) fn html() -> String {
    let mut checked = step("checked", "validate/table", &["readings"], 30, 0.052);
    checked.status = StepStatus::Failed;
    checked.why = Some("`columns.PE.between` changed from `[300, 600]` to `[430, 490]`".to_owned());
    let place = |line, column| Some(Place { file: "pipeline.yaml".to_owned(), line, column, length: 7 });
    checked.error = Some(ErrorRecord {
        code: "contract-broken".to_owned(),
        message: "2 of 3 checks of `readings` failed".to_owned(),
        help: Some(
            "mend the data or widen the contract; `invalid: quarantine` keeps such rows apart and goes on".to_owned(),
        ),
        problems: vec![
            Problem {
                place: place(15, 27),
                ..Problem::error(
                    "out-of-range",
                    "`PE` is outside 430 to 490 in 1 624 of 9 568 rows (17 %); smallest 420.26 in row 4 019, largest 495.76 in row 6 381",
                )
            },
            Problem {
                place: place(16, 9),
                help: Some("the nearest column is `RH`".to_owned()),
                ..Problem::error("unknown-column", "no column `rh` in `readings`")
            },
        ],
    });
    let run = RunRecord {
        run: "01JA1P3X9D0F".to_owned(),
        status: RunStatus::Failed,
        seconds: 0.094,
        steps: vec![
            with_params(
                output(step("readings", "acquire/file", &[], 1, 0.028), "table", Kind::Table, Some(9_568), 383_000),
                json!({"path": "data/power_plant.csv"}),
            ),
            checked,
            skipped(step("tidy", "prepare/sql", &["checked"], 0, 0.0), "checked"),
            skipped(step("parts", "split/random", &["tidy"], 0, 0.0), "checked"),
            skipped(step("boosted", "train/gradient-boosting", &["parts"], 0, 0.0), "checked"),
            skipped(step("linear", "train/linear", &["parts"], 0, 0.0), "checked"),
            skipped(step("judged", "evaluate/models", &["parts", "boosted", "linear"], 0, 0.0), "checked"),
            skipped(step("release", "register/model", &["judged"], 0, 0.0), "checked"),
        ],
        ..regression::run()
    };
    trainyard_report::html(&Report {
        run: &run,
        about: Some("Hourly electrical output of a combined cycle power plant from its ambient sensors."),
        evaluations: Vec::new(),
        studies: Vec::new(),
        profiles: Vec::new(),
        pipeline_text: regression::PIPELINE,
        version: "0.1.0",
        releases: Vec::new(),
        trials: Vec::new(),
        generated: "2026-03-01 13:20 UTC".to_owned(),
    })
}

/// A model that is not good enough.
pub(crate) fn refused() -> String {
    let mut evaluation = regression::evaluation();
    evaluation.gates[0].condition = "rmse <= 3.0".to_owned();
    evaluation.gates[0].passed = false;
    evaluation.gates[0].why = "3.05 is more than 3".to_owned();
    let mut run = regression::run();
    run.status = RunStatus::Refused;
    for step in &mut run.steps {
        if step.name == "judged" {
            step.status = StepStatus::Refused;
            step.error = Some(ErrorRecord {
                code: "gate-refused".to_owned(),
                message: "`boosted` does not meet `rmse <= 3.0`: 3.05 is more than 3".to_owned(),
                help: Some("improve the model or move the gate; nothing was registered".to_owned()),
                problems: Vec::new(),
            });
        }
        if step.name == "release" {
            step.status = StepStatus::Skipped;
            step.outputs.clear();
            step.why = Some("`judged` refused".to_owned());
        }
    }
    let profile = regression::profile();
    trainyard_report::html(&Report {
        run: &run,
        about: None,
        evaluations: vec![("judged".to_owned(), &evaluation)],
        studies: Vec::new(),
        profiles: vec![("profiled".to_owned(), &profile)],
        pipeline_text: regression::PIPELINE,
        version: "0.1.0",
        releases: Vec::new(),
        trials: Vec::new(),
        generated: "2026-03-01 13:20 UTC".to_owned(),
    })
}
