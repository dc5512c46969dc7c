//! What each step cost: processor seconds and peak memory, measured on the process as a whole and shared out.
//!
//! Processor time is read whenever a step starts or ends; the time since the last reading is shared equally among
//! the steps that ran meanwhile. What the keeping thread uses is thereby charged to the steps beside it.
//! Memory is the process's: for a step that ran alone the kernel's own high-water mark, for steps that overlap the
//! highest of the readings taken at each start and end. Steps found in the cache are not measured.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::process::Process;

/// What was measured of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_memory: u64,
}

/// Measures the steps of a run.
pub(crate) struct Meter {
    process: Process,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<usize, Measured>,
    /// Processor seconds of the process at the last reading.
    cpu_seconds: f64,
    /// Resident memory of the process then.
    resident: u64,
    /// True while the one running step started on a fresh high-water mark.
    alone: bool,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self { process: Process::open(), state: Mutex::default() }
    }

    /// A step starts.
    pub(crate) fn start(&self, step: usize) {
        let mut state = self.state();
        self.read(&mut state);
        if state.running.is_empty() {
            state.alone = self.process.reset_peak();
        } else if std::mem::take(&mut state.alone) {
            self.note_peak(&mut state);
        }
        let peak_memory = if state.alone { 0 } else { state.resident };
        state.running.insert(step, Measured { cpu_seconds: 0.0, peak_memory });
    }

    /// A step ends: what it cost.
    pub(crate) fn finish(&self, step: usize) -> Measured {
        let mut state = self.state();
        self.read(&mut state);
        if state.alone {
            self.note_peak(&mut state);
        }
        state.running.remove(&step).unwrap_or_default()
    }

    /// Shares out the processor time since the last reading and raises the peaks.
    fn read(&self, state: &mut State) {
        let sample = self.process.sample();
        #[expect(clippy::cast_precision_loss, reason = "a handful of steps")]
        let share = (sample.cpu_seconds - state.cpu_seconds) / state.running.len().max(1) as f64;
        state.cpu_seconds = sample.cpu_seconds;
        state.resident = sample.resident;
        for measured in state.running.values_mut() {
            measured.cpu_seconds += share;
            measured.peak_memory = measured.peak_memory.max(sample.resident);
        }
    }

    fn note_peak(&self, state: &mut State) {
        let peak = self.process.peak().unwrap_or_default();
        for measured in state.running.values_mut() {
            measured.peak_memory = measured.peak_memory.max(peak);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// Uses so many processor seconds, however long that takes on a busy machine.
    fn burn(seconds: f64) {
        let process = Process::open();
        let start = process.sample().cpu_seconds;
        let mut sum = 0_u64;
        while process.sample().cpu_seconds < start + seconds {
            sum = std::hint::black_box((0..10_000).fold(sum, |sum, number| sum.wrapping_mul(31) ^ number));
        }
    }

    #[test]
    fn shares_processor_time_among_those_that_run() {
        let meter = Meter::new();
        meter.start(0);
        burn(0.05);
        meter.start(1);
        let second = meter.finish(1);
        let first = meter.finish(0);
        assert!(first.cpu_seconds > second.cpu_seconds, "{first:?} {second:?}");
        assert!(first.cpu_seconds >= 0.04, "{first:?}");
        assert_eq!(meter.finish(7), Measured::default());
    }

    #[test]
    fn sees_memory_that_is_given_back_before_the_end() {
        let meter = Meter::new();
        meter.start(0);
        drop(std::hint::black_box(vec![1_u8; 64 << 20]));
        assert!(meter.finish(0).peak_memory >= 64 << 20);
    }

    #[test]
    fn costs_little() {
        let meter = Meter::new();
        let start = std::time::Instant::now();
        for step in 0..1000 {
            meter.start(step);
            meter.finish(step);
        }
        // Aim: 20 µs a step; the bound is loose because the machine may be busy.
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    }
}
