//! What fills a step's input ports: first by digest, and only for a step that runs, by value.

use std::{collections::BTreeMap, sync::PoisonError};

use trainyard_core::{
    Arity, Artifact, Inputs, PlannedStep, StepError,
    record::{OutputRecord, StepStatus},
};
use trainyard_store::InputRow;

use crate::{fingerprint::InputDigests, ledger::Mend, view::View};

/// An artifact that fills an input port, known by its digest.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// The input port.
    pub(crate) port: String,
    /// The name by which the step knows it.
    pub(crate) name: String,
    /// The number of the step it comes from.
    pub(crate) step: usize,
    /// The output port it comes from.
    pub(crate) from: String,
    /// What it is.
    pub(crate) output: OutputRecord,
    /// How often the step it comes from had ended when this was seen.
    endings: u32,
}

/// Why a step cannot be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hindered {
    /// In words.
    pub(crate) why: String,
    /// True when nothing went wrong: a `when:` said no.
    pub(crate) absent: bool,
}

/// What fills the step's ports, all the steps it takes from having ended.
///
/// A port that takes none or several does without those whose `when:` said no.
pub(crate) fn gather(view: &View<'_>, step: &PlannedStep) -> Result<Vec<Given>, Hindered> {
    let mut given = Vec::new();
    for (port, sources) in &step.inputs {
        let arity = step.ports.inputs.iter().find(|input| input.name == port).map(|input| input.arity);
        let mut absent = None;
        let before = given.len();
        for source in sources {
            let name = &view.plan.steps[source.step].name;
            let Some((ending, endings)) = view.ledger.ending(source.step) else {
                return Err(hindered(format!("`{name}` has not ended")));
            };
            let record = &ending.record;
            let why = match record.status {
                StepStatus::Ran | StepStatus::Cached => match record.outputs.get(&source.port) {
                    Some(output) => {
                        given.push(Given {
                            port: port.clone(),
                            name: source.name.clone(),
                            step: source.step,
                            from: source.port.clone(),
                            output: output.clone(),
                            endings,
                        });
                        continue;
                    }
                    None => format!("`{name}` made no `{}`", source.port),
                },
                StepStatus::Failed => format!("`{name}` failed"),
                StepStatus::Refused => format!("`{name}` was refused"),
                StepStatus::Skipped => format!("`{name}` was skipped"),
            };
            if !ending.absent || arity.is_none_or(|arity| arity == Arity::One) {
                return Err(Hindered { why, absent: ending.absent });
            }
            absent = Some(why);
        }
        if let (Some(why), Some(Arity::Many)) = (absent, arity)
            && given.len() == before
        {
            return Err(Hindered { why, absent: true });
        }
    }
    Ok(given)
}

fn hindered(why: String) -> Hindered {
    Hindered { why, absent: false }
}

/// The digests by port, for the fingerprint.
pub(crate) fn digests(step: &PlannedStep, given: &[Given]) -> InputDigests {
    let mut digests = InputDigests::new();
    for one in given {
        let name = step.names_matter(&one.port).then(|| one.name.clone());
        digests.entry(one.port.clone()).or_default().push((name, one.output.digest));
    }
    digests
}

/// The inputs as the catalog keeps them.
pub(crate) fn rows(given: &[Given]) -> Vec<InputRow> {
    given
        .iter()
        .map(|one| InputRow { port: one.port.clone(), name: one.name.clone(), artifact: one.output.digest })
        .collect()
}

/// Why the inputs could not be loaded.
#[derive(Debug)]
pub(crate) enum Unloaded {
    /// These steps must run again first; then it is worth another try. None when another thread saw to it already.
    Again(Vec<usize>),
    /// A step has been made again in vain.
    Hopeless(StepError),
}

/// Loads what is given: from memory where this run made it, otherwise from the store. `settle` waits for whatever is
/// on its way to the store.
pub(crate) fn load(view: &View<'_>, given: &[Given], settle: &dyn Fn()) -> Result<Inputs, Unloaded> {
    let mut inputs = Inputs::default();
    let mut again = Vec::new();
    let mut retry = false;
    for one in given {
        match load_one(view, one, settle) {
            Ok(artifact) => {
                inputs.ports.entry(one.port.clone()).or_default().push((one.name.clone(), artifact));
            }
            Err(error) => match view.ledger.mend(one.step, one.endings, error.message.clone()) {
                Mend::Redo => again.push(one.step),
                Mend::Retry => retry = true,
                Mend::Hopeless => return Err(Unloaded::Hopeless(error)),
            },
        }
    }
    if again.is_empty() && !retry { Ok(inputs) } else { Err(Unloaded::Again(again)) }
}

fn load_one(view: &View<'_>, one: &Given, settle: &dyn Fn()) -> Result<Artifact, StepError> {
    let digest = one.output.digest;
    let loading = view.ledger.loading(one.step);
    let _loading = loading.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(value) = view.ledger.value(one.step, &one.from) {
        return Ok(Artifact { digest, value });
    }
    let artifact = view.loader.load(&digest).or_else(|error| {
        // What this run made a moment ago, and nobody was thought to need any more, may still be on its way.
        settle();
        view.loader.load(&digest).map_err(|_| error)
    })?;
    view.ledger.put_value(one.step, &one.from, &artifact.value);
    Ok(artifact)
}

/// The outputs of a hit as recorded.
pub(crate) fn outputs_of(hit: &trainyard_store::Hit) -> BTreeMap<String, OutputRecord> {
    hit.outputs
        .iter()
        .map(|(port, row)| {
            let record = OutputRecord { kind: row.kind, digest: row.digest, rows: row.rows, bytes: row.bytes };
            (port.clone(), record)
        })
        .collect()
}

/// Bytes of everything given.
pub(crate) fn bytes(given: &[Given]) -> u64 {
    given.iter().map(|one| one.output.bytes).sum()
}

/// The artifact's digest, kind and size as recorded.
pub(crate) fn output_of(artifact: &Artifact) -> OutputRecord {
    let value = &artifact.value;
    OutputRecord { kind: value.kind(), digest: artifact.digest, rows: value.rows(), bytes: value.bytes() }
}
