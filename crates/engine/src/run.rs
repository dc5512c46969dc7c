//! Runs a plan: looks everything up first, then does what is missing on a small pool of threads.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use trainyard_core::{
    Digest, Plan, Problem, Registry,
    record::{RunRecord, StepRecord, StepStatus},
};
use trainyard_store::{Session, Store, StoreError};

use crate::{
    backlog::Backlog,
    clock,
    cost::Meter,
    error::EngineError,
    events::Event,
    guard::guard,
    keep::Keep,
    load::Loader,
    models::RunModels,
    options::Options,
    record,
    run_step::{give_up, run_step, settle_by_looking},
    schedule::{Graph, Limits, Need, schedule},
    scratch::Scratch,
    select::{Selection, select},
    view::View,
};

/// Values that wait to be kept hold no more than this many bytes of memory, unless a single one does.
const MOST_WAITING: u64 = 1 << 30;

/// A run under way.
pub(crate) struct Run<'a> {
    pub(crate) view: View<'a>,
    pub(crate) session: &'a Session<'a>,
    pub(crate) options: &'a Options,
    pub(crate) selection: Selection,
    pub(crate) events: &'a (dyn Fn(Event) + Sync),
    pub(crate) backlog: &'a Backlog,
    pub(crate) meter: Meter,
    pub(crate) scratch: Scratch,
    cancel: &'a AtomicBool,
    /// Set when something cannot be kept.
    stop: &'a AtomicBool,
    /// Set when a step was not tried for either reason.
    cut_short: AtomicBool,
    started: Instant,
    /// Which step made the work of a fingerprint in this run.
    makers: Mutex<BTreeMap<Digest, usize>>,
}

/// Runs a plan and records it. A step that fails does not make this fail: it stands in the record, and so does what
/// could not be tried because of it; whatever does not depend on it is done.
///
/// # Errors
/// When `options` name a step that is not there, or the store cannot be written.
pub fn run(
    plan: &Plan,
    registry: &Registry,
    store: &Store,
    options: &Options,
    events: &(dyn Fn(Event) + Sync),
    cancel: &AtomicBool,
) -> Result<RunRecord, EngineError> {
    let selection = select(plan, options)?;
    let session = store.session(&|| cancel.load(Ordering::Relaxed))?;
    let started = Instant::now();
    let mut header = record::started(plan, String::new(), clock::now());
    header.run = match &options.run {
        Some(run) => unused(store, run)?,
        None => clock::run_id(header.started),
    };
    session.start_run(&header)?;
    // Without what the last run found, each step is looked up by itself: slower and no worse.
    session.preload(&plan.name).ok();
    events(Event::RunStarted {
        run: header.run.clone(),
        pipeline: plan.name.clone(),
        steps: plan.steps.iter().map(|step| step.name.clone()).collect(),
    });
    let backlog = Backlog::new(MOST_WAITING);
    let models = RunModels { session: &session, backlog: &backlog, run: &header.run, store, registry };
    let lookup = |digest: &Digest| session.find_cached(digest);
    let loader = Loader::new(store, registry);
    let stop = AtomicBool::new(false);
    let mut view = View::new(plan, store, loader, &lookup, &models, &selection.wanted);
    view.run = &header.run;
    let run = Run {
        view,
        session: &session,
        options,
        selection,
        events,
        backlog: &backlog,
        meter: Meter::new(),
        scratch: Scratch::new(store, &header.run),
        cancel,
        stop: &stop,
        cut_short: AtomicBool::new(false),
        started,
        makers: Mutex::default(),
    };
    let keep = Keep {
        session: &session,
        ledger: &run.view.ledger,
        loader: &run.view.loader,
        run: &header,
        events,
        stop: &stop,
        unrecorded: Mutex::default(),
    };
    std::thread::scope(|scope| {
        scope.spawn(|| backlog.work_off(&mut |jobs| keep.write(jobs)));
        let closing = Closing(&backlog);
        run.work();
        drop(closing);
    });
    let unrecorded = keep.unrecorded.into_inner().unwrap_or_else(PoisonError::into_inner);
    finish(&run, header.clone(), unrecorded)
}

/// An id that someone chose, unless there is such a run.
fn unused(store: &Store, run: &str) -> Result<String, EngineError> {
    let sound = (1..=64).contains(&run.len()) && run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !sound {
        let message = format!("`{run}` cannot be the id of a run: up to 64 letters, digits and hyphens are");
        return Err(EngineError::Call(Problem::error("bad-run-id", message)));
    }
    if store.runs_named(run, 1)?.iter().any(|row| row.run == run) {
        let problem = Problem::error("run-exists", format!("there is a run `{run}` already"));
        return Err(EngineError::Call(problem.help("leave the id out: a new one is made")));
    }
    Ok(run.to_owned())
}

