//! k-fold cross-validation of a `train` step over the rows outside the test part.

use std::collections::BTreeMap;

use trainyard_core::{StepError, Warning, evaluation::{Resampled, Task}};
use trainyard_data::split::{self, SplitTable};
use trainyard_learn::{Estimator, metrics};

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
    let mut rows: Vec<usize> = parts.iter().flat_map(|part| fit::known(target, split.rows(part))).collect();
    rows.sort_unstable();
    let groups = match resample.group.as_deref().or(split.group()) {
        Some(column) => Some(split::codes(split.table(), column)?),
        None => None,
    };
    let folds = resample.k_fold as usize;
    let seed = material.params.common.seed;
    let assigned: Vec<u32> = match (&groups, target.task) {
        (Some(groups), _) => {
            let groups: Vec<u32> = rows.iter().map(|&row| groups[row]).collect();
            split::group_folds(&groups, folds, seed)?
        }
        (None, Task::Regression) => split::random_folds(rows.len(), folds, seed)?,
        (None, _) => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "class codes are small and known")]
            let classes: Vec<u32> = rows.iter().map(|&row| target.values[row] as u32).collect();
            split::stratified_folds(&classes, folds, seed)?
        }
    };
    let names = metrics::names_for(target.task);
    let mut scores: BTreeMap<String, Vec<f64>> = names.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
    for fold in 0..folds {
        material.context.progress(fold as u64, folds as u64, &format!("fold {} of {folds}", fold + 1))?;
        let pick = |inside: bool| -> Vec<usize> {
            let picked = rows.iter().zip(&assigned).filter(|(_, assigned)| (**assigned as usize == fold) == inside);
            picked.map(|(row, _)| *row).collect()
        };
        let (train, test) = (pick(false), pick(true));
        let (train, watched) = if A::watches_validation(&material.params.estimator) {
            fit::held_out(material, &train, groups.as_deref())?
        } else {
            (train, Vec::new())
        };
        let (plan, fitting) = fit::fit::<A>(material, &train, &watched, seed)?;
        let prediction = fit::predict(&plan, &fitting, &material.frame, &test)?;
        let truth: Vec<f64> = test.iter().map(|&row| target.values[row]).collect();
        let weights: Option<Vec<f64>> =
            material.weights.as_ref().map(|weights| test.iter().map(|&row| weights[row]).collect());
        for (name, values) in &mut scores {
            // A fold without one of the classes has no such metric; it is left out of the mean, and said.
            match metrics::value(name, target.task, &truth, &prediction, weights.as_deref()) {
                Ok(value) => values.push(value),
                Err(error) => material.context.warn(Warning::new(
                    "metric-not-measured",
                    format!("`{name}` of fold {}: {}", fold + 1, error.message),
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
