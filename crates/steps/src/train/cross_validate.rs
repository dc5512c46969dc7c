//! k-fold cross-validation of a `train` step over the rows outside the test part.

use std::collections::BTreeMap;

use trainyard_core::{StepError, Warning, evaluation::Resampled};
use trainyard_data::{
    columns,
    split::{self, SplitTable},
};
use trainyard_learn::{
    Estimator,
    metrics::{self, Scored},
};

use super::{
    fit::{self, Algorithm, Material},
    training::Resample,
};

/// Fits on k − 1 folds and scores the one left out, k times; features are fitted anew in each. Every metric that fits
/// the task comes back with its mean and deviation over the folds.
pub(super) fn run<A: Algorithm>(
    material: &Material<'_, <A::Estimator as Estimator>::Params>,
    split: &SplitTable,
    resample: &Resample,
) -> Result<BTreeMap<String, Resampled>, StepError> {
    let target = &material.target;
    let parts: Vec<&String> = split.part_names().iter().filter(|part| *part != "test").collect();
    let mut rows = Vec::new();
    for part in parts {
        rows.extend(fit::known(target, split.rows(part)?));
    }
    rows.sort_unstable();
    let groups = match resample.group.as_deref().or(split.roles().group.as_deref()) {
        Some(column) => Some(columns::codes(split.table(), column)?),
        None => None,
    };
    let folds = resample.k_fold as usize;
    let seed = material.params.common.seed;
    let labels: Option<Vec<u32>> = target.task.is_classification().then(|| fit::class_codes(target, &rows));
    let time = split.roles().time.as_deref().filter(|_| groups.is_none());
    let made = match (time, &groups, &labels) {
        // What comes later must not train what is judged on what came before.
        (Some(column), ..) => {
            let times = columns::numbers(&split.table().column(column)?)?;
            let times: Vec<f64> = rows.iter().map(|&row| times[row]).collect();
            split::time_folds(&times, folds, 0.0)?
        }
        (None, Some(groups), labels) => {
            let groups: Vec<u32> = rows.iter().map(|&row| groups[row]).collect();
            match labels {
                Some(labels) => split::stratified_group_folds(&groups, labels, folds, seed)?,
                None => split::group_folds(&groups, folds, seed)?,
            }
        }
        (None, None, Some(labels)) => split::stratified_folds(labels, folds, seed)?,
        (None, None, None) => split::random_folds(rows.len(), folds, seed)?,
    };
    let names = metrics::names(Some(target.task));
    let mut scores: BTreeMap<String, Vec<f64>> = names.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
    for (index, fold) in made.iter().enumerate() {
        material.context.progress(index as u64, folds as u64, &format!("fold {} of {folds}", index + 1))?;
        let pick = |indices: &[u32]| indices.iter().map(|&index| rows[index as usize]).collect::<Vec<usize>>();
        let (train, test) = (pick(&fold.train), pick(&fold.test));
        let (plan, fitting) = fit::fit_alone::<A>(material, &train, groups.as_deref())?;
        let prediction = fit::predict(&plan, &fitting, &material.frame, &test)?;
        let truth: Vec<f64> = test.iter().map(|&row| target.values[row]).collect();
        let weights: Option<Vec<f64>> =
            material.weights.as_ref().map(|weights| test.iter().map(|&row| weights[row]).collect());
        let scored = Scored { truth: &truth, prediction: &prediction, weights: weights.as_deref(), groups: None };
        for (name, values) in &mut scores {
            // A fold without one of the classes has no such metric; it is left out of the mean, and said.
            match metrics::value(name, target.task, &scored) {
                Ok(value) => values.push(value),
                Err(error) => material.context.warn(Warning::new(
                    "metric-not-measured",
                    format!("`{name}` of fold {}: {}", index + 1, error.message),
                )),
            }
        }
    }
    Ok(scores.into_iter().filter(|(_, folds)| !folds.is_empty()).map(|(name, folds)| (name, summary(folds))).collect())
}

fn summary(folds: Vec<f64>) -> Resampled {
    #[expect(clippy::cast_precision_loss, reason = "there are at most 50 folds")]
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
