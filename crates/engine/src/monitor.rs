//! The engine's side of a running step's progress, log and wish to stop.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use trainyard_core::step::Monitor;

use crate::{clock, events::Event};

/// Progress that comes faster than this is dropped, but for the last: a step may report every row.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// Watches one attempt of one step.
pub(crate) struct StepMonitor<'a> {
    step: &'a str,
    events: &'a (dyn Fn(Event) + Sync),
    /// Any of them asks the step to stop.
    stops: [&'a AtomicBool; 2],
    deadline: Option<Instant>,
    last: Mutex<Option<Instant>>,
}

impl<'a> StepMonitor<'a> {
    pub(crate) fn new(
        step: &'a str,
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
        (self.events)(Event::StepProgress { step: self.step.to_owned(), done, total, note: note.to_owned() });
    }

    fn log(&self, line: &str) {
        (self.events)(Event::StepLog { step: self.step.to_owned(), line: line.to_owned() });
    }

    fn cancelled(&self) -> bool {
        self.stopped() || self.late()
    }

    fn now(&self) -> i64 {
        clock::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thins_progress_but_never_the_last() {
        let events = Mutex::new(Vec::new());
        let take = |event| events.lock().unwrap().push(event);
        let never = AtomicBool::new(false);
        let monitor = StepMonitor::new("a", &take, [&never, &never], None);
        (1..=1000).for_each(|done| monitor.progress(done, 1000, ""));
        let seen: Vec<u64> = events
            .into_inner()
            .unwrap()
            .into_iter()
            .filter_map(|event| if let Event::StepProgress { done, .. } = event { Some(done) } else { None })
            .collect();
        assert_eq!((seen.first(), seen.last()), (Some(&1), Some(&1000)));
        assert!(seen.len() < 100, "{}", seen.len());
    }

    #[test]
    fn stops_for_the_run_and_for_the_clock() {
        let (stop, never) = (AtomicBool::new(false), AtomicBool::new(false));
        let ignore = |_| {};
        assert!(StepMonitor::new("a", &ignore, [&never, &stop], Some(Instant::now())).cancelled());
        let monitor = StepMonitor::new("a", &ignore, [&never, &stop], None);
        assert!(!monitor.cancelled());
        stop.store(true, Ordering::Relaxed);
        assert!(monitor.cancelled() && !monitor.late());
    }
}
