//! One step of a run. The heart of the engine: fingerprint → find → run → keep → record.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use trainyard_core::{
    Artifact, Digest, Outputs, PlannedStep, StepError, Value, Warning,
    record::{Cost, ErrorRecord, OutputRecord, StepRecord, StepStatus},
};
use trainyard_store::{Claim, StoreError};

use crate::{
    attempt::{Tried, attempt},
    backlog::{Job, Work},
    events::Event,
    find::{Found, find, why_missing},
    fingerprint::Fingerprint,
    inputs::{self, Given, Hindered, Unloaded},
    ledger::Ending,
    run::Run,
    schedule::Verdict,
};

/// A step whose inputs and fingerprint are known.
struct Known {
    number: usize,
    given: Vec<Given>,
    fingerprint: Fingerprint,
    digest: Digest,
    /// Why it was not found when it was looked up before the run.
    missed: Option<String>,
    started: Instant,
}

/// A finished step, found: its outputs, what the user should know, and the values that are in memory anyway.
struct Hit {
    outputs: BTreeMap<String, OutputRecord>,
    warnings: Vec<Warning>,
    values: BTreeMap<String, Arc<dyn Value>>,
}

/// Does one step, all those it takes from having ended. Never panics; whatever happens stands in the step's record.
pub(crate) fn run_step(run: &Run<'_>, number: usize) -> Verdict {
    if let Some(why) = run.stopping() {
        return skip(run, number, Hindered { why: why.to_owned(), absent: false });
    }
    let known = match fingerprint(run, number) {
        Ok(Ok(known)) => known,
        Ok(Err(error)) => return fail(run, number, &error),
        Err(hindered) => return skip(run, number, hindered),
    };
    let (why, claim) = match find_or_claim(run, &known) {
        Ok(Next::Found(hit)) => return record_hit(run, &known, hit),
        Ok(Next::Mine(why, claim)) => (why, claim),
        Err(error) if error.code == "cancelled" => {
            return skip(run, number, Hindered { why: error.message, absent: false });
        }
        Err(error) => {
            return record(run, known, String::new(), Tried { result: Err(error), warnings: Vec::new() }, None);
        }
    };
    let step = &run.view.plan.steps[number];
    (run.events)(Event::StepStarted { step: step.name.clone(), uses: step.step.name().to_owned(), why: why.clone() });
    run.meter.start(number);
    let inputs = match inputs::load(&run.view, &known.given, &|| run.backlog.settle()) {
        Ok(inputs) => inputs,
        Err(Unloaded::Again(steps)) => {
            run.meter.finish(number);
            return Verdict::Again(run.reopen(steps));
        }
        Err(Unloaded::Hopeless(error)) => {
            return record(run, known, why, Tried { result: Err(error), warnings: Vec::new() }, claim);
        }
    };
    if must_run(run, &known).is_some() {
        // Asked to be done anew: what it noted down the last time is no part of that.
        let forgotten = run.session.forget_trials(&known.digest).and_then(|()| forget_checkpoints(run, &known));
        if let Err(error) = forgotten {
            let tried = Tried { result: Err(error.into()), warnings: Vec::new() };
            return record(run, known, why, tried, claim);
        }
    }
    let tried = attempt(run, step, &known.digest, &inputs);
    if tried.result.is_ok() {
        // One that cannot be removed is found by no one, and `gc` takes it.
        forget_checkpoints(run, &known).ok();
    }
    record(run, known, why, tried, claim)
}

/// Looks the step up before anything runs. False when it must be left to [`run_step`].
pub(crate) fn settle_by_looking(run: &Run<'_>, number: usize) -> bool {
    if !run.selection.wanted[number] {
        skip(run, number, Hindered { why: "this run stops before it".to_owned(), absent: false });
        return true;
    }
    let known = match fingerprint(run, number) {
        Ok(Ok(known)) => known,
        // The pool tells of it, in its turn.
        Ok(Err(_)) => return false,
        Err(hindered) => {
            skip(run, number, hindered);
            return true;
        }
    };
    match look(run, &known) {
        Ok(hit) => {
            record_hit(run, &known, hit);
            true
        }
        Err(why) => {
            if !run.selection.forced[number] {
                run.view.ledger.put_missed(number, known.fingerprint, why);
            }
            false
        }
    }
}

fn fingerprint(run: &Run<'_>, number: usize) -> Result<Result<Known, StepError>, Hindered> {
    let started = Instant::now();
    let step = &run.view.plan.steps[number];
    if !step.enabled {
        return Err(Hindered { why: "its `when:` says no".to_owned(), absent: true });
    }
    let given = inputs::gather(&run.view, step)?;
    let digests = inputs::digests(step, &given);
    let (fingerprint, missed) = match run.view.ledger.take_missed(number) {
        // Asking outside data twice what it is could take long, and the answer was given a moment ago.
        Some((fingerprint, why)) if fingerprint.inputs == digests => (Ok(fingerprint), Some(why)),
        _ => (run.view.fingerprint(step, digests), None),
    };
    Ok(fingerprint.map(|fingerprint| {
        let digest = fingerprint.digest();
        Known { number, given, fingerprint, digest, missed, started }
    }))
}

