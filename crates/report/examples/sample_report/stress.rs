//! More of everything than anybody wants: 500 steps, 200 columns, ten long class names, a tangled DAG.

use std::collections::BTreeMap;

use trainyard_core::{
    Kind,
    evaluation::{Evaluation, Pictures, Task},
    profile::Profile,
    record::{RunRecord, StepStatus},
    schema::ColumnType,
};
use trainyard_report::{Node, Report};

use crate::{
    made_up::{Numbers, importance, metrics, model, number_column, output, step, text_column, warned},
    regression,
};

/// Forty steps in a tangle.
pub(crate) fn dag() -> Vec<Node> {
    let mut numbers = Numbers(11);
    (0..40_usize)
        .map(|position| Node {
            name: if position % 7 == 3 {
                format!("a_step_with_quite_a_long_name_{position}")
            } else {
                format!("step_{position}")
            },
            uses: ["prepare/sql", "train/gradient-boosting", "acquire/file"][position % 3].to_owned(),
            status: [
                Some(StepStatus::Ran),
                Some(StepStatus::Cached),
                Some(StepStatus::Skipped),
                Some(StepStatus::Failed),
                Some(StepStatus::Refused),
            ][position % 5],
            from: (0..position.min(2))
                .map(|_| format!("step_{}", position.saturating_sub(1 + (numbers.uniform() * 6.0) as usize)))
                .collect(),
        })
        .collect()
}

pub(crate) fn html() -> String {
    let mut numbers = Numbers(1);
    let steps = (0..500_usize)
        .map(|position| {
            let name = format!("step_{position}_{}", "x".repeat(position % 60));
            let made = step(&name, "run/noop", &[], position as u64 * 20, numbers.uniform() * 3.0);
            let made = output(made, "table", Kind::Table, Some(1_000), 10_000);
            if position % 9 == 0 {
                warned(
                    made,
                    "<script>alert(1)</script>",
                    &"a very long warning `with` words ".repeat(8),
                    &[("x", 1e12)],
                )
            } else {
                made
            }
        })
        .collect();
    let run = RunRecord { steps, seconds: 40_000.0, pipeline: "stress-".repeat(30), ..regression::run() };
    let classes: Vec<String> =
        (0..10).map(|class| format!("class {class} {}", "of a very long name ".repeat(class))).collect();
    let confusion = |size: usize| -> Vec<Vec<u64>> {
        (0..size)
            .map(|row| (0..size).map(|column| if row == column { 170 } else { (row * column % 7) as u64 }).collect())
            .collect()
    };
    let long = "feature ".repeat(20);
    let mut digits = model(
        "a",
        "forest",
        metrics(&[("accuracy", 0.97, 0.96, 0.98)]),
        Pictures { confusion: confusion(10), ..Pictures::default() },
    );
    digits.importance = importance(&(0..60).map(|_| (long.as_str(), 0.1, 0.3)).collect::<Vec<_>>());
    let many = model(
        "b",
        "knn",
        metrics(&[("accuracy", f64::NAN, f64::NAN, f64::NAN)]),
        Pictures { confusion: confusion(42), roc: vec![[f64::NAN, 0.0]], ..Pictures::default() },
    );
    let evaluation = Evaluation {
        task: Task::Multiclass,
        target: "digit".to_owned(),
        classes,
        part: "test".to_owned(),
        rows: 1_797,
        decided_by: "accuracy".to_owned(),
        best: "a".to_owned(),
        models: BTreeMap::from([("a".to_owned(), digits), ("b".to_owned(), many)]),
        baselines: BTreeMap::new(),
        slices: Vec::new(),
        comparisons: Vec::new(),
        champion: None,
        gates: Vec::new(),
    };
    let columns = (0..200)
        .map(|column| {
            let name = format!("column_{column}_{}", "y".repeat(column % 80));
            if column % 3 == 0 {
                text_column(&name, &[("", 3), (long.as_str(), 2)], 7)
            } else {
                number_column(&name, ColumnType::Float, 1e7, 3e8, 0.0)
            }
        })
        .collect();
    let profile = Profile { rows: 10, duplicate_rows: 1, columns };
    trainyard_report::html(&Report {
        run: &run,
        about: Some(&"About ".repeat(100)),
        evaluations: vec![("judged".to_owned(), &evaluation)],
        studies: Vec::new(),
        profiles: vec![("profiled".to_owned(), &profile)],
        pipeline_text: &"x".repeat(3_000),
        version: "0.1.0",
        releases: Vec::new(),
        trials: Vec::new(),
        generated: "now".to_owned(),
    })
}
