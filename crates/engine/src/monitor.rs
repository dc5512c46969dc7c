//! The engine's side of a running step's progress, log and wish to stop.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use trainyard_core::{PlannedStep, step::Monitor};

use crate::{clock, events::Event, secrets::hide};

/// Progress that comes faster than this is dropped, but for the last: a step may report every row.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// Watches one attempt of one step.
pub(crate) struct StepMonitor<'a> {
    step: &'a PlannedStep,
    events: &'a (dyn Fn(Event) + Sync),
    /// Any of them asks the step to stop.
    stops: [&'a AtomicBool; 2],
    deadline: Option<Instant>,
    last: Mutex<Option<Instant>>,
}

impl<'a> StepMonitor<'a> {
    pub(crate) fn new(
        step: &'a PlannedStep,
        events: &'a (dyn Fn(Event) + Sync),
        stops: [&'a AtomicBool; 2],
        deadline: Option<Instant>,
    ) -> Self {
        Self { step, events, stops, deadline, last: Mutex::default() }
    }

    /// True once the step's time is up.
    pub(crate) fn late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// True once the run is to stop.
    pub(crate) fn stopped(&self) -> bool {
        self.stops.iter().any(|stop| stop.load(Ordering::Relaxed))
    }
}

impl Monitor for StepMonitor<'_> {
    fn progress(&self, done: u64, total: u64, note: &str) {
        let now = Instant::now();
        {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let too_soon = last.is_some_and(|last| now.duration_since(last) < PROGRESS_EVERY);
            if too_soon && done != total {
                return;
            }
            *last = Some(now);
        }
        let note = hide(&self.step.secrets, note);
        (self.events)(Event::StepProgress { step: self.step.name.clone(), done, total, note });
    }

    fn log(&self, line: &str) {
        let line = hide(&self.step.secrets, line);
        (self.events)(Event::StepLog { step: self.step.name.clone(), line });
    }

    fn cancelled(&self) -> bool {
        self.stopped() || self.late()
    }

    fn now(&self) -> i64 {
        clock::now()
    }
}
