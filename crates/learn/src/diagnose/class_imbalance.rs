//! `class-imbalance`: a class so rare that most metrics look good without it.

use trainyard_core::{Severity, Warning};

use super::{Subject, percent};

/// A rarest class below this share of its fair share (one over the number of classes) is rare.
const RARE: f64 = 0.1;

/// The warning, where the rarest class is below a tenth of its fair share: 5 % of two classes.
pub(super) fn warning(subject: &Subject<'_>) -> Option<Warning> {
    if !subject.task.is_classification() || subject.classes.len() < 2 {
        return None;
    }
    let mut counts = vec![0_usize; subject.classes.len()];
    for value in subject.target.iter().filter(|value| value.is_finite()) {
        *counts.get_mut(*value as usize)? += 1;
    }
    let known: usize = counts.iter().sum();
    let (class, rows) = counts.iter().copied().enumerate().min_by_key(|(_, rows)| *rows)?;
    let share = rows as f64 / known.max(1) as f64;
    if share >= RARE / counts.len() as f64 {
        return None;
    }
    let message = format!(
        "class `{}` of `{}` is {} of the rows ({rows} of {known}): always saying another is right nearly always",
        subject.classes[class],
        subject.name,
        percent(share)
    );
    Some(
        Warning::new("class-imbalance", message)
            .severity(Severity::Medium)
            .help("judge by `average_precision` or `mcc`, not by accuracy; split with `split/stratified`; `weights` can make the class count more")
            .number("share", share)
            .number("rows", rows as f64),
    )
}
