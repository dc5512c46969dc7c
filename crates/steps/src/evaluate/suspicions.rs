//! What an evaluation's own scores say against it, and the scores on training rows that this takes.

use std::{collections::BTreeMap, sync::Arc};

use trainyard_core::{Context, evaluation::Evaluation};
use trainyard_data::split::SplitTable;
use trainyard_learn::{
    diagnose::scores,
    metrics::{self, Scored},
};
use trainyard_model::{Package, Target};

/// Training rows that are predicted: enough for a gap that matters.
const ROWS: usize = 5_000;

/// Warns of what the scores tell.
pub(super) fn warn(
    evaluation: &Evaluation,
    split: &SplitTable,
    models: &[(String, Arc<Package>)],
    context: &Context<'_>,
) {
    let mut training = BTreeMap::new();
    for (name, package) in models {
        training.extend(training_score(evaluation, split, package).map(|score| (name.clone(), score)));
    }
    scores::warnings(evaluation, &training).into_iter().for_each(|warning| context.warn(warning));
}

/// The deciding metric on training rows; none where it cannot be measured, which is no mistake: nobody asked for it.
fn training_score(evaluation: &Evaluation, split: &SplitTable, package: &Package) -> Option<f64> {
    let task = evaluation.task;
    if evaluation.part == "train" || !task.is_supervised() {
        return None;
    }
    let rows = split.rows("train").ok()?;
    let picked: Vec<u32> = match rows.len() {
        few if few <= ROWS => rows,
        many => (0..ROWS).map(|index| rows[index * many / ROWS]).collect(),
    };
    let table = split.table().take(&picked).ok()?;
    let values = Target::under(&table, &evaluation.target, task, &evaluation.classes).ok()?;
    let known: Vec<u32> = (0_u32..).zip(&values).filter(|(_, value)| value.is_finite()).map(|(row, _)| row).collect();
    let table = table.take(&known).ok()?;
    let truth: Vec<f64> = known.iter().map(|&row| values[row as usize]).collect();
    let prediction = package.predict_prepared(&table).ok()?;
    let scored = Scored { truth: &truth, prediction: &prediction, weights: None, groups: None };
    metrics::value(&evaluation.decided_by, task, &scored).ok()
}