/// Closes the backlog even when the work panics, so that the keeping thread ends.
struct Closing<'a>(&'a Backlog);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Run<'_> {
    /// Looks up what can be, in order, while all inputs are known; the pool does the rest.
    fn work(&self) {
        let plan = self.view.plan;
        let mut done = vec![false; plan.steps.len()];
        for number in 0..plan.steps.len() {
            let step = &plan.steps[number];
            let ready = !self.selection.wanted[number]
                || !step.enabled
                || step.inputs.values().flatten().all(|source| done[source.step]);
            done[number] = ready && self.stopping().is_none() && settle_by_looking(self, number);
        }
        let limits = Limits { threads: self.options.threads.max(1), memory: self.options.memory };
        schedule(&self.graph(), &done, limits, &|number| {
            // The engine's own mistakes must not hang the pool either.
            let verdict = guard(|| Ok(run_step(self, number)));
            verdict.unwrap_or_else(|error| give_up(self, number, &error))
        });
    }

    fn graph(&self) -> Graph {
        let steps = &self.view.plan.steps;
        let waits_for = |step: &trainyard_core::PlannedStep| {
            let mut others: Vec<usize> = step.inputs.values().flatten().map(|source| source.step).collect();
            others.sort_unstable();
            others.dedup();
            others
        };
        Graph {
            needs: steps
                .iter()
                .map(|step| Need { cpu: step.cpu.unwrap_or(0.0).max(0.0), memory: step.memory.unwrap_or(0) })
                .collect(),
            waits_for: steps.iter().map(waits_for).collect(),
        }
    }

    /// Why no further step is to start, if so.
    pub(crate) fn stopping(&self) -> Option<&'static str> {
        if self.cancel.load(Ordering::Relaxed) {
            self.cut_short.store(true, Ordering::Relaxed);
            Some("the run was cancelled")
        } else if self.stop.load(Ordering::Relaxed) {
            Some("the result of another step could not be kept")
        } else {
            None
        }
    }

    /// The flags that ask a running step to stop.
    pub(crate) fn stops(&self) -> [&AtomicBool; 2] {
        [self.cancel, self.stop]
    }

    /// Opens steps again whose results in the store are broken.
    pub(crate) fn reopen(&self, steps: Vec<usize>) -> Vec<usize> {
        for number in &steps {
            let step = &self.view.plan.steps[*number];
            step.inputs.values().flatten().for_each(|source| self.view.ledger.hold(source.step));
            let line = "its result in the store is broken, so it is made again".to_owned();
            (self.events)(Event::StepLog { step: step.name.clone(), line });
        }
        steps
    }

    /// The step that made the work of that fingerprint in this run, if one did.
    pub(crate) fn maker(&self, fingerprint: &Digest) -> Option<usize> {
        self.makers().get(fingerprint).copied()
    }

    /// Notes that the step made it.
    pub(crate) fn put_maker(&self, fingerprint: Digest, number: usize) {
        self.makers().insert(fingerprint, number);
    }

    /// Milliseconds from the start of the run to `moment`.
    pub(crate) fn after(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    /// The record of a step that was not tried.
    pub(crate) fn blank(&self, number: usize) -> StepRecord {
        let step = &self.view.plan.steps[number];
        let mut from: Vec<usize> = step.inputs.values().flatten().map(|source| source.step).collect();
        from.sort_unstable();
        from.dedup();
        StepRecord {
            name: step.name.clone(),
            uses: step.step.name().to_owned(),
            status: StepStatus::Skipped,
            seconds: 0.0,
            why: None,
            outputs: BTreeMap::new(),
            warnings: Vec::new(),
            error: None,
            fingerprint: None,
            from: from.into_iter().map(|other| self.view.plan.steps[other].name.clone()).collect(),
            cost: trainyard_core::record::Cost::default(),
            started_after: self.after(Instant::now()),
            params: step.params.clone(),
        }
    }

    fn makers(&self) -> MutexGuard<'_, BTreeMap<Digest, usize>> {
        self.makers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Completes the record, everything having been kept.
fn finish(run: &Run<'_>, header: RunRecord, unrecorded: Option<StoreError>) -> Result<RunRecord, EngineError> {
    let ledger = &run.view.ledger;
    let steps: Vec<StepRecord> = (0..run.view.plan.steps.len())
        .map(|number| match ledger.ending(number) {
            Some((ending, _)) => std::sync::Arc::unwrap_or_clone(ending.record),
            None => run.blank(number),
        })
        .collect();
    let cancelled = run.cancel.load(Ordering::Relaxed);
    let status = record::status(&steps, cancelled, run.cut_short.load(Ordering::Relaxed));
    let record = RunRecord { status, seconds: run.started.elapsed().as_secs_f64(), steps, ..header };
    let written = run
        .session
        .record_metrics(&record.run, &record::metrics(&record.steps, &run.view.loader))
        .and_then(|()| run.session.finish_run(&record));
    (run.events)(Event::RunFinished { record: Box::new(record.clone()) });
    match unrecorded.map_or(written, Err) {
        // A step that could not be kept tells more than the record that could not be written for the same reason.
        Err(_) if record.steps.iter().any(|step| step.status == StepStatus::Failed) => Ok(record),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(record),
    }
}
