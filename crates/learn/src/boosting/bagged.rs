//! Boosters that differ by what they draw, averaged into one.
//!
//! The average of the scores is the score of all trees together with their values divided by the number of boosters, so
//! that what comes out is a booster like any other.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
};

use serde::{Deserialize, Serialize};

use super::boost::boost;
use super::gradient_boosting::{GradientBoostingModel, GradientBoostingParams};
use super::resume::{Checkpoint, Origin, Resume};
use crate::estimator::{Checkpoints, FitContext, LearnError, Sample};
use crate::fitted_model::FittedModel;

/// Between the seeds of two boosters: odd, and far from small seeds that a person would choose.
pub(super) const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Fits `params.bags` boosters, or one where nothing is drawn, each from where `context` says; the parameters are in
/// their ranges.
pub(crate) fn fit(
    params: &GradientBoostingParams,
    train: &Sample<'_>,
    validation: Option<&Sample<'_>>,
    context: &FitContext<'_>,
) -> Result<GradientBoostingModel, LearnError> {
    let draws = [params.row_fraction, params.feature_fraction, params.node_feature_fraction];
    let bags = if draws.iter().all(|share| *share >= 1.0) { 1 } else { params.bags };
    if bags == 1 {
        return one(params, train, validation, context);
    }
    let found = context.checkpoints.and_then(Checkpoints::load);
    let found = found.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
    let Kept { mut done, mut part } = found.filter(|kept| kept.fits(bags, train)).unwrap_or_default();
    let stopped = AtomicBool::new(false);
    while done.len() < bags && !stopped.load(Ordering::Relaxed) {
        let bag = done.len();
        let on_iteration = |iteration: usize, trees: usize, loss: Option<f64>| {
            let told = (context.on_iteration)(bag * trees + iteration, bags * trees, loss);
            if told.is_break() {
                stopped.store(true, Ordering::Relaxed);
            }
            told
        };
        let within = context.checkpoints.map(|all| Within { all, done: &done, part: part.take() });
        let own = FitContext {
            seed: context.seed.wrapping_add(STEP.wrapping_mul(bag as u64)),
            on_iteration: &on_iteration as &(dyn Fn(usize, usize, Option<f64>) -> ControlFlow<()> + Sync),
            checkpoints: within.as_ref().map(|within| within as &dyn Checkpoints),
            ..*context
        };
        let model = one(params, train, validation, &own)?;
        done.push(model);
    }
    Ok(mean(done))
}

/// Fits a single booster, going on from the model that `context` names or from its own checkpoint.
fn one(
    params: &GradientBoostingParams,
    train: &Sample<'_>,
    validation: Option<&Sample<'_>>,
    context: &FitContext<'_>,
) -> Result<GradientBoostingModel, LearnError> {
    match context.start {
        None => {}
        Some(FittedModel::GradientBoosting(model)) => {
            let resume = Resume { from: Origin::Model(model), ..Resume::default() };
            return boost(params, train, validation, context, &resume);
        }
        Some(other) => {
            return Err(LearnError {
                code: "resume-differs",
                message: format!("the model to go on from is of `{}`, not of gradient boosting", other.estimator()),
                help: Some("go on from a model of the same step".to_owned()),
                field: None,
            });
        }
    }
    let Some(checkpoints) = context.checkpoints else {
        return boost(params, train, validation, context, &Resume::default());
    };
    let found = checkpoints.load().and_then(|bytes| serde_json::from_slice::<Checkpoint>(&bytes).ok());
    let keep = |checkpoint: &Checkpoint| {
        if let Ok(bytes) = serde_json::to_vec(checkpoint) {
            checkpoints.save(&bytes);
        }
    };
    let from = found.as_ref().map_or(Origin::Nothing, Origin::Checkpoint);
    let resume = Resume { from, due: &|_| checkpoints.due(), keep: &keep };
    match boost(params, train, validation, context, &resume) {
        // what was kept is of another fit or damaged: then this one starts anew
        Err(error) if error.code == "resume-differs" => {
            boost(params, train, validation, context, &Resume { from: Origin::Nothing, ..resume })
        }
        done => done,
    }
}

/// The model whose scores are the means of those of all, of which there is at least one and which have equal outputs.
fn mean(models: Vec<GradientBoostingModel>) -> GradientBoostingModel {
    let share = 1.0 / models.len() as f64;
    let mut models = models.into_iter();
    let mut all = models.next().expect("at least one booster was fitted");
    let first = all.history.clone();
    for model in models {
        let add = |(sum, term): (&mut f64, &f64)| *sum += term;
        all.base.iter_mut().zip(&model.base).for_each(add);
        all.gains.iter_mut().zip(&model.gains).for_each(add);
        all.trees.extend(model.trees);
    }
    let scaled = all.trees.iter_mut().flat_map(|tree| &mut tree.values).chain(&mut all.base).chain(&mut all.gains);
    scaled.for_each(|value| *value *= share);
    GradientBoostingModel::new(all.loss, all.classes, all.base, all.trees, all.gains, first)
}

/// All that several boosters have done so far.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// Those that are whole.
    done: Vec<GradientBoostingModel>,
    /// The checkpoint of the next.
    part: Option<String>,
}

impl Kept {
    /// Whether this can be of a fit of so many boosters on `train`.
    fn fits(&self, bags: usize, train: &Sample<'_>) -> bool {
        let alike = |model: &GradientBoostingModel| {
            model.classes == train.classes && model.gains.len() == train.x.features.len() && !model.base.is_empty()
        };
        self.done.len() < bags && self.done.iter().all(alike)
    }
}

/// What one of several boosters sees of the checkpoints of all.
struct Within<'a> {
    all: &'a dyn Checkpoints,
    done: &'a [GradientBoostingModel],
    part: Option<String>,
}

impl Checkpoints for Within<'_> {
    fn load(&self) -> Option<Vec<u8>> {
        self.part.clone().map(String::into_bytes)
    }

    fn due(&self) -> bool {
        self.all.due()
    }

    fn save(&self, bytes: &[u8]) {
        let part = std::str::from_utf8(bytes).ok().map(str::to_owned);
        if let Ok(bytes) = serde_json::to_vec(&Kept { done: self.done.to_vec(), part }) {
            self.all.save(&bytes);
        }
    }
}
