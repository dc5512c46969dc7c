//! The step on a split of its own: what it keeps, and what it refuses.

use super::*;

fn outlines(parts: &[&str]) -> Outlines {
    let schema = Schema::new([("y", trainyard_core::ColumnType::Float)]);
    let parts = parts.iter().map(|part| (*part).to_owned()).collect();
    Outlines::output("data", Outline::Split { schema, target: Some("y".to_owned()), group: None, time: None, parts })
        .with(
            "model",
            "boosted",
            Outline::Model {
                target: "y".to_owned(),
                task: Some(trainyard_core::evaluation::Task::Regression),
                features: vec!["x".to_owned()],
                estimator: "gradient-boosting".to_owned(),
            },
        )
}

fn codes(params: Params, inputs: &Outlines) -> Vec<String> {
    match Model::check(params, inputs, &Setting::default()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_iter().map(|problem| problem.code.to_string()).collect(),
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let all = ["train", "validation", "test"];
    assert!(codes(Params::default(), &outlines(&all)).is_empty());
    assert_eq!(codes(Params::default(), &outlines(&["train", "test"])), ["unknown-part"]);
    let params = Params {
        techniques: Some(Vec::new()),
        metric: Some("accuracy".to_owned()),
        at_most_loss: f64::NAN,
        part: "test".to_owned(),
        level: 1.0,
        samples: 1,
        ..Params::default()
    };
    let found = codes(params, &outlines(&all));
    let expected =
        ["out-of-range", "out-of-range", "out-of-range", "out-of-range", "chosen-on-test", "metric-does-not-fit"];
    assert_eq!(found, expected);
}

#[test]
fn what_comes_out_is_known_before_it_runs() {
    let (_, found) = Model::check(Params::default(), &outlines(&["train", "validation"]), &Setting::default()).unwrap();
    assert!(matches!(found.get("model"), Some(Outline::Model { estimator, .. }) if estimator == "gradient-boosting"));
    let report = found.schema("report").unwrap();
    assert!(report.column("bytes").is_some() && report.column("chosen").is_some());
}
