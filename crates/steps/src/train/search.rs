//! The search itself: batches of trials, each fitted and judged, recorded as soon as it is over.
//!
//! What is tried next depends on the trials of earlier batches and the seed alone, never on which thread was first. So a
//! search goes on after a crash as if there had been none, and gives the same model at any number of threads.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    ops::ControlFlow,
    sync::atomic::{AtomicBool, AtomicU32, Ordering as Memory},
    time::Instant,
};

use serde::de::DeserializeOwned;
use serde_json::Value;
use trainyard_core::{
    Problem, StepError,
    trial::{Trial, TrialState, Tuning},
};
use trainyard_learn::{
    Estimator,
    metrics::{self, Direction, Scored},
    tuning::{Curve, Outcome, Past, Pruner, Sampler, Space, proposals, propose, prune, side_by_side},
};

use super::{
    advice,
    algorithm::Algorithm,
    material::{Material, Rows},
    prepare::{Prepared, stop_if_cancelled},
    tune::{Tune, fields, with},
};

/// Prepared folds are kept for all trials while they hold no more than this; else they are made anew for each fit.
const MOST_KEPT: usize = 2 << 30;
/// Reports of losses that a trial makes at most, evenly over its iterations.
const REPORTS: u32 = 100;

/// What a search is about.
pub(super) struct Search<'a, P> {
    pub(super) material: &'a Material<'a>,
    /// The parameters as written: what the search does not change.
    pub(super) params: &'a P,
    pub(super) tune: &'a Tune,
    pub(super) space: &'a Space,
    /// Empty for the step's own search.
    pub(super) study: String,
    /// The rows that judge, one fold or several.
    pub(super) folds: Vec<Rows>,
}

/// What a search found.
pub(super) struct Found<P> {
    /// The parameters for a fit on all rows.
    pub(super) params: P,
    /// What the model package tells of it.
    pub(super) tuning: Tuning,
    /// Every trial, in order.
    pub(super) trials: Vec<Trial>,
}

/// Trials recorded before, by study and number.
pub(super) type Earlier = BTreeMap<(String, u32), Trial>;

/// What earlier work on the same step left.
pub(super) fn earlier(material: &Material<'_>) -> Result<Earlier, StepError> {
    let trials = material.context.notes.trials()?;
    Ok(trials.into_iter().map(|trial| ((trial.study.clone(), trial.number), trial)).collect())
}

struct Judge<'a, A: Algorithm> {
    search: &'a Search<'a, <A::Estimator as Estimator>::Params>,
    metric: &'a str,
    direction: Direction,
    /// The first folds, as many as are kept.
    prepared: Vec<Prepared>,
}