/// The finished work, or why there is none that will do.
fn look(run: &Run<'_>, known: &Known) -> Result<Hit, String> {
    if let Some(why) = must_run(run, known) {
        return Err(why);
    }
    if let Some(hit) = made_in_this_run(run, known) {
        return Ok(hit);
    }
    look_in_store(run, known).map_err(|why| explained(run, known, why))
}

/// Why the work is to be done even if it is found, if so.
fn must_run(run: &Run<'_>, known: &Known) -> Option<String> {
    if let Some(why) = run.view.ledger.redo(known.number) {
        return Some(format!("its result in the store is broken: {why}"));
    }
    run.selection.forced[known.number].then(|| "it is forced".to_owned())
}

fn explained(run: &Run<'_>, known: &Known, why: Option<String>) -> String {
    let step = &run.view.plan.steps[known.number];
    why.or_else(|| known.missed.clone())
        .unwrap_or_else(|| why_missing(&run.view, step, &known.fingerprint, &known.digest))
}

fn look_in_store(run: &Run<'_>, known: &Known) -> Result<Hit, Option<String>> {
    let step = &run.view.plan.steps[known.number];
    match find(&run.view, step, &known.digest) {
        Found::Miss(why) => Err(why),
        Found::Hit(hit, loaded) => Ok(Hit {
            outputs: inputs::outputs_of(&hit),
            warnings: hit.warnings,
            values: loaded.into_iter().map(|(port, artifact)| (port, artifact.value)).collect(),
        }),
    }
}

/// The same work done by another step of this run, whose result may still be on its way to the store.
fn made_in_this_run(run: &Run<'_>, known: &Known) -> Option<Hit> {
    let step = &run.view.plan.steps[known.number];
    if step.step.always_runs() || step.step.has_effect(&step.params) {
        return None;
    }
    let (ending, _) = run.view.ledger.ending(run.maker(&known.digest)?)?;
    let record = ending.record;
    let values = record
        .outputs
        .iter()
        .filter_map(|(port, output)| Some((port.clone(), run.view.loader.recall(&output.digest)?)));
    (record.status == StepStatus::Ran).then(|| Hit {
        values: values.collect(),
        outputs: record.outputs.clone(),
        warnings: record.warnings.clone(),
    })
}

enum Next {
    /// The work is done already.
    Found(Hit),
    /// It is to be done here, for this reason, and nowhere else while the claim is held.
    Mine(String, Option<Claim>),
}

/// The finished work, or the sole right to do it. Whoever had that right before may have done the work, so it is looked
/// up after the claim, and once is enough.
fn find_or_claim(run: &Run<'_>, known: &Known) -> Result<Next, StepError> {
    let must = must_run(run, known);
    if must.is_none()
        && let Some(hit) = made_in_this_run(run, known)
    {
        return Ok(Next::Found(hit));
    }
    if run.view.plan.steps[known.number].step.always_runs() {
        return Ok(Next::Mine(must.unwrap_or_else(|| "it always runs".to_owned()), None));
    }
    let claim = run.session.claim(&known.digest, &|| run.stopping().is_some())?;
    if let Some(why) = must {
        return Ok(Next::Mine(why, Some(claim)));
    }
    // Another step of this run may have had the claim.
    match made_in_this_run(run, known).map_or_else(|| look_in_store(run, known), Ok) {
        Ok(hit) => Ok(Next::Found(hit)),
        Err(why) => Ok(Next::Mine(explained(run, known, why), Some(claim))),
    }
}

fn forget_checkpoints(run: &Run<'_>, known: &Known) -> Result<(), StoreError> {
    run.session.forget_checkpoints(&known.digest)
}

fn skip(run: &Run<'_>, number: usize, hindered: Hindered) -> Verdict {
    let mut record = run.blank(number);
    record.why = Some(hindered.why);
    end(run, number, record, None, hindered.absent, BTreeMap::new());
    run.backlog.push(Job::Note(number));
    Verdict::Done
}

/// The step could not even be fingerprinted: its outside data is out of reach, or its parameters are wrong.
fn fail(run: &Run<'_>, number: usize, error: &StepError) -> Verdict {
    let mut record = run.blank(number);
    record.status = StepStatus::Failed;
    record.error = Some(told(error));
    end(run, number, record, None, false, BTreeMap::new());
    run.backlog.push(Job::Note(number));
    Verdict::Done
}

