//! From rows to a fitted estimator: features are fitted and applied once, an estimator on them as often as is wanted.

use std::ops::ControlFlow;

use trainyard_core::{Problem, StepError, evaluation::Task};
use trainyard_learn::{
    Checkpoints, Estimator, FitContext, Fitted, Matrix, Prediction, Sample,
    features::{FeaturePlan, Goal, Wants},
};

use super::{
    algorithm::{Algorithm, Fitting},
    checkpoints::FitNotes,
    class_weights,
    material::Material,
};

/// The share of the training rows held out for early stopping where the split has no validation part.
const HELD_OUT: f64 = 0.1;

/// Features and targets, ready for an estimator.
pub(super) struct Prepared {
    pub(super) plan: FeaturePlan,
    train: Part,
    /// Rows that decide early stopping and may be predicted.
    watched: Option<Part>,
}

struct Part {
    x: Matrix,
    y: Vec<f64>,
    weights: Option<Vec<f64>>,
    /// The groups within which a ranking orders rows.
    groups: Option<Vec<u32>>,
}

impl Part {
    fn sample(&self, classes: usize) -> Sample<'_> {
        Sample { x: &self.x, y: &self.y, classes, weights: self.weights.as_deref(), groups: self.groups.as_deref() }
    }
}

/// What an estimator is told after each iteration, as [`FitContext::on_iteration`].
pub(super) type OnIteration<'a> = &'a (dyn Fn(usize, usize, Option<f64>) -> ControlFlow<()> + Sync);

impl Prepared {
    /// Fits features on `train` and applies them to both; `watched` may be empty.
    pub(super) fn of(
        material: &Material<'_>,
        wants: Wants,
        train: &[usize],
        watched: &[usize],
    ) -> Result<Self, StepError> {
        if train.is_empty() {
            return Err(StepError::new("no-rows", "there is no row to train on"));
        }
        let target = &material.target;
        if target.task.is_classification() && target.classes.len() < 2 {
            let only = target.classes.first().map_or("none", String::as_str);
            return Err(StepError::new("single-class", format!("the target has one class only: `{only}`"))
                .help("there is nothing to tell apart; check the filter or the target column"));
        }
        let goal = Goal { y: &target.values, classes: target.classes.len(), seed: material.common.seed };
        let goal = target.task.is_supervised().then_some(goal);
        let (plan, x) = match material.start {
            // the model that is gone on from knows the rows by its own features only
            Some(package) => (package.features.clone(), package.features.apply(&material.frame.take(train))?),
            None => FeaturePlan::fit_apply(&material.features, wants, &material.frame, Some(train), goal.as_ref())
                .map_err(|errors| StepError::problems(errors.into_iter().map(Problem::from).collect()))?,
        };
        let part = |x: Matrix, rows: &[usize]| {
            let (y, weights) = material.truth(rows);
            let groups = material.groups.as_ref().filter(|_| target.task == Task::Ranking);
            let groups = groups.map(|groups| rows.iter().map(|&row| groups[row]).collect());
            Part { x, y, weights, groups }
        };
        let mut train = part(x, train);
        let mut watched = match watched {
            [] => None,
            rows => Some(part(plan.apply(&material.frame.take(rows))?, rows)),
        };
        let asked = material.common.class_weights.as_ref();
        if let Some(factors) = class_weights::factors(asked, &train.y, train.weights.as_deref(), &target.classes)? {
            for part in [Some(&mut train), watched.as_mut()].into_iter().flatten() {
                part.weights = Some(class_weights::apply(part.weights.take(), &part.y, &factors));
            }
        }
        Ok(Self { plan, train, watched })
    }

    /// Bytes of the numbers it holds.
    pub(super) fn bytes(&self) -> usize {
        let part = |part: &Part| part.x.rows * (part.x.features.len() + 2) * size_of::<f64>();
        part(&self.train) + self.watched.as_ref().map_or(0, part)
    }

    /// Fits the estimator, watching the watched rows; goes on from what `checkpoints` has.
    pub(super) fn fit<A: Algorithm>(
        &self,
        material: &Material<'_>,
        params: &<A::Estimator as Estimator>::Params,
        threads: usize,
        on_iteration: OnIteration<'_>,
        checkpoints: Option<&dyn Checkpoints>,
    ) -> Result<Fitting, StepError> {
        let target = &material.target;
        let classes = if target.task.is_classification() { target.classes.len() } else { 0 };
        let watched = self.watched.as_ref().map(|part| part.sample(classes));
        let seed = material.common.seed;
        let start = material.start.and_then(|package| package.model.as_deref());
        let context = FitContext { seed, threads, on_iteration, checkpoints, start };
        let params = A::suited(params, target.task);
        let model = A::Estimator::fit(&params, &self.train.sample(classes), watched.as_ref(), &context)?;
        stop_if_cancelled(material)?;
        Ok(A::keep(model))
    }

    /// The predictions for the watched rows.
    pub(super) fn predict(&self, fitting: &Fitting) -> Prediction {
        let none = Matrix::default();
        fitting.model.predict(self.watched.as_ref().map_or(&none, |part| &part.x))
    }
}

/// An error where the run is to stop.
pub(super) fn stop_if_cancelled(material: &Material<'_>) -> Result<(), StepError> {
    if material.context.monitor.cancelled() {
        return Err(StepError::new("cancelled", "the run was cancelled"));
    }
    Ok(())
}

/// Fits features and estimator on `train`; `validation` decides early stopping only. Tells how far it is.
pub(super) fn fit<A: Algorithm>(
    material: &Material<'_>,
    params: &<A::Estimator as Estimator>::Params,
    train: &[usize],
    validation: &[usize],
) -> Result<(FeaturePlan, Fitting), StepError> {
    let prepared = Prepared::of(material, A::WANTS, train, validation)?;
    let context = material.context;
    let on_iteration = |done: usize, total: usize, loss: Option<f64>| {
        let note = loss.map_or_else(String::new, |loss| format!("validation loss {loss:.5}"));
        match context.progress(done as u64, total as u64, &note) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    let told = serde_json::to_value(params).unwrap_or_default();
    let checkpoints = FitNotes::new(context, &told, train, validation);
    let fitting = prepared.fit::<A>(material, params, context.threads, &on_iteration, Some(&checkpoints))?;
    Ok((prepared.plan, fitting))
}

/// Fits where no validation rows are given. An estimator that stops early finds its length on a tenth of the rows held
/// out, and is then fitted anew on all of them for that long: no row is lost to the final model.
pub(super) fn fit_alone<A: Algorithm>(
    material: &Material<'_>,
    params: &<A::Estimator as Estimator>::Params,
    train: &[usize],
) -> Result<(FeaturePlan, Fitting), StepError> {
    if A::as_long_as(params, None).is_none() {
        return fit::<A>(material, params, train, &[]);
    }
    let rows = material.hold_out(train, HELD_OUT)?;
    let (_, watched) = fit::<A>(material, &A::in_trials(params), &rows.train, &rows.test)?;
    let Some(params) = A::as_long_as(params, Some(&watched)) else {
        return fit::<A>(material, params, train, &[]);
    };
    let (plan, fitting) = fit::<A>(material, &params, train, &[])?;
    // The curves that show why it stopped where it did.
    let Fitting { training_loss, validation_loss, .. } = watched;
    Ok((plan, Fitting { training_loss, validation_loss, ..fitting }))
}