/// Searches.
pub(super) fn search<A: Algorithm>(
    search: &Search<'_, <A::Estimator as Estimator>::Params>,
    earlier: &Earlier,
) -> Result<Found<<A::Estimator as Estimator>::Params>, StepError> {
    let (tune, material, started) = (search.tune, search.material, Instant::now());
    let task = material.target.task;
    let metric = tune.metric(task);
    let direction = metrics::check(metric, Some(task))?.direction;
    let judge = Judge::<A>::new(search, metric, direction)?;
    let seed = material.common.seed;
    let most = proposals(tune.sampler, search.space).map_or(tune.trials, |most| tune.trials.min(most as u32));
    let mut trials: Vec<Trial> = Vec::new();
    let (mut past, mut curves): (Vec<Past>, Vec<Curve>) = (Vec::new(), Vec::new());
    let mut spent_before = 0.0;
    while (trials.len() as u32) < most {
        stop_if_cancelled(material)?;
        let spent = started.elapsed().as_secs_f64() + spent_before;
        if tune.seconds.is_some_and(|seconds| spent >= seconds) && !trials.is_empty() {
            break;
        }
        let first = trials.len() as u32;
        for number in first..(first + tune.at_once).min(most) {
            let written = (number == 0 && tune.sampler != Sampler::Grid).then(|| fields(search.params));
            let point = match written.and_then(|written| search.space.point(&written)) {
                Some(point) => Some(point),
                None => propose(tune.sampler, search.space, &past, seed, number),
            };
            let Some(point) = point else { break };
            past.push(Past { point, outcome: Outcome::Running });
        }
        let batch = &past[first as usize..];
        if batch.is_empty() {
            break;
        }
        let told = told(&trials, metric);
        let done = AtomicU32::new(first);
        let ended = side_by_side(material.context.threads, batch.len(), |at| {
            let number = first + at as u32;
            let params = search.space.params(&batch[at].point);
            let known = earlier.get(&(search.study.clone(), number)).filter(|trial| trial.params == params);
            let trial = match known {
                Some(trial) => trial.clone(),
                None => {
                    let trial = judge.trial(number, params, &curves, batch.len())?;
                    material.context.notes.record(&trial)?;
                    trial
                }
            };
            let done = done.fetch_add(1, Memory::Relaxed) + 1;
            let of = if search.study.is_empty() { String::new() } else { format!("{}, ", search.study) };
            let note = format!("{of}trial {done} of {most}{told}");
            material.context.progress(u64::from(done), u64::from(most), &note)?;
            Ok::<_, StepError>((trial, known.is_some()))
        });
        for (at, ended) in ended.into_iter().enumerate() {
            let (trial, known) = ended?;
            if known {
                spent_before += trial.seconds / f64::from(tune.at_once);
            }
            past[first as usize + at].outcome = outcome(&trial);
            curves.push(Curve {
                number: trial.number,
                complete: trial.state == TrialState::Complete,
                reports: trial.reports.clone(),
            });
            trials.push(trial);
        }
    }
    found::<A>(search, trials, metric, direction, most)
}

fn outcome(trial: &Trial) -> Outcome {
    match (trial.state, trial.loss, trial.reports.last()) {
        (TrialState::Complete, Some(loss), _) => Outcome::Complete(loss),
        (TrialState::Pruned, _, Some(&(step, loss))) => Outcome::Pruned(step, loss),
        _ => Outcome::Failed,
    }
}

/// The best trial so far, the first among equals.
pub(super) fn best(trials: &[Trial]) -> Option<&Trial> {
    let loss = |trial: &Trial| trial.loss.unwrap_or(f64::INFINITY);
    let complete = trials.iter().filter(|trial| trial.state == TrialState::Complete && trial.loss.is_some());
    complete.min_by(|a, b| loss(a).partial_cmp(&loss(b)).unwrap_or(Ordering::Equal))
}

fn told(trials: &[Trial], metric: &str) -> String {
    let value = best(trials).and_then(|trial| trial.value);
    value.map_or_else(String::new, |value| format!(", best {metric} {value:.5}"))
}

fn found<A: Algorithm>(
    search: &Search<'_, <A::Estimator as Estimator>::Params>,
    trials: Vec<Trial>,
    metric: &str,
    direction: Direction,
    most: u32,
) -> Result<Found<<A::Estimator as Estimator>::Params>, StepError> {
    let Some(best) = best(&trials) else {
        let why = trials.iter().find_map(|trial| trial.why.as_deref()).unwrap_or("none was judged in full");
        return Err(StepError::new("no-trial", format!("none of {} trials gave a model: {why}", trials.len())));
    };
    let params = restored(&best.fitted)?;
    if search.study.is_empty() {
        advice::warn::<A>(search, &trials, best, metric, direction);
    }
    let count = |state| trials.iter().filter(|trial| trial.state == state).count() as u32;
    let tuning = Tuning {
        metric: metric.to_owned(),
        value: best.value.unwrap_or(f64::NAN),
        best: best.number,
        params: best.params.clone(),
        trials: trials.len() as u32,
        pruned: count(TrialState::Pruned),
        failed: count(TrialState::Failed),
        folds: search.folds.len() as u32,
        cut_short: (trials.len() as u32) < most,
        timed: search.tune.seconds.is_some(),
    };
    Ok(Found { params, tuning, trials })
}

