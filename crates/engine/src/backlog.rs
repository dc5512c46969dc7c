//! Work that waits to be written to the store, in the order in which it was finished.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use trainyard_core::{Artifact, Digest, Warning};
use trainyard_store::{Claim, InputRow};

/// Jobs that are written in one transaction, at most.
const MOST_AT_ONCE: usize = 1000;

/// Writes start no closer together than this, unless someone waits for them: a write holds the catalog, and steps that
/// take microseconds would otherwise wait for each other's. A step that ends after a longer calm is written at once.
const CALM: Duration = Duration::from_millis(20);

/// What a step made, to be kept.
pub(crate) struct Work {
    /// The step's number.
    pub(crate) step: usize,
    /// The digest of its fingerprint.
    pub(crate) fingerprint: Digest,
    /// The fields of its fingerprint.
    pub(crate) fields: serde_json::Value,
    /// What did it.
    pub(crate) uses: &'static str,
    /// What went in.
    pub(crate) inputs: Vec<InputRow>,
    /// What came out: port and artifact.
    pub(crate) outputs: Vec<(String, Artifact)>,
    /// What the user should know.
    pub(crate) warnings: Vec<Warning>,
    /// False for a refused result, which is kept but never found again.
    pub(crate) reusable: bool,
    /// The sole right to this work, held until it is kept.
    pub(crate) claim: Option<Claim>,
    /// Bytes of the outputs in memory.
    pub(crate) bytes: u64,
}

/// Something to be written.
pub(crate) enum Job {
    /// What a step made; then its record.
    Keep(Box<Work>),
    /// The record of a step.
    Note(usize),
}

impl Job {
    /// The number of the step it is about.
    pub(crate) fn step(&self) -> usize {
        match self {
            Self::Keep(work) => work.step,
            Self::Note(step) => *step,
        }
    }

    const fn bytes(&self) -> u64 {
        match self {
            Self::Keep(work) => work.bytes,
            Self::Note(_) => 0,
        }
    }
}

/// The jobs, first in, first out: whatever a piece of work took in was kept before it.
pub(crate) struct Backlog {
    state: Mutex<State>,
    changed: Condvar,
    /// Values waiting to be kept hold memory; beyond so many bytes, whoever brings more waits.
    most_bytes: u64,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: u64,
    busy: bool,
    closed: bool,
    /// How many wait until all is written.
    waiting: usize,
}

impl State {
    /// True when there is no time to let more jobs gather.
    fn is_urgent(&self) -> bool {
        self.closed || self.waiting > 0 || self.jobs.len() >= MOST_AT_ONCE
    }
}

impl Backlog {
    pub(crate) fn new(most_bytes: u64) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), most_bytes }
    }

    /// Adds a job.
    pub(crate) fn push(&self, job: Job) {
        let bytes = job.bytes();
        let mut state = self.state();
        while bytes > 0 && state.bytes > 0 && state.bytes.saturating_add(bytes) > self.most_bytes {
            state.waiting += 1;
            self.changed.notify_all();
            state = self.wait(state);
            state.waiting -= 1;
        }
        state.bytes = state.bytes.saturating_add(bytes);
        state.jobs.push_back(job);
        // Whoever writes looks again when it is done, and is in no hurry for the second job.
        if !state.busy && (state.jobs.len() == 1 || state.is_urgent()) {
            self.changed.notify_all();
        }
    }

    /// Waits until everything brought so far is written.
    pub(crate) fn settle(&self) {
        let mut state = self.state();
        state.waiting += 1;
        self.changed.notify_all();
        while state.busy || !state.jobs.is_empty() {
            state = self.wait(state);
        }
        state.waiting -= 1;
    }

    /// No more jobs will come.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Hands the jobs to `write`, as many at a time as there are, until closed and empty.
    pub(crate) fn work_off(&self, write: &mut dyn FnMut(Vec<Job>)) {
        let mut state = self.state();
        let mut last: Option<Instant> = None;
        loop {
            if state.jobs.is_empty() {
                if state.closed {
                    return;
                }
                state = self.wait(state);
                continue;
            }
            let calm = last.map_or(Duration::ZERO, |last| CALM.saturating_sub(last.elapsed()));
            if !calm.is_zero() && !state.is_urgent() {
                state = self.changed.wait_timeout(state, calm).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            last = Some(Instant::now());
            let count = state.jobs.len().min(MOST_AT_ONCE);
            let jobs: Vec<Job> = state.jobs.drain(..count).collect();
            let bytes: u64 = jobs.iter().map(Job::bytes).sum();
            state.busy = true;
            drop(state);
            write(jobs);
            state = self.state();
            state.busy = false;
            state.bytes = state.bytes.saturating_sub(bytes);
            self.changed.notify_all();
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn nothing_is_lost_and_order_is_kept() {
        let backlog = Backlog::new(1);
        let written = Mutex::new(Vec::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                backlog.work_off(&mut |jobs| written.lock().unwrap().extend(jobs.iter().map(Job::step)));
            });
            for step in 0..5000 {
                backlog.push(Job::Note(step));
                if step == 2500 {
                    backlog.settle();
                    assert_eq!(written.lock().unwrap().len(), 2501);
                }
            }
            backlog.close();
        });
        assert_eq!(written.into_inner().unwrap(), (0..5000).collect::<Vec<_>>());
    }

    #[test]
    fn those_who_bring_much_wait_for_room() {
        let heavy = |step| {
            Job::Keep(Box::new(Work {
                step,
                fingerprint: Digest::of(b""),
                fields: serde_json::Value::Null,
                uses: "",
                inputs: Vec::new(),
                outputs: Vec::new(),
                warnings: Vec::new(),
                reusable: true,
                claim: None,
                bytes: 60,
            }))
        };
        let backlog = Backlog::new(100);
        let most = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                backlog.work_off(&mut |jobs| {
                    most.fetch_max(jobs.len(), Ordering::Relaxed);
                });
            });
            (0..50).for_each(|step| backlog.push(heavy(step)));
            backlog.close();
        });
        assert_eq!(most.into_inner(), 1);
    }
}
