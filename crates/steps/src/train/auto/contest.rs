//! The contest: every algorithm is tried, the better half is searched, and what helps is averaged.
//!
//! All of it is judged on the same folds of the training rows. First each algorithm has one trial with parameters that
//! suit most tables; the remaining trials are shared among the better half. Then the best of each predicts every fold
//! from the others, and a greedy selection on these predictions says how much each counts.

use std::time::Instant;

use serde_json::Value;
use trainyard_core::{
    StepError, Warning,
    judgement::{Leaderboard, Standing},
};
use trainyard_data::split::FoldSpec;
use trainyard_learn::{
    Fitted, FittedModel, Prediction,
    ensemble::{EnsembleMember, EnsembleModel, blend, select},
    features::FeaturePlan,
    metrics::{self, Direction, Scored},
};

use super::{
    Auto,
    member::{Candidate, Member},
};
use crate::train::{
    algorithm::Fitting,
    cross_validate::{OutOfFold, distinct, pooled},
    material::{Material, Rows},
    prepare::stop_if_cancelled,
    search::{Earlier, Found},
    tune::Tune,
};

/// The algorithms that were chosen, ready to be fitted.
pub(super) struct Winners {
    chosen: Vec<Chosen>,
    pub(super) leaderboard: Leaderboard,
    /// What they predict together for rows that the fits left out.
    pub(super) out_of_fold: OutOfFold,
}

struct Chosen {
    member: Member,
    params: Value,
    weight: f64,
}

/// One algorithm on its way through the contest.
struct Entrant {
    member: Member,
    candidate: Box<dyn Candidate>,
    study: String,
    found: Found<Value>,
}

/// Lets the algorithms compete on `train`, whose rows may repeat; `outer` is the study they are a part of.
///
/// # Errors
/// What the first of them told when none could be fitted.
pub(super) fn hold(
    material: &Material<'_>,
    auto: &Auto,
    train: &[usize],
    outer: &str,
    earlier: &Earlier,
) -> Result<Winners, StepError> {
    let task = material.target.task;
    let metric = auto.metric.as_deref().unwrap_or_else(|| metrics::deciding(task));
    let direction = metrics::check(metric, Some(task))?.direction;
    let rows = distinct(train);
    let folds = material.folds(&FoldSpec::k_fold(auto.folds), &rows)?;
    let mut failures = Failures::default();
    let entrants = search(&Ring { material, auto, metric, direction, folds: &folds }, outer, earlier, &mut failures)?;

    let mut judged: Vec<(Entrant, OutOfFold, f64)> = Vec::with_capacity(entrants.len());
    for entrant in entrants {
        let made = entrant.candidate.out_of_fold(material, &entrant.found.params, &folds).and_then(pooled);
        let member = entrant.member;
        let made = made.and_then(|made| {
            let value = value(material, metric, &made.rows, &made.prediction)?;
            Ok((made, value))
        });
        if let Some((made, value)) = failures.sort_out(member, made)? {
            judged.push((entrant, made, value));
        }
    }
    judged.sort_by(|(_, _, one), (_, _, other)| direction.loss(*one).total_cmp(&direction.loss(*other)));
    let Some((_, first, _)) = judged.first() else {
        let nothing = || StepError::new("no-trial", "no algorithm gave a model");
        return Err(failures.first.unwrap_or_else(nothing));
    };
    failures.warnings.into_iter().for_each(|warning| material.context.warn(warning));
    let predictions: Vec<&Prediction> = judged.iter().map(|(_, made, _)| &made.prediction).collect();
    let most = if auto.stack { predictions.len() } else { 1 };
    let loss = |prediction: &Prediction| {
        value(material, metric, &first.rows, prediction).ok().map(|value| direction.loss(value))
    };
    let mut weights = select(&predictions[..most], loss)
        .ok_or_else(|| StepError::new("not-finite", format!("`{metric}` of the models' predictions is no number")))?;
    weights.resize(judged.len(), 0.0);
    let parts: Vec<(f64, &Prediction)> =
        weights.iter().copied().zip(predictions.iter().copied()).filter(|(weight, _)| *weight > 0.0).collect();
    let out_of_fold = OutOfFold { rows: first.rows.clone(), prediction: blend(&parts) };
    let leaderboard = Leaderboard {
        metric: metric.to_owned(),
        value: value(material, metric, &out_of_fold.rows, &out_of_fold.prediction)?,
        members: judged
            .iter()
            .zip(&weights)
            .map(|((entrant, _, value), weight)| Standing {
                member: entrant.member.name().to_owned(),
                value: *value,
                weight: *weight,
                trials: entrant.found.tuning.trials,
                params: entrant.found.params.clone(),
            })
            .collect(),
        timed: auto.seconds.is_some(),
    };
    let chosen = judged.into_iter().zip(weights).filter(|(_, weight)| *weight > 0.0);
    let chosen =
        chosen.map(|((entrant, _, _), weight)| Chosen { member: entrant.member, params: entrant.found.params, weight });
    Ok(Winners { chosen: chosen.collect(), leaderboard, out_of_fold })
}

/// The metric of predictions for `rows`; an error where it is no number.
fn value(material: &Material<'_>, metric: &str, rows: &[usize], prediction: &Prediction) -> Result<f64, StepError> {
    let (truth, weights) = material.truth(rows);
    let scored = Scored { truth: &truth, prediction, weights: weights.as_deref(), groups: None };
    let value = metrics::value(metric, material.target.task, &scored)?;
    if !value.is_finite() {
        return Err(StepError::new("not-finite", format!("`{metric}` is {value}")));
    }
    Ok(value)
}

