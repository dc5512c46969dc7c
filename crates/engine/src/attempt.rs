//! Runs a step's code: once, or as often as its retries allow, within its time.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use trainyard_core::{Context, Digest, Inputs, Outputs, PlannedStep, StepError, Warning};

use crate::{
    events::Event,
    monitor::StepMonitor,
    notes::RunNotes,
    run::Run,
    secrets::{guard_step, hide},
};

/// A pause before a retry never exceeds this, however often it is doubled.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How running a step's code went.
pub(crate) struct Tried {
    /// What it made, or why the last attempt failed.
    pub(crate) result: Result<Outputs, StepError>,
    /// The warnings of the last attempt, and one for each that failed before.
    pub(crate) warnings: Vec<Warning>,
}

/// Runs the step, again after a failure that another attempt might mend.
pub(crate) fn attempt(run: &Run<'_>, step: &PlannedStep, fingerprint: &Digest, inputs: &Inputs) -> Tried {
    let notes = RunNotes { session: run.session, fingerprint };
    let params = step.params_with_secrets();
    let mut retried = Vec::new();
    let mut pause = step.backoff;
    for left in (0..=step.retries).rev() {
        let monitor = StepMonitor::new(
            step,
            run.events,
            run.stops(),
            step.timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        );
        let (result, warnings) = once(run, step, &params, inputs, &monitor, &notes);
        match result {
            Err(error) if left > 0 && may_pass(&error) => {
                let message = format!("{}; trying again, {left} left", error.message);
                (run.events)(Event::StepLog { step: step.name.clone(), line: message });
                retried.push(Warning::new("retried", format!("an attempt failed: {}", error.message)));
                if !wait(pause, &monitor) {
                    return Tried { result: Err(cancelled(run)), warnings: retried };
                }
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
            result => {
                retried.extend(warnings);
                return Tried { result, warnings: retried };
            }
        }
    }
    Tried { result: Err(cancelled(run)), warnings: retried }
}

fn once(
    run: &Run<'_>,
    step: &PlannedStep,
    params: &serde_json::Value,
    inputs: &Inputs,
    monitor: &StepMonitor<'_>,
    notes: &RunNotes<'_>,
) -> (Result<Outputs, StepError>, Vec<Warning>) {
    let scratch = match run.scratch.lend() {
        Ok(scratch) => scratch,
        Err(error) => return (Err(error), Vec::new()),
    };
    let warnings = Mutex::default();
    let context = Context {
        setting: &step.setting,
        scratch: scratch.path(),
        held: &run.scratch.held(),
        step: &step.name,
        pipeline: &run.view.plan.name,
        run: run.view.run,
        threads: run.options.threads.max(1),
        models: run.view.models,
        notes,
        uses: notes,
        monitor,
        warnings: &warnings,
    };
    let started = Instant::now();
    let result = guard_step(step, || step.step.run(params, inputs, &context));
    let result = judge(run, result, step, monitor, started.elapsed());
    let mut warnings = warnings.into_inner().unwrap_or_else(PoisonError::into_inner);
    for warning in warnings.iter_mut().filter(|_| !step.secrets.is_empty()) {
        warning.message = hide(&step.secrets, &warning.message);
        warning.help = warning.help.take().map(|help| hide(&step.secrets, &help));
    }
    (result, warnings)
}

/// What a result means, given that the step may have been asked to stop.
fn judge(
    run: &Run<'_>,
    result: Result<Outputs, StepError>,
    step: &PlannedStep,
    monitor: &StepMonitor<'_>,
    took: Duration,
) -> Result<Outputs, StepError> {
    let gave_up = result.as_ref().is_err_and(|error| error.code == "cancelled");
    match step.timeout {
        _ if monitor.stopped() && result.is_err() => Err(cancelled(run)),
        Some(timeout) if monitor.late() && (gave_up || result.is_ok()) => {
            let heed = if gave_up { String::new() } else { format!(", and ended only after {}", seconds(took)) };
            Err(StepError::new("timeout", format!("it took longer than its timeout of {}{heed}", seconds(timeout)))
                .help("raise `timeout:`, or give it less to do"))
        }
        _ => result,
    }
}

/// True for a failure that another attempt might not meet: not a verdict, a wrong parameter, a bug or the user's wish.
fn may_pass(error: &StepError) -> bool {
    !error.refused && error.problems.is_empty() && !matches!(error.code.as_str(), "panic" | "cancelled")
}

fn cancelled(run: &Run<'_>) -> StepError {
    StepError::new("cancelled", run.stopping().unwrap_or("the run was cancelled"))
}

/// Waits; false when the run is to stop meanwhile.
fn wait(pause: Duration, monitor: &StepMonitor<'_>) -> bool {
    const SLICE: Duration = Duration::from_millis(20);
    let started = Instant::now();
    while !monitor.stopped() {
        match pause.checked_sub(started.elapsed()) {
            Some(rest) if !rest.is_zero() => std::thread::sleep(rest.min(SLICE)),
            _ => return true,
        }
    }
    false
}

fn seconds(time: Duration) -> String {
    let text = format!("{:.1}", time.as_secs_f64());
    format!("{} s", text.strip_suffix(".0").unwrap_or(&text))
}
