//! A run's progress: bars on a terminal, plain lines in a pipe.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::IsTerminal,
    sync::Mutex,
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use trainyard_core::{
    Warning,
    record::{StepRecord, StepStatus},
};
use trainyard_engine::Event;

use crate::{output::complain, render};

/// Shows events as they come.
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
    running: Mutex<BTreeMap<String, ProgressBar>>,
    overall: Mutex<Option<ProgressBar>>,
    width: Mutex<usize>,
    told: Mutex<BTreeSet<(String, String)>>,
    quiet: bool,
}

impl Progress {
    /// Bars when standard error is a terminal; nothing when `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        let bars = (!quiet && std::io::stderr().is_terminal()).then(MultiProgress::new);
        Self {
            bars,
            running: Mutex::default(),
            overall: Mutex::default(),
            width: Mutex::new(0),
            told: Mutex::default(),
            quiet,
        }
    }

    /// Shows an event.
    pub(crate) fn show(&self, event: Event) {
        if self.quiet {
            return;
        }
        match event {
            Event::RunStarted { pipeline, steps, run } => self.start(&pipeline, &run, &steps),
            Event::StepStarted { step, uses, .. } => self.step_started(&step, &uses),
            Event::StepProgress { step, done, total, note } => self.step_progress(&step, done, total, &note),
            Event::StepLog { step, line } => self.line(&format!("  {step} | {line}")),
            Event::StepFinished { record } => self.step_finished(&record),
            Event::Warning { .. } | Event::RunFinished { .. } => {}
        }
    }

    /// Takes all bars away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = lock(&self.overall).take() {
            bar.finish_and_clear();
        }
    }

    fn start(&self, pipeline: &str, run: &str, steps: &[String]) {
        *lock(&self.width) = steps.iter().map(|step| step.chars().count()).max().unwrap_or(0).min(32);
        self.line(&format!("{pipeline}, run {run}"));
        if let Some(bars) = &self.bars {
            let style = ProgressStyle::with_template("{bar:30.cyan/dim} {pos}/{len} steps  {elapsed}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            *lock(&self.overall) = Some(bars.add(ProgressBar::new(steps.len() as u64).with_style(style)));
        }
    }

    fn step_started(&self, step: &str, uses: &str) {
        let Some(bars) = &self.bars else { return };
        let style = ProgressStyle::with_template("  {spinner:.cyan} {prefix}  {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = bars.insert_from_back(1, ProgressBar::new_spinner().with_style(style));
        bar.set_prefix(step.to_owned());
        bar.set_message(uses.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        lock(&self.running).insert(step.to_owned(), bar);
    }

    fn step_progress(&self, step: &str, done: u64, total: u64, note: &str) {
        if let Some(bar) = lock(&self.running).get(step) {
            if total > 0 {
                let style = ProgressStyle::with_template(
                    "  {spinner:.cyan} {prefix}  {bar:20.cyan/dim} {pos}/{len}  {wide_msg}",
                )
                .unwrap_or_else(|_| ProgressStyle::default_bar());
                bar.set_style(style);
                bar.set_length(total);
                bar.set_position(done);
            }
            bar.set_message(note.to_owned());
        }
    }

    fn step_finished(&self, record: &StepRecord) {
        if let Some(bar) = lock(&self.running).remove(&record.name) {
            bar.finish_and_clear();
        }
        self.line(&step_line(record, *lock(&self.width)));
        let mut told = lock(&self.told);
        // Steps that look at the same data find the same: once is enough.
        let news: Vec<Warning> = record
            .warnings
            .iter()
            .filter(|warning| warning.silenced.is_none())
            .filter(|warning| told.insert((warning.code.clone(), warning.message.clone())))
            .cloned()
            .collect();
        drop(told);
        render::warnings(&news, "      ").lines().for_each(|line| self.line(line));
        if let Some(bar) = lock(&self.overall).as_ref() {
            bar.inc(1);
        }
    }

    fn line(&self, line: &str) {
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(line);
            }
            None => complain(&format!("{line}\n")),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `✓ tidy     prepare/sql   9 527 rows   0.02 s`
pub(crate) fn step_line(record: &StepRecord, width: usize) -> String {
    let (mark, time) = match record.status {
        StepStatus::Ran => ("✓", seconds(record.seconds)),
        StepStatus::Cached => ("=", "known".to_owned()),
        StepStatus::Failed => ("✗", seconds(record.seconds)),
        StepStatus::Refused => ("⊘", seconds(record.seconds)),
        StepStatus::Skipped => ("-", "skipped".to_owned()),
    };
    let rows = record
        .outputs
        .values()
        .filter_map(|output| output.rows)
        .max()
        .map_or_else(String::new, |rows| format!("{} rows", thousands(rows)));
    format!("  {mark} {:width$}  {:24} {time:>9}  {rows}", record.name, record.uses).trim_end().to_owned()
}

/// `0.02 s`, `1 min 5 s`.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds >= 60.0 {
        return format!("{} min {:.0} s", (seconds / 60.0).floor(), seconds % 60.0);
    }
    if seconds >= 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.2} s") }
}

/// `49 097`, with a narrow space that no line breaks at.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(49_097), "49\u{202f}097");
        assert_eq!(thousands(7), "7");
        assert_eq!(seconds(0.018), "0.02 s");
        assert_eq!(seconds(65.2), "1 min 5 s");
    }
}
