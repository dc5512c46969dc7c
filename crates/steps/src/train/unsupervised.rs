//! Estimators that learn without a target: a target that the split names is what they are judged by, nothing more.

use trainyard_core::{Problem, evaluation::Task};
use trainyard_data::{DataError, Table};
use trainyard_model::Target;

use super::training::Common;

/// What `common` asks of an estimator that learns without a target for `own`, or, where that is none, with one.
pub(super) fn check(own: Option<Task>, common: &Common) -> Vec<Problem> {
    let mut problems = Vec::new();
    match (own, common.task) {
        (Some(own), Some(task)) if task != own => {
            let message = format!("`task` is {}, but this step is there for {}", task.name(), own.name());
            problems.push(Problem::error("wrong-task", message).help("leave `task` out").at(["task"]));
        }
        (None, Some(task)) if !task.is_supervised() => {
            let (step, other) = match task {
                Task::Anomaly => ("train/isolation-forest", "train/local-outlier-factor"),
                _ => ("train/k-means", "train/gaussian-mixture"),
            };
            let message = format!("`task` is {}, but this step learns from a target", task.name());
            let help = format!("use `{step}` or `{other}`, or another task");
            problems.push(Problem::error("wrong-task", message).help(help).at(["task"]));
        }
        _ => {}
    }
    if own.is_some() {
        let asked = [
            ("resample", common.resample.is_some(), "to score folds by"),
            ("tune", common.tune.is_some(), "to judge trials by"),
            ("class_weights", common.class_weights.is_some(), "whose classes could weigh"),
        ];
        for (field, _, what) in asked.into_iter().filter(|(_, asked, _)| *asked) {
            let message = format!("this step learns without a target, so there is none {what}");
            problems.push(Problem::error("no-target", message).help(format!("leave `{field}` out")).at([field]));
        }
    }
    problems
}

/// A target of which only the class names are known: every row is there to learn from, and no label can leak.
///
/// # Errors
/// `unknown-column`, or `wrong-target` where its values cannot judge the task.
pub(super) fn target(table: &Table, name: Option<&str>, task: Task) -> Result<Target, DataError> {
    let classes = match name {
        Some(name) => Target::of(table, name, Some(task))?.classes,
        None => Vec::new(),
    };
    Ok(Target { task, classes, values: vec![0.0; table.row_count()], guessed: false })
}
