//! `train/mlp`: a multilayer perceptron.
//!
//! Missing numbers are filled with the median, numbers scaled, categories one-hot coded. Stops early on the validation
//! part when there is one; else it finds its length on a tenth of the training rows and is fitted anew on all of them.

use trainyard_learn::{features::Wants, fitted_model::FittedModel, mlp};

use super::algorithm::{Algorithm, Fitting, Span};

/// A multilayer perceptron.
pub struct Mlp;

impl Algorithm for Mlp {
    const NAME: &'static str = "train/mlp";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "a multilayer perceptron";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"hidden": [64, 32], "activation": "tanh", "seed": 7, "resample": {"k-fold": 5}}"#];
    type Estimator = mlp::Mlp;
    const WANTS: Wants = Wants::Dense;
    const SPACE: &'static [(&'static str, Span)] =
        &[("learning_rate", Span::Log(1e-4, 1e-2)), ("l2", Span::Log(1e-6, 1e-1))];

    fn as_long_as(params: &mlp::Params, fitted: Option<&Fitting>) -> Option<mlp::Params> {
        let epochs = match fitted {
            _ if params.early_stopping == 0 => return None,
            Some(Fitting { model: FittedModel::Mlp(model), .. }) => model.epochs.max(1),
            _ => params.epochs,
        };
        Some(mlp::Params { epochs, early_stopping: 0, ..params.clone() })
    }

    fn keep(model: mlp::MlpModel) -> Fitting {
        let (training_loss, validation_loss) = (model.training_loss.clone(), model.validation_loss.clone());
        Fitting { model: FittedModel::Mlp(model), training_loss, validation_loss }
    }
}
