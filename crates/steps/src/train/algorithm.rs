//! What a `train` step adds to an estimator.

use schemars::JsonSchema;
use trainyard_core::evaluation::Task;
use trainyard_learn::{Estimator, features::Wants, fitted_model::FittedModel, tuning::Dimension};

/// What a `train` step adds to an estimator.
pub trait Algorithm: Send + Sync + 'static {
    /// See [`trainyard_core::Step::NAME`].
    const NAME: &'static str;
    /// See [`trainyard_core::Step::VERSION`].
    const VERSION: u32;
    /// See [`trainyard_core::Step::ABOUT`].
    const ABOUT: &'static str;
    /// See [`trainyard_core::Step::EXAMPLES`].
    const EXAMPLES: &'static [&'static str];
    /// The estimator.
    type Estimator: Estimator<Params: JsonSchema + Send + Sync, Model: Into<FittedModel>>;
    /// The form of features it wants.
    const WANTS: Wants;
    /// What it predicts, for an estimator that learns without a target.
    const UNSUPERVISED: Option<Task> = None;
    /// The parameters that `tune:` searches over where it names no space, each with its range; empty where the user has
    /// to say.
    const SPACE: &'static [(&'static str, Span)] = &[];
    /// Whether it can go on from a model that is there already.
    const GOES_ON: bool = false;
    /// For an estimator that stops early on validation rows: the parameters that make as many iterations as `fitted`
    /// kept, without watching. None for one that does not watch.
    fn as_long_as(
        _params: &<Self::Estimator as Estimator>::Params,
        _fitted: Option<&Fitting>,
    ) -> Option<<Self::Estimator as Estimator>::Params> {
        None
    }
    /// The parameters of a fit that only shows how good they are or how long it should be: without what makes the final
    /// model a little better at many times the cost.
    fn in_trials(params: &<Self::Estimator as Estimator>::Params) -> <Self::Estimator as Estimator>::Params {
        params.clone()
    }
    /// The parameters with what the task implies where nothing is said.
    fn suited(params: &<Self::Estimator as Estimator>::Params, _task: Task) -> <Self::Estimator as Estimator>::Params {
        params.clone()
    }
    /// The fitted model for the package.
    fn keep(model: <Self::Estimator as Estimator>::Model) -> Fitting {
        Fitting::of(model.into())
    }
}

/// A range of an estimator's own space.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    /// Numbers, spread evenly.
    Even(f64, f64),
    /// Numbers, spread evenly by their logarithms.
    Log(f64, f64),
    /// Texts.
    Choose(&'static [&'static str]),
}

impl Span {
    /// The range as a pipeline file says it.
    #[must_use]
    pub fn dimension(self) -> Dimension {
        use trainyard_learn::tuning::Scale;
        match self {
            Self::Even(low, high) => Dimension { between: Some([low, high]), ..Dimension::default() },
            Self::Log(low, high) => {
                Dimension { between: Some([low, high]), scale: Some(Scale::Log), ..Dimension::default() }
            }
            Self::Choose(texts) => {
                Dimension { choose: Some(texts.iter().map(|text| (*text).into()).collect()), ..Dimension::default() }
            }
        }
    }
}

/// A fitted model with its loss history.
#[derive(Clone, Debug)]
pub struct Fitting {
    /// The model.
    pub model: FittedModel,
    /// Loss on the training rows, an iteration each; empty for an estimator without iterations.
    pub training_loss: Vec<f64>,
    /// Loss on the validation rows, an iteration each.
    pub validation_loss: Vec<f64>,
}

impl Fitting {
    /// A model without iterations.
    pub const fn of(model: FittedModel) -> Self {
        Self { model, training_loss: Vec::new(), validation_loss: Vec::new() }
    }

    /// The iteration of the least validation loss, from 1; 0 where none was watched.
    #[must_use]
    pub fn length(&self) -> usize {
        let losses = self.validation_loss.iter().enumerate();
        losses.min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(at, _)| at + 1)
    }
}