/// Parameters as a trial's record holds them.
pub(super) fn restored<P: DeserializeOwned>(fitted: &Value) -> Result<P, StepError> {
    serde_json::from_value(fitted.clone())
        .map_err(|error| StepError::new("broken-trial", format!("a recorded trial cannot be read: {error}")))
}

/// How one fit of a trial went.
struct Fitted<P> {
    value: f64,
    /// The parameters for a fit of the same length.
    params: P,
    /// Iterations kept, where it watched.
    length: usize,
}

impl<'a, A: Algorithm> Judge<'a, A> {
    fn new(
        search: &'a Search<'a, <A::Estimator as Estimator>::Params>,
        metric: &'a str,
        direction: Direction,
    ) -> Result<Self, StepError> {
        let mut judge = Self { search, metric, direction, prepared: Vec::new() };
        let Some((first, others)) = search.folds.split_first() else {
            return Err(StepError::new("no-rows", "there are no rows to judge trials by"));
        };
        let first = judge.prepare(first)?;
        // All before the first trial, as a trial that waits for another to prepare a fold could wait for itself.
        let kept = (MOST_KEPT / first.bytes().max(1)).saturating_sub(1).min(others.len());
        judge.prepared.push(first);
        let threads = search.material.context.threads;
        let more = side_by_side(threads, kept, |at| judge.prepare(&others[at]));
        judge.prepared.extend(more.into_iter().collect::<Result<Vec<_>, _>>()?);
        Ok(judge)
    }

    fn prepare(&self, rows: &Rows) -> Result<Prepared, StepError> {
        Prepared::of(self.search.material, A::WANTS, &rows.train, &rows.test)
    }

    /// Fits and judges one trial.
    fn trial(
        &self,
        number: u32,
        params: BTreeMap<String, Value>,
        curves: &[Curve],
        beside: usize,
    ) -> Result<Trial, StepError> {
        let started = Instant::now();
        let mut trial = Trial {
            study: self.search.study.clone(),
            number,
            params,
            state: TrialState::Failed,
            metric: self.metric.to_owned(),
            value: None,
            loss: None,
            folds: Vec::new(),
            reports: Vec::new(),
            fitted: Value::Null,
            why: None,
            seconds: 0.0,
        };
        match self.judge(&mut trial, curves, beside) {
            Ok(()) => {}
            Err(error) if error.code == "cancelled" => return Err(error),
            Err(error) => trial.why = Some(error.to_string()),
        }
        trial.seconds = started.elapsed().as_secs_f64();
        Ok(trial)
    }

    fn judge(&self, trial: &mut Trial, curves: &[Curve], beside: usize) -> Result<(), StepError> {
        let wrong = |message: String| StepError::new("bad-params", message);
        let params = with::<A>(self.search.params, &trial.params).map_err(wrong)?;
        let problems = A::Estimator::check(&params);
        if !problems.is_empty() {
            return Err(StepError::problems(problems.into_iter().map(Problem::from).collect()));
        }
        let threads = self.search.material.context.threads;
        let folds = self.search.folds.len();
        let pruner = self.search.tune.pruner;
        let mut fits = Vec::with_capacity(folds);
        if folds == 1 {
            let each = (threads / beside).max(1);
            match self.watched_fit(0, &params, trial, curves, each)? {
                Some(fit) => fits.push(fit),
                None => return Ok(()),
            }
        } else if pruner == Pruner::None {
            let each = (threads / (beside * folds).min(threads).max(1)).max(1);
            let all = side_by_side(threads, folds, |fold| self.fit(fold, &params, each, &|_, _, _| self.heed()));
            fits = all.into_iter().collect::<Result<_, _>>()?;
        } else {
            let each = (threads / beside).max(1);
            let mut sum = 0.0;
            for fold in 0..folds {
                let fit = self.fit(fold, &params, each, &|_, _, _| self.heed())?;
                sum += self.direction.loss(fit.value);
                fits.push(fit);
                let done = fold as u32 + 1;
                trial.reports.push((done, sum / f64::from(done)));
                let seed = self.search.material.common.seed;
                if prune(pruner, seed, trial.number, &trial.reports, curves, 1, folds as u32) {
                    trial.state = TrialState::Pruned;
                    trial.folds = fits.iter().map(|fit| fit.value).collect();
                    return Ok(());
                }
            }
        }
        let value = fits.iter().map(|fit| fit.value).sum::<f64>() / folds as f64;
        if !value.is_finite() {
            return Err(StepError::new("not-finite", format!("`{}` is {value}", self.metric)));
        }
        if folds > 1 {
            trial.folds = fits.iter().map(|fit| fit.value).collect();
        }
        // The fold of middle length stands for all: one that stopped much too early or late does not count.
        fits.sort_by_key(|fit| fit.length);
        let middle = &fits[(folds - 1) / 2];
        trial.fitted = serde_json::to_value(if folds == 1 { &params } else { &middle.params }).unwrap_or_default();
        trial.state = TrialState::Complete;
        trial.value = Some(value);
        trial.loss = Some(self.direction.loss(value));
        Ok(())
    }

