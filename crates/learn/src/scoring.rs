//! From raw columns straight to predictions, in pieces that stay in the cache.

use std::ops::Range;

use crate::{
    Columns, Fitted, FittedModel, Frame, LearnError, Prediction, chunks,
    features::{FeaturePlan, Ready, Refusal},
};

/// Rows whose features are made and looked at together: some 28 features of them fill a quarter of a megabyte.
const BLOCK: usize = 1024;
/// Most rows that a thread takes at a time.
const MOST: usize = 16 * BLOCK;

/// The predictions of `model` for every row of `frame`, of which `plan`, whose preparations `ready` are, makes the
/// features. A row by itself and among others gets the same bits, whatever the number of threads; memory for features
/// does not grow with the rows.
///
/// # Errors
/// As [`FeaturePlan::apply`].
pub fn predict(
    plan: &FeaturePlan,
    ready: &Ready,
    model: &FittedModel,
    frame: &Frame,
) -> Result<Prediction, LearnError> {
    let bound = ready.bind(plan, frame)?;
    let block = |rows: Range<usize>, room: &mut Vec<f64>| {
        let features = bound.features(rows.clone(), room)?;
        let columns = Columns { features: &features, rows: rows.len() };
        match model {
            // The library that runs it may be missing, or may refuse the rows.
            FittedModel::Onnx(model) => model.run(columns).map_err(Refusal::from),
            model => Ok(model.predict_columns(columns)),
        }
    };
    if frame.rows <= BLOCK {
        return block(0..frame.rows, &mut Vec::new()).map_err(|refusal: Refusal| refusal.told(ready));
    }
    prepare(model);
    let blocks = frame.rows.div_ceil(BLOCK);
    let share = blocks.div_ceil(4 * rayon::current_num_threads()) * BLOCK;
    let parts = chunks::map(frame.rows, share.min(MOST), |rows| {
        let mut room = Vec::new();
        let starts = rows.clone().step_by(BLOCK);
        starts.map(|start| block(start..(start + BLOCK).min(rows.end), &mut room)).collect::<Vec<_>>()
    });
    joined(parts.into_iter().flatten()).map_err(|refusal| refusal.told(ready))
}

/// Makes what a model makes once, such as flattened trees, so that its first prediction need not.
pub fn prepare(model: &FittedModel) {
    let _ = model.predict_columns(Columns { features: &[], rows: 0 });
}

/// Predictions of rows after each other as one; the first error, or all features that are missing somewhere.
fn joined(parts: impl Iterator<Item = Result<Prediction, Refusal>>) -> Result<Prediction, Refusal> {
    let mut all: Option<Prediction> = None;
    let mut holed: Vec<usize> = Vec::new();
    for part in parts {
        let part = match part {
            Ok(part) => part,
            Err(Refusal::NotFinite(places)) => {
                holed.extend(places);
                continue;
            }
            Err(told) => return Err(told),
        };
        match (&mut all, part) {
            (None, part) => all = Some(part),
            (Some(Prediction::Values(all)), Prediction::Values(values))
            | (Some(Prediction::Probabilities { values: all, .. }), Prediction::Probabilities { values, .. }) => {
                all.extend(values);
            }
            (Some(Prediction::Clusters { values: all, .. }), Prediction::Clusters { values, .. }) => all.extend(values),
            // A model's predictions are all of one form.
            (Some(_), _) => {}
        }
    }
    holed.sort_unstable();
    holed.dedup();
    if holed.is_empty() { Ok(all.unwrap_or(Prediction::Values(Vec::new()))) } else { Err(Refusal::NotFinite(holed)) }
}

#[cfg(test)]
mod tests;
