//! Training that goes on from a model that is there already: `from: {data: parts, start: old_model}`.
//!
//! The model knows the rows by its own features and its target by its own classes, so those are kept as they are; new
//! rows only add to what it has learned.

use trainyard_core::{Outline, Outlines, Problem, StepError};
use trainyard_model::{Package, Target, frame};

use super::{material::Material, training::Common};

/// The input that holds the model to go on from.
pub(super) const PORT: &str = "start";

/// What does not go together with a model to go on from, where there is one.
pub(super) fn check(estimator: &str, common: &Common, inputs: &Outlines) -> Vec<Problem> {
    let Some(start) = inputs.get(PORT) else { return Vec::new() };
    let mut problems = Vec::new();
    if let Outline::Model { estimator: found, .. } = start
        && found != estimator
    {
        problems.push(of_another(found, estimator));
    }
    let seen = "its folds would be judged by rows that the model to go on from has learned";
    let has_validation = match inputs.get("data") {
        Some(Outline::Split { parts, .. }) => parts.is_empty() || parts.iter().any(|part| part == "validation"),
        _ => true,
    };
    let asked = [
        ("resample", common.resample.is_some(), seen),
        ("tune", common.tune.is_some(), seen),
        ("features", common.features != Default::default(), "the model to go on from has its features already"),
        ("calibrate", common.calibrate.is_some() && !has_validation, "there is no validation part to calibrate on"),
        ("conformal", common.conformal.is_some() && !has_validation, "there is no validation part to calibrate on"),
    ];
    for (field, _, why) in asked.into_iter().filter(|(_, asked, _)| *asked) {
        let message = format!("`{field}` does not go together with `{PORT}`: {why}");
        problems.push(Problem::error("not-with-start", message).help(format!("leave `{field}` out")).at([field]));
    }
    problems
}

/// Reads the rows as `package` knows them: its columns, its task and its classes.
///
/// # Errors
/// `resume-differs` where the package predicts something else, `unknown-column` where a column of its is missing.
pub(super) fn follow<'a>(material: &mut Material<'a>, name: &str, package: &'a Package) -> Result<(), StepError> {
    let (table, signature) = (material.split.table(), &package.signature);
    if signature.target != name {
        let message = format!("the model to go on from predicts `{}`, not `{name}`", signature.target);
        return Err(StepError::new("resume-differs", message).help("go on from a model of the same target"));
    }
    if let Some(task) = material.common.task.filter(|task| *task != signature.task) {
        let message = format!("the model to go on from is of a {}, not of a {}", signature.task.name(), task.name());
        return Err(StepError::new("resume-differs", message).help("leave `task` out"));
    }
    material.target = Target {
        task: signature.task,
        classes: signature.classes.clone(),
        values: Target::under(table, name, signature.task, &signature.classes)?,
        guessed: false,
    };
    material.frame = frame(table, &package.features.inputs())?;
    material.start = Some(package);
    Ok(())
}

fn of_another(found: &str, estimator: &str) -> Problem {
    Problem::error("resume-differs", format!("the model to go on from is of `{found}`, not of `{estimator}`"))
        .help("go on from a model of the same step")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlines(estimator: &str, parts: &[&str]) -> Outlines {
        let outline = Outline::Model {
            target: "y".to_owned(),
            task: None,
            features: Vec::new(),
            estimator: estimator.to_owned(),
        };
        let split = Outline::Split {
            schema: Default::default(),
            parts: parts.iter().map(|part| (*part).to_owned()).collect(),
            target: Some("y".to_owned()),
            group: None,
            time: None,
        };
        Outlines::default().with("start", "old", outline).with("data", "parts", split)
    }

    #[test]
    fn what_would_judge_seen_rows_is_refused() {
        let common: Common = serde_json::from_str(
            r#"{"resample": {"k-fold": 5}, "tune": {}, "features": {"exclude": ["a"]}, "calibrate": "platt"}"#,
        )
        .unwrap();
        let fields = |inputs: &Outlines| -> Vec<String> {
            check("gradient-boosting", &common, inputs).into_iter().map(|problem| problem.at.join(".")).collect()
        };
        assert_eq!(
            fields(&outlines("gradient-boosting", &["train", "test"])),
            ["resample", "tune", "features", "calibrate"]
        );
        assert_eq!(fields(&outlines("gradient-boosting", &["train", "validation"])), ["resample", "tune", "features"]);
        assert!(fields(&Outlines::default()).is_empty());
        let found = check("gradient-boosting", &Common::default(), &outlines("forest", &[]));
        assert_eq!(found[0].code, "resume-differs");
    }
}