/// What the searches have in common.
struct Ring<'a> {
    material: &'a Material<'a>,
    auto: &'a Auto,
    metric: &'a str,
    direction: Direction,
    folds: &'a [Rows],
}

/// Spends the trials; those that gave a model come back, each with its best parameters.
fn search(ring: &Ring<'_>, outer: &str, earlier: &Earlier, failures: &mut Failures) -> Result<Vec<Entrant>, StepError> {
    let Ring { material, auto, metric, direction, folds } = *ring;
    let started = Instant::now();
    let left = || auto.seconds.map(|seconds| seconds - started.elapsed().as_secs_f64());
    let tune = |trials, seconds| Tune { trials, seconds, metric: Some(metric.to_owned()), ..Tune::default() };
    let mut earlier = earlier.clone();
    let mut entrants = Vec::new();
    let mut spent = 0;
    for member in auto.members(material.target.task, folds.first().map_or(0, |fold| fold.train.len())) {
        stop_if_cancelled(material)?;
        if spent > 0 && left().is_some_and(|left| left <= 0.0) {
            break;
        }
        spent += 1;
        let candidate = member.candidate(material);
        let study = if outer.is_empty() { member.name().to_owned() } else { format!("{outer}, {}", member.name()) };
        let found = candidate.search(material, &tune(1, None), &study, folds, &earlier);
        if let Some(found) = failures.sort_out(member, found)? {
            let numbered = found.trials.iter().map(|trial| ((study.clone(), trial.number), trial.clone()));
            earlier.extend(numbered);
            entrants.push(Entrant { member, candidate, study, found });
        }
    }
    entrants.sort_by(|one: &Entrant, other: &Entrant| {
        direction.loss(one.found.tuning.value).total_cmp(&direction.loss(other.found.tuning.value))
    });
    let rest = auto.trials.saturating_sub(spent);
    let finalists = entrants.len().div_ceil(2);
    for (place, entrant) in entrants.iter_mut().take(finalists).enumerate() {
        stop_if_cancelled(material)?;
        let more = rest / finalists as u32 + u32::from((place as u32) < rest % finalists as u32);
        let seconds = left().map(|left| left / (finalists - place) as f64);
        if more == 0 || seconds.is_some_and(|seconds| seconds <= 0.0) {
            break;
        }
        entrant.found =
            entrant.candidate.search(material, &tune(1 + more, seconds), &entrant.study, folds, &earlier)?;
    }
    Ok(entrants)
}

/// Algorithms that could not be fitted.
#[derive(Default)]
struct Failures {
    first: Option<StepError>,
    warnings: Vec<Warning>,
}

impl Failures {
    /// What was made; none, and noted down, where it failed. A run that is to stop stops.
    fn sort_out<T>(&mut self, member: Member, made: Result<T, StepError>) -> Result<Option<T>, StepError> {
        match made {
            Ok(made) => Ok(Some(made)),
            Err(error) if error.code == "cancelled" => Err(error),
            Err(error) => {
                let message = format!("`{}` was left out: {error}", member.name());
                self.warnings.push(Warning::new("member-left-out", message));
                self.first.get_or_insert(error);
                Ok(None)
            }
        }
    }
}

impl Winners {
    /// Fits them on `train`: features of every form they want, side by side, and one model of all.
    pub(super) fn fit(&self, material: &Material<'_>, train: &[usize]) -> Result<(FeaturePlan, Fitting), StepError> {
        let mut plans: Vec<FeaturePlan> = Vec::new();
        let mut models: Vec<(usize, f64, FittedModel)> = Vec::new();
        for chosen in &self.chosen {
            stop_if_cancelled(material)?;
            let (plan, fitting) = chosen.member.candidate(material).fit(material, &chosen.params, train)?;
            if self.chosen.len() == 1 {
                return Ok((plan, fitting));
            }
            // Those that want the same form learned the same features from the same rows.
            let place = plans.iter().position(|known| *known == plan).unwrap_or_else(|| {
                plans.push(plan);
                plans.len() - 1
            });
            models.push((place, chosen.weight, fitting.model));
        }
        let counts: Vec<usize> = plans.iter().map(|plan| plan.outputs().len()).collect();
        let members = models.into_iter().map(|(place, weight, model)| EnsembleMember {
            weight,
            first: counts[..place].iter().sum(),
            features: counts[place],
            model,
        });
        let model = FittedModel::Ensemble(EnsembleModel { members: members.collect() });
        let mut plans = plans.into_iter();
        let first = plans.next().ok_or_else(|| StepError::new("no-trial", "no algorithm gave a model"))?;
        Ok((FeaturePlan { beside: plans.collect(), ..first }, Fitting::of(model)))
    }

    /// What they predict for `rows`, learned from `train`.
    pub(super) fn predict(
        &self,
        material: &Material<'_>,
        train: &[usize],
        rows: &[usize],
    ) -> Result<OutOfFold, StepError> {
        let (plan, fitting) = self.fit(material, train)?;
        let matrix = plan.apply(&material.frame.take(rows))?;
        Ok(OutOfFold { rows: rows.to_vec(), prediction: fitting.model.predict(&matrix) })
    }
}
