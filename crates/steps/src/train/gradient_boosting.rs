//! `train/gradient-boosting`: gradient boosting of histogram trees.
//!
//! Takes missing values and categories as they are. Stops early on the validation part when there is one; else it finds
//! its length on a tenth of the training rows and is fitted anew on all of them. The defaults suit most tables. A
//! ranking (`task: ranking`) takes the rows of each group of the split for a query. A fit that takes long goes on from
//! where it was when its process was killed.

use trainyard_core::evaluation::Task;
use trainyard_learn::{boosting, features::Wants, fitted_model::FittedModel};

use super::algorithm::{Algorithm, Fitting, Span};

/// Gradient boosting of histogram trees.
pub struct GradientBoosting;

impl Algorithm for GradientBoosting {
    const NAME: &'static str = "train/gradient-boosting";
    const VERSION: u32 = 5;
    const ABOUT: &'static str = "gradient boosting of histogram trees";
    const EXAMPLES: &'static [&'static str] = &[
        "{}",
        r#"{"trees": 100, "leaves": 31, "seed": 7, "resample": {"k-fold": 5}}"#,
        r#"{"tune": {"trials": 30, "metric": "rmse", "space": {"leaves": {"between": [7, 127], "scale": "log"}}}}"#,
        r#"{"loss": "quantile", "quantile": 0.9, "early_stopping_metric": "mae"}"#,
        r#"{"task": "ranking"}"#,
        r#"{"bags": 8, "tune": {"trials": 30}}"#,
        r#"{"monotone": {"age": "increasing"}, "class_weights": "balanced"}"#,
    ];
    type Estimator = boosting::GradientBoosting;
    const WANTS: Wants = Wants::Native;
    const GOES_ON: bool = true;
    const SPACE: &'static [(&'static str, Span)] = &[
        ("learning_rate", Span::Log(0.015, 0.2)),
        ("leaves", Span::Log(7.0, 255.0)),
        ("min_samples_leaf", Span::Log(2.0, 100.0)),
        ("l2", Span::Log(0.01, 30.0)),
        ("row_fraction", Span::Even(0.5, 1.0)),
        ("feature_fraction", Span::Even(0.2, 1.0)),
        ("node_feature_fraction", Span::Even(0.2, 1.0)),
    ];

    fn as_long_as(
        params: &boosting::GradientBoostingParams,
        fitted: Option<&Fitting>,
    ) -> Option<boosting::GradientBoostingParams> {
        let trees = match fitted {
            _ if params.early_stopping == 0 => return None,
            Some(fitting) => fitting.length().max(1),
            None => params.trees,
        };
        Some(boosting::GradientBoostingParams { trees, early_stopping: 0, ..params.clone() })
    }

    fn in_trials(params: &boosting::GradientBoostingParams) -> boosting::GradientBoostingParams {
        boosting::GradientBoostingParams { bags: 1, ..params.clone() }
    }

    fn suited(params: &boosting::GradientBoostingParams, task: Task) -> boosting::GradientBoostingParams {
        let implied = (task == Task::Ranking).then_some(boosting::Loss::Rank);
        boosting::GradientBoostingParams { loss: params.loss.or(implied), ..params.clone() }
    }

    fn keep(model: boosting::GradientBoostingModel) -> Fitting {
        let (training_loss, validation_loss) = (model.history.train.clone(), model.history.validation.clone());
        Fitting { model: FittedModel::GradientBoosting(model), training_loss, validation_loss }
    }
}
