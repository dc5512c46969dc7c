//! The algorithms that `train/auto` chooses among.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use trainyard_core::{StepError, evaluation::Task};
use trainyard_learn::{
    Estimator,
    boosting::{ForestKind, ForestParams},
    features::FeaturePlan,
    svm,
};

use crate::train::{
    algorithm::{Algorithm, Fitting},
    cross_validate::{OutOfFold, out_of_fold},
    forest::Forest,
    gradient_boosting::GradientBoosting,
    knn::Knn,
    linear::Linear,
    logistic::Logistic,
    material::{Material, Rows},
    mlp::Mlp,
    naive_bayes::NaiveBayes,
    prepare::fit_alone,
    search::{Earlier, Found, Search, restored, search},
    svm::Svm,
    tune::Tune,
};

/// Most training rows for which neighbours and perceptrons are tried unasked.
const SOME_ROWS: usize = 20_000;
/// Most training rows for which support vectors are tried unasked: their time grows with the square of the rows.
const FEW_ROWS: usize = 5_000;

/// An algorithm to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Member {
    /// As `train/gradient-boosting`.
    GradientBoosting,
    /// As `train/forest`.
    Forest,
    /// As `train/forest` of `kind: extra-trees`.
    ExtraTrees,
    /// As `train/linear`; for numbers.
    Linear,
    /// As `train/logistic`; for classes.
    Logistic,
    /// As `train/knn`.
    Knn,
    /// As `train/mlp`.
    Mlp,
    /// As `train/svm`.
    Svm,
    /// As `train/naive-bayes`; for classes.
    NaiveBayes,
}

impl Member {
    /// All, the most promising first.
    pub const ALL: [Self; 9] = [
        Self::GradientBoosting,
        Self::Forest,
        Self::ExtraTrees,
        Self::Linear,
        Self::Logistic,
        Self::Knn,
        Self::Mlp,
        Self::Svm,
        Self::NaiveBayes,
    ];

    /// Its name in a pipeline file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GradientBoosting => "gradient-boosting",
            Self::Forest => "forest",
            Self::ExtraTrees => "extra-trees",
            Self::Linear => "linear",
            Self::Logistic => "logistic",
            Self::Knn => "knn",
            Self::Mlp => "mlp",
            Self::Svm => "svm",
            Self::NaiveBayes => "naive-bayes",
        }
    }

    /// Whether it can do a task.
    #[must_use]
    pub const fn fits(self, task: Task) -> bool {
        match self {
            Self::Linear => matches!(task, Task::Regression),
            Self::Logistic | Self::NaiveBayes => task.is_classification(),
            _ => matches!(task, Task::Regression) || task.is_classification(),
        }
    }

    /// Those tried where none is named: for so many training rows.
    #[must_use]
    pub fn usual(task: Task, rows: usize) -> Vec<Self> {
        let quick = |member: &Self| match member {
            Self::Knn | Self::Mlp => rows <= SOME_ROWS,
            Self::Svm => rows <= FEW_ROWS,
            Self::NaiveBayes => false,
            _ => true,
        };
        Self::ALL.into_iter().filter(|member| member.fits(task)).filter(quick).collect()
    }

    /// The algorithm with the parameters of its first trial.
    pub(super) fn candidate(self, material: &Material<'_>) -> Box<dyn Candidate> {
        match self {
            Self::GradientBoosting => Box::new(Of::<GradientBoosting>(Default::default())),
            Self::Forest => {
                Box::new(Of::<Forest>(ForestParams { node_feature_fraction: Some(0.4), ..Default::default() }))
            }
            Self::ExtraTrees => Box::new(Of::<Forest>(ForestParams {
                kind: ForestKind::ExtraTrees,
                node_feature_fraction: Some(0.8),
                ..Default::default()
            })),
            Self::Linear => Box::new(Of::<Linear>(Default::default())),
            Self::Logistic => Box::new(Of::<Logistic>(Default::default())),
            Self::Knn => Box::new(Of::<Knn>(Default::default())),
            Self::Mlp => Box::new(Of::<Mlp>(Default::default())),
            Self::Svm => {
                // Near what it takes where none is said, but a number, so that the search can start from it.
                let gamma = Some(1.0 / material.frame.columns.len().max(1) as f64);
                Box::new(Of::<Svm>(svm::Params { gamma, ..Default::default() }))
            }
            Self::NaiveBayes => Box::new(Of::<NaiveBayes>(Default::default())),
        }
    }
}

/// An algorithm whose parameters are only known as JSON.
pub(super) trait Candidate {
    /// Searches over its own space.
    fn search(
        &self,
        material: &Material<'_>,
        tune: &Tune,
        study: &str,
        folds: &[Rows],
        earlier: &Earlier,
    ) -> Result<Found<Value>, StepError>;

    /// What models of the folds' training rows predict for their others.
    fn out_of_fold(&self, material: &Material<'_>, params: &Value, folds: &[Rows])
    -> Result<Vec<OutOfFold>, StepError>;

    /// Fits features and model on `train`.
    fn fit(
        &self,
        material: &Material<'_>,
        params: &Value,
        train: &[usize],
    ) -> Result<(FeaturePlan, Fitting), StepError>;
}

/// An algorithm with the parameters it starts from.
struct Of<A: Algorithm>(<A::Estimator as Estimator>::Params);

impl<A: Algorithm> Candidate for Of<A> {
    fn search(
        &self,
        material: &Material<'_>,
        tune: &Tune,
        study: &str,
        folds: &[Rows],
        earlier: &Earlier,
    ) -> Result<Found<Value>, StepError> {
        let space = tune.space::<A>(&self.0).map_err(StepError::problems)?;
        let (study, folds) = (study.to_owned(), folds.to_vec());
        let found = search::<A>(&Search { material, params: &self.0, tune, space: &space, study, folds }, earlier)?;
        let Found { params, tuning, trials } = found;
        Ok(Found { params: serde_json::to_value(params).unwrap_or_default(), tuning, trials })
    }

    fn out_of_fold(
        &self,
        material: &Material<'_>,
        params: &Value,
        folds: &[Rows],
    ) -> Result<Vec<OutOfFold>, StepError> {
        out_of_fold::<A>(material, &restored(params)?, None, folds, &Earlier::new())
    }

    fn fit(
        &self,
        material: &Material<'_>,
        params: &Value,
        train: &[usize],
    ) -> Result<(FeaturePlan, Fitting), StepError> {
        fit_alone::<A>(material, &restored(params)?, train)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_called_as_it_is_written() {
        for member in Member::ALL {
            assert_eq!(serde_json::to_value(member).unwrap(), member.name());
        }
    }

    #[test]
    fn those_tried_fit_the_task_and_the_rows() {
        let names = |task, rows| Member::usual(task, rows).into_iter().map(Member::name).collect::<Vec<_>>();
        let few = ["gradient-boosting", "forest", "extra-trees", "linear", "knn", "mlp", "svm"];
        assert_eq!(names(Task::Regression, 1000), few);
        assert_eq!(names(Task::Binary, 1_000_000), ["gradient-boosting", "forest", "extra-trees", "logistic"]);
        assert!(names(Task::Ranking, 1000).is_empty() && names(Task::Anomaly, 1000).is_empty());
    }
}