    fn heed(&self) -> ControlFlow<()> {
        if self.search.material.context.monitor.cancelled() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// A fit whose losses may end it; none when it was given up.
    fn watched_fit(
        &self,
        fold: usize,
        params: &<A::Estimator as Estimator>::Params,
        trial: &mut Trial,
        curves: &[Curve],
        threads: usize,
    ) -> Result<Option<Fitted<<A::Estimator as Estimator>::Params>>, StepError> {
        let pruner = self.search.tune.pruner;
        let seed = self.search.material.common.seed;
        let given_up = AtomicBool::new(false);
        let reports = std::sync::Mutex::new(Vec::new());
        let number = trial.number;
        let on_iteration = |done: usize, total: usize, loss: Option<f64>| {
            if let Some(loss) = loss.filter(|_| pruner != Pruner::None) {
                let (done, total) = (done as u32, total as u32);
                let unit = total.div_ceil(REPORTS).max(1);
                if done.is_multiple_of(unit) {
                    let mut reports = reports.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    reports.push((done, loss));
                    if prune(pruner, seed, number, &reports, curves, unit, total) {
                        given_up.store(true, Memory::Relaxed);
                        return ControlFlow::Break(());
                    }
                }
            }
            self.heed()
        };
        let fit = self.fit(fold, params, threads, &on_iteration);
        trial.reports = reports.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if given_up.into_inner() {
            trial.state = TrialState::Pruned;
            return Ok(None);
        }
        fit.map(Some)
    }

    /// Fits on a fold's training rows and judges by its others.
    fn fit(
        &self,
        fold: usize,
        params: &<A::Estimator as Estimator>::Params,
        threads: usize,
        on_iteration: &(dyn Fn(usize, usize, Option<f64>) -> ControlFlow<()> + Sync),
    ) -> Result<Fitted<<A::Estimator as Estimator>::Params>, StepError> {
        let rows = &self.search.folds[fold];
        let passing;
        let prepared = match self.prepared.get(fold) {
            Some(prepared) => prepared,
            None => {
                passing = self.prepare(rows)?;
                &passing
            }
        };
        let material = self.search.material;
        let fitting = prepared.fit::<A>(material, &A::in_trials(params), threads, on_iteration, None)?;
        let prediction = prepared.predict(&fitting);
        let (truth, weights) = material.truth(&rows.test);
        let scored = Scored { truth: &truth, prediction: &prediction, weights: weights.as_deref(), groups: None };
        let value = metrics::value(self.metric, material.target.task, &scored)?;
        let params = A::as_long_as(params, Some(&fitting)).unwrap_or_else(|| params.clone());
        Ok(Fitted { value, params, length: fitting.length() })
    }
}