fn record_hit(run: &Run<'_>, known: &Known, hit: Hit) -> Verdict {
    let mut record = run.blank(known.number);
    record.status = StepStatus::Cached;
    record.seconds = known.started.elapsed().as_secs_f64();
    record.started_after = run.after(known.started);
    record.fingerprint = Some(known.digest);
    record.outputs = hit.outputs;
    record.warnings = hit.warnings;
    run.view.plan.steps[known.number].mark_silenced(&mut record.warnings);
    end(run, known.number, record, None, false, hit.values);
    run.backlog.push(Job::Note(known.number));
    Verdict::Done
}

/// Hands what the step made to be kept, and records how it went.
fn record(run: &Run<'_>, known: Known, why: String, tried: Tried, claim: Option<Claim>) -> Verdict {
    let number = known.number;
    let step = &run.view.plan.steps[number];
    let Tried { result, mut warnings } = tried;
    let (status, outputs, error) = match result {
        Ok(outputs) => (StepStatus::Ran, outputs, None),
        Err(mut error) => {
            let status = if error.refused { StepStatus::Refused } else { StepStatus::Failed };
            let outputs = error.outputs.take().map(|outputs| *outputs).unwrap_or_default();
            (status, outputs, Some(told(&error)))
        }
    };
    let steady = status != StepStatus::Ran || outside_is_as_before(run, step, &known);
    if !steady {
        warnings.push(Warning::new("changed-while-read", "the data outside changed while it was read"));
    }
    step.mark_silenced(&mut warnings);
    for warning in &warnings {
        (run.events)(Event::Warning { step: step.name.clone(), warning: warning.clone() });
    }
    let measured = run.meter.finish(number);
    let recorded: BTreeMap<String, OutputRecord> =
        outputs.ports.iter().map(|(port, artifact)| (port.clone(), inputs::output_of(artifact))).collect();
    let bytes_out = recorded.values().map(|output| output.bytes).sum();
    let fields = serde_json::to_value(&known.fingerprint)
        .expect("a fingerprint has string keys and no serialiser that could fail");
    let record = StepRecord {
        status,
        seconds: known.started.elapsed().as_secs_f64(),
        why: (!why.is_empty()).then_some(why),
        outputs: recorded,
        warnings: warnings.clone(),
        error,
        fingerprint: Some(known.digest),
        cost: Cost {
            cpu_seconds: measured.cpu_seconds,
            peak_memory: measured.peak_memory,
            bytes_in: inputs::bytes(&known.given),
            bytes_out,
        },
        started_after: run.after(known.started),
        ..run.blank(number)
    };
    let reusable = status == StepStatus::Ran && steady;
    let job = if outputs.ports.is_empty() && status != StepStatus::Ran {
        Job::Note(number)
    } else {
        Job::Keep(Box::new(Work {
            step: number,
            fingerprint: known.digest,
            fields: fields.clone(),
            uses: step.step.name(),
            inputs: inputs::rows(&known.given),
            outputs: outputs.ports.iter().map(|(port, artifact)| (port.clone(), artifact.clone())).collect(),
            warnings,
            reusable,
            claim,
            bytes: bytes_out,
        }))
    };
    // Downstream starts as soon as this returns, while the values are still on their way to the store.
    end(run, number, record, Some(fields), false, values(run, outputs));
    run.backlog.push(job);
    // Only now: who finds it here may wait for it to be kept, and must not wait in vain.
    if reusable {
        run.put_maker(known.digest, number);
    }
    Verdict::Done
}

/// Outside data that changed between the fingerprint and now may have been read either way: such a result must not be
/// found again.
fn outside_is_as_before(run: &Run<'_>, step: &PlannedStep, known: &Known) -> bool {
    known.fingerprint.identity.is_none()
        || run
            .view
            .fingerprint(step, known.fingerprint.inputs.clone())
            .is_ok_and(|now| now.identity == known.fingerprint.identity)
}

fn values(run: &Run<'_>, outputs: Outputs) -> BTreeMap<String, Arc<dyn Value>> {
    outputs
        .ports
        .into_iter()
        .map(|(port, Artifact { digest, value })| {
            run.view.loader.remember(digest, &value);
            (port, value)
        })
        .collect()
}

fn end(
    run: &Run<'_>,
    number: usize,
    record: StepRecord,
    fields: Option<serde_json::Value>,
    absent: bool,
    values: BTreeMap<String, Arc<dyn Value>>,
) {
    (run.events)(Event::StepFinished { record: Box::new(record.clone()) });
    run.view.ledger.end(number, Ending { record: Arc::new(record), fields, absent }, values);
    if run.selection.wanted[number] {
        run.view.plan.steps[number].inputs.values().flatten().for_each(|source| run.view.ledger.release(source.step));
    }
}

fn told(error: &StepError) -> ErrorRecord {
    ErrorRecord {
        code: error.code.clone(),
        message: error.message.clone(),
        help: error.help.clone(),
        problems: error.problems.clone(),
    }
}

/// Ends a step at which the engine itself failed.
pub(crate) fn give_up(run: &Run<'_>, number: usize, error: &StepError) -> Verdict {
    fail(run, number, error)
}
