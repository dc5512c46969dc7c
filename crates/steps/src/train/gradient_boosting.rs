//! `train/gradient-boosting`: gradient boosting of histogram trees.
//!
//! Takes missing values and categories as they are. Stops early on the validation part when there is one; else it finds
//! its length on a tenth of the training rows and is fitted anew on all of them. The defaults suit most tables.

use trainyard_learn::{boosting, features::Wants, fitted_model::FittedModel};

use super::fit::{Algorithm, Fitting};

/// Gradient boosting of histogram trees.
pub struct GradientBoosting;

impl Algorithm for GradientBoosting {
    const NAME: &'static str = "train/gradient-boosting";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "gradient boosting of histogram trees";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"trees": 100, "leaves": 31, "seed": 7, "resample": {"k-fold": 5}}"#];
    type Estimator = boosting::GradientBoosting;
    const WANTS: Wants = Wants::Native;

    fn as_long_as(
        params: &boosting::GradientBoostingParams,
        fitted: Option<&FittedModel>,
    ) -> Option<boosting::GradientBoostingParams> {
        let trees = match fitted {
            _ if params.early_stopping == 0 => return None,
            Some(FittedModel::GradientBoosting(model)) => model.iterations.max(1),
            _ => params.trees,
        };
        Some(boosting::GradientBoostingParams { trees, early_stopping: 0, ..params.clone() })
    }

    fn keep(model: boosting::GradientBoostingModel) -> Fitting {
        let (training_loss, validation_loss) = (model.history.train.clone(), model.history.validation.clone());
        Fitting { model: FittedModel::GradientBoosting(model), training_loss, validation_loss }
    }
}
