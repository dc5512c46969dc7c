//! A model's own algorithm and parameters, fitted anew on growing shares of the rows.

use trainyard_core::{Context, Problem, StepError, Warning, evaluation::Task};
use trainyard_data::split::{FoldSpec, SplitTable};
use trainyard_learn::{
    Estimator, Fitted, Prediction,
    metrics::{self, Scored},
};
use trainyard_model::Package;

use super::{
    algorithm::Algorithm,
    forest::Forest,
    gradient_boosting::GradientBoosting,
    knn::Knn,
    linear::Linear,
    logistic::Logistic,
    material::{Material, Rows},
    mlp::Mlp,
    naive_bayes::NaiveBayes,
    prepare::{fit_alone, stop_if_cancelled},
    svm::Svm,
    training::Training,
};

/// What growing shares are judged by.
pub(crate) struct Growth<'a> {
    /// Shares of a fold's training rows, each above 0 and at most 1.
    pub(crate) shares: &'a [f64],
    /// The folds of the rows outside the test part.
    pub(crate) folds: &'a FoldSpec,
    /// The metric; it fits the task.
    pub(crate) metric: &'a str,
    /// Seeds the folds and which rows come first.
    pub(crate) seed: u64,
}

/// What the models of one share score, a value a fold.
#[derive(Debug, Default)]
pub(crate) struct Size {
    /// Rows learned from.
    pub(crate) rows: Vec<f64>,
    /// The metric on those rows.
    pub(crate) seen: Vec<f64>,
    /// The metric on the fold's other rows.
    pub(crate) unseen: Vec<f64>,
}

type Work = fn(&Package, &SplitTable, &Context<'_>, &Growth<'_>) -> Result<Vec<Size>, StepError>;

const fn of<A: Algorithm>() -> (&'static str, Work) {
    (A::Estimator::NAME, grow::<A>)
}

/// The estimators that learn from a target.
const KNOWN: [(&str, Work); 8] = [
    of::<GradientBoosting>(),
    of::<Forest>(),
    of::<Linear>(),
    of::<Logistic>(),
    of::<Knn>(),
    of::<NaiveBayes>(),
    of::<Svm>(),
    of::<Mlp>(),
];

/// Fits the package's algorithm with its parameters anew on each share of each fold's training rows and judges it by
/// those rows and by the fold's others. Sizes come in the order of the shares; one that cannot be fitted in a fold, such
/// as one without all classes, has no value of that fold.
///
/// # Errors
/// `no-refit` for a model of other making; those of the folds.
pub(crate) fn learning_curve(
    package: &Package,
    split: &SplitTable,
    context: &Context<'_>,
    growth: &Growth<'_>,
) -> Result<Vec<Size>, StepError> {
    match KNOWN.iter().find(|(name, _)| *name == package.estimator) {
        Some((_, work)) => work(package, split, context, growth),
        None => Err(no_refit(&package.estimator).into()),
    }
}

/// Whether a model of that estimator can be fitted anew.
///
/// # Errors
/// `no-refit`.
pub(crate) fn check(estimator: &str) -> Result<(), Problem> {
    if KNOWN.iter().any(|(name, _)| *name == estimator) { Ok(()) } else { Err(no_refit(estimator)) }
}

fn no_refit(estimator: &str) -> Problem {
    let message = format!("a model of `{estimator}` cannot be fitted anew on a share of the rows");
    Problem::error("no-refit", message).help("name a model of one algorithm that learns from a target")
}

fn grow<A: Algorithm>(
    package: &Package,
    split: &SplitTable,
    context: &Context<'_>,
    growth: &Growth<'_>,
) -> Result<Vec<Size>, StepError> {
    let told = package.provenance.params.clone();
    let Training { mut common, estimator } =
        serde_json::from_value::<Training<<A::Estimator as Estimator>::Params>>(told).map_err(|error| {
            StepError::new("no-refit", format!("the model's parameters are not those of `{}`: {error}", A::NAME))
        })?;
    common.seed = growth.seed;
    common.task = Some(package.signature.task);
    common.target = Some(package.signature.target.clone());
    let (material, _) = Material::of(&common, split, context, A::UNSUPERVISED)?;
    let folds = material.folds(growth.folds, &material.outside_test()?)?;
    let mut sizes: Vec<Size> = growth.shares.iter().map(|_| Size::default()).collect();
    let total = (folds.len() * sizes.len()) as u64;
    for (index, fold) in folds.iter().enumerate() {
        let order = material.growing(&fold.train, index as u64);
        for (at, (size, share)) in sizes.iter_mut().zip(growth.shares).enumerate() {
            let done = (index * growth.shares.len() + at) as u64;
            context.progress(done, total, &format!("{share} of fold {}", index + 1))?;
            let count = ((order.len() as f64 * share).round() as usize).clamp(1, order.len());
            let mut train = order[..count].to_vec();
            train.sort_unstable();
            let rows = Rows { train, test: fold.test.clone() };
            match score::<A>(&material, &estimator, &rows, growth.metric) {
                Ok([seen, unseen]) => {
                    size.rows.push(count as f64);
                    size.seen.push(seen);
                    size.unseen.push(unseen);
                }
                Err(error) => {
                    stop_if_cancelled(&material)?;
                    let message = format!("{count} rows of fold {}: {error}", index + 1);
                    context.warn(Warning::new("size-left-out", message).number("rows", count as f64));
                }
            }
        }
    }
    Ok(sizes)
}

/// The metric of a model of `rows.train` on those rows and on `rows.test`.
fn score<A: Algorithm>(
    material: &Material<'_>,
    params: &<A::Estimator as Estimator>::Params,
    rows: &Rows,
    metric: &str,
) -> Result<[f64; 2], StepError> {
    let (plan, fitting) = fit_alone::<A>(material, params, &rows.train)?;
    let value = |rows: &[usize]| -> Result<f64, StepError> {
        let x = plan.apply(&material.frame.take(rows))?;
        let prediction: Prediction = fitting.model.predict(&x);
        let (truth, weights) = material.truth(rows);
        let queries = material.groups.as_ref().filter(|_| material.target.task == Task::Ranking);
        let groups: Option<Vec<u32>> = queries.map(|groups| rows.iter().map(|&row| groups[row]).collect());
        let scored =
            Scored { truth: &truth, prediction: &prediction, weights: weights.as_deref(), groups: groups.as_deref() };
        Ok(metrics::value(metric, material.target.task, &scored)?)
    };
    Ok([value(&rows.train)?, value(&rows.test)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_estimator_is_there_once() {
        let mut names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
        assert!(names.iter().all(|name| check(name).is_ok()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KNOWN.len());
        for other in ["ensemble", "k-means", "onnx"] {
            assert_eq!(check(other).unwrap_err().code, "no-refit");
        }
    }
}
