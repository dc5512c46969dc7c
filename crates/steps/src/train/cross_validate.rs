//! Resampling of a `train` step over the rows outside the test part.

use std::collections::BTreeMap;

use trainyard_core::{StepError, Warning, evaluation::Resampled};
use trainyard_learn::{
    Estimator, Fitted, Prediction,
    metrics::{self, Scored},
};

use super::{
    algorithm::Algorithm,
    material::{Material, Rows},
    prepare::fit_alone,
    search::{Earlier, Search, search},
    tune::Tune,
};

/// The share of the training rows that judges the trials of an inner search which is to have no folds.
const INNER_VALIDATION: f64 = 0.2;

/// A fold's rows to judge by, and what a model of its training rows predicts for them.
pub(super) struct OutOfFold {
    pub(super) rows: Vec<usize>,
    pub(super) prediction: Prediction,
}

/// Fits on each fold's training rows and predicts its others; features are fitted anew in each, and with `tune`, the
/// hyperparameters are searched anew.
pub(super) fn out_of_fold<A: Algorithm>(
    material: &Material<'_>,
    params: &<A::Estimator as Estimator>::Params,
    tune: Option<&Tune>,
    folds: &[Rows],
    earlier: &Earlier,
) -> Result<Vec<OutOfFold>, StepError> {
    let mut all = Vec::with_capacity(folds.len());
    for (index, fold) in folds.iter().enumerate() {
        let (done, total) = (index as u64, folds.len() as u64);
        material.context.progress(done, total, &format!("fold {} of {total}", index + 1))?;
        let found;
        let params = match tune {
            None => params,
            Some(tune) => {
                found = inner::<A>(material, params, tune, index, fold, earlier)?;
                &found
            }
        };
        let (plan, fitting) = fit_alone::<A>(material, params, &fold.train)?;
        let matrix = plan.apply(&material.frame.take(&fold.test))?;
        all.push(OutOfFold { rows: fold.test.clone(), prediction: fitting.model.predict(&matrix) });
    }
    Ok(all)
}

/// The folds' predictions one after the other.
pub(super) fn pooled(made: Vec<OutOfFold>) -> Result<OutOfFold, StepError> {
    let mut rows = Vec::new();
    let mut whole: Option<Prediction> = None;
    for fold in made {
        rows.extend(fold.rows);
        match (&mut whole, fold.prediction) {
            (None, prediction) => whole = Some(prediction),
            (Some(Prediction::Values(all)), Prediction::Values(values)) => all.extend(values),
            (Some(Prediction::Probabilities { values: all, .. }), Prediction::Probabilities { values, .. }) => {
                all.extend(values);
            }
            (Some(Prediction::Clusters { values: all, .. }), Prediction::Clusters { values, .. }) => all.extend(values),
            _ => return Err(StepError::new("folds-differ", "the folds' models do not predict the same thing")),
        }
    }
    let prediction = whole.ok_or_else(|| StepError::new("no-rows", "there is no row that a fold is judged by"))?;
    Ok(OutOfFold { rows, prediction })
}

/// The search inside an outer fold: on its training rows alone.
fn inner<A: Algorithm>(
    material: &Material<'_>,
    params: &<A::Estimator as Estimator>::Params,
    tune: &Tune,
    index: usize,
    fold: &Rows,
    earlier: &Earlier,
) -> Result<<A::Estimator as Estimator>::Params, StepError> {
    let has_validation = material.split.part_names().iter().any(|part| part == "validation");
    let folds = match tune.folds(has_validation) {
        // A bootstrap's training rows may repeat, and must not then stand on both sides.
        Some(spec) => material.folds(&spec, &distinct(&fold.train))?,
        None => vec![material.hold_out(&distinct(&fold.train), INNER_VALIDATION)?],
    };
    let space = tune.space::<A>(params).map_err(StepError::problems)?;
    let study = format!("fold {}", index + 1);
    Ok(search::<A>(&Search { material, params, tune, space: &space, study, folds }, earlier)?.params)
}

/// Every row once, in table order.
pub(super) fn distinct(rows: &[usize]) -> Vec<usize> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// Resamples: every metric that fits the task comes back with its mean and deviation over the folds.
pub(super) fn run<A: Algorithm>(
    material: &Material<'_>,
    params: &<A::Estimator as Estimator>::Params,
    tune: Option<&Tune>,
    folds: &[Rows],
    earlier: &Earlier,
) -> Result<BTreeMap<String, Resampled>, StepError> {
    Ok(scores(material, &out_of_fold::<A>(material, params, tune, folds, earlier)?))
}

/// The metrics of the folds' predictions.
pub(super) fn scores(material: &Material<'_>, folds: &[OutOfFold]) -> BTreeMap<String, Resampled> {
    let task = material.target.task;
    let mut scores: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut unmeasured: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for fold in folds {
        let (truth, weights) = material.truth(&fold.rows);
        let scored = Scored { truth: &truth, prediction: &fold.prediction, weights: weights.as_deref(), groups: None };
        for name in metrics::names(Some(task)) {
            match metrics::value(name, task, &scored) {
                Ok(value) => scores.entry(name).or_default().push(value),
                Err(error) => {
                    let entry = unmeasured.entry(name).or_insert((0, error.message));
                    entry.0 += 1;
                }
            }
        }
    }
    // A fold without one of the classes has no such metric; it is left out of the mean, and said.
    for (name, (count, why)) in unmeasured {
        let message = format!("`{name}` of {count} of {} folds: {why}", folds.len());
        material.context.warn(Warning::new("metric-not-measured", message).number("folds", count as f64));
    }
    scores.into_iter().map(|(name, folds)| (name.to_owned(), summary(folds))).collect()
}

fn summary(folds: Vec<f64>) -> Resampled {
    let count = folds.len() as f64;
    let mean = folds.iter().sum::<f64>() / count;
    let squares: f64 = folds.iter().map(|value| (value - mean).powi(2)).sum();
    Resampled { mean, deviation: (squares / (count - 1.0).max(1.0)).sqrt(), folds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_is_the_samples() {
        let resampled = summary(vec![1.0, 2.0, 3.0, 4.0]);
        assert_eq!(resampled.mean, 2.5);
        assert!((resampled.deviation - 1.290_994_448_735_805_6).abs() < 1e-15);
    }
}
