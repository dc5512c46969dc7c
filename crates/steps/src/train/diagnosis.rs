//! What the detectors of [`trainyard_learn::diagnose`] say of a `train` step: what can be told from the columns' names
//! before the run, and of the training rows in it.

use trainyard_core::Problem;
use trainyard_learn::diagnose::{self, Subject, group_column, row_order};

use super::material::Material;

/// Warnings that the names of the features allow, in a split that keeps neither groups nor time apart.
pub(super) fn foresee(features: &[String], has_group_or_time: bool) -> Vec<Problem> {
    let group = features.iter().filter(|_| !has_group_or_time).find(|name| group_column::is_group_name(name));
    group
        .map(|name| {
            let message = format!("`{name}` looks like what rows belong to, and the split may tear its rows apart");
            Problem::warning("possible-group", message)
                .help(format!("use `split/group` with `group: {name}`, which is no feature then"))
        })
        .into_iter()
        .collect()
}

/// Warns of what a look at the features and the target of the training rows `train` tells.
pub(super) fn warn(material: &Material<'_>, name: &str, train: &[usize]) {
    let Material { frame, target, split, context, .. } = material;
    if !target.task.is_supervised() {
        return;
    }
    let rows = diagnose::picked(train);
    let values: Vec<f64> = rows.iter().map(|&row| target.values[row]).collect();
    let picked = frame.take(&rows);
    let subject = Subject { frame: &picked, target: &values, name, task: target.task, classes: &target.classes };
    let mut warnings = diagnose::warnings(&subject);
    let roles = split.roles();
    if roles.group.is_none() && roles.time.is_none() {
        let whole = Subject { frame, target: &target.values, ..subject };
        warnings.extend(row_order::warning(&whole, split.parts()));
    }
    warnings.into_iter().for_each(|warning| context.warn(warning));
}
