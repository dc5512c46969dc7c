//! What a run would do, told without running anything: the walk behind `plan` and `explain`.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use trainyard_core::{
    Digest, Plan, PlannedStep, Registry, Source,
    record::{Cost, StepRecord, StepStatus},
};
use trainyard_store::Store;

use crate::{
    error::EngineError,
    find::{Found, find, sentence, why_missing},
    fingerprint::{Change, Fingerprint, InputDigests, changes},
    inputs::{self, Hindered},
    ledger::Ending,
    load::Loader,
    models::SeenModels,
    options::Options,
    select::{Selection, select},
    view::View,
};

/// What would become of a step.
pub(crate) enum Outlook {
    /// It is not asked for, or its `when:` says no, or that of a step before it.
    Skipped(String),
    /// Its result would be found.
    Found(Fingerprint),
    /// It would run.
    Runs {
        /// Its fingerprint, as far as the inputs are known.
        fingerprint: Fingerprint,
        /// The inputs that are not known, each with the step that will run.
        open: Vec<Change>,
        /// Why, in words.
        why: String,
    },
    /// That depends on steps before it that would run: if they make what they made before, its result is found.
    Depends {
        /// Its fingerprint, as far as the inputs are known.
        fingerprint: Fingerprint,
        /// The inputs that are not known, each with the step that will run.
        open: Vec<Change>,
    },
    /// It could not even be looked up.
    Fails(String),
}

/// The outlook of each `wanted` step, in plan order.
pub(crate) fn foresee(
    plan: &Plan,
    registry: &Registry,
    store: &Store,
    options: &Options,
) -> Result<Vec<Outlook>, EngineError> {
    let selection = select(plan, options)?;
    let models = SeenModels(store);
    // One query for the whole pipeline instead of one a step; a store that may only be read is asked step by step.
    let session = store.session(&|| false).ok();
    if let Some(session) = &session {
        session.preload(&plan.name).ok();
    }
    let lookup = |digest: &Digest| match &session {
        Some(session) => session.find_cached(digest),
        None => store.find_cached(digest),
    };
    let view = View::new(plan, store, Loader::new(store, registry), &lookup, &models, &selection.wanted);
    // Reads the catalog once, and tells if it cannot be read.
    store.last_fingerprints(&plan.name)?;
    let mut outlooks: Vec<Outlook> = Vec::with_capacity(plan.steps.len());
    for (number, step) in plan.steps.iter().enumerate() {
        let outlook = look(&view, &selection, &outlooks, number, step);
        settle(&view, number, step, &outlook);
        outlooks.push(outlook);
    }
    Ok(outlooks)
}

fn look(view: &View<'_>, selection: &Selection, before: &[Outlook], number: usize, step: &PlannedStep) -> Outlook {
    if !selection.wanted[number] {
        return Outlook::Skipped("not asked for".to_owned());
    }
    if !step.enabled {
        return Outlook::Skipped("its `when:` says no".to_owned());
    }
    let will_run = |source: usize| !matches!(before[source], Outlook::Skipped(_) | Outlook::Found(_));
    let open: Vec<_> = step
        .inputs
        .iter()
        .flat_map(|(port, sources)| sources.iter().map(move |source| (port, source)))
        .filter(|(_, source)| will_run(source.step))
        .collect();
    if open.is_empty() {
        return look_at_inputs(view, selection, number, step);
    }
    let known = known_digests(view, before, step);
    let fingerprint = match view.fingerprint(step, known) {
        Ok(fingerprint) => fingerprint,
        Err(error) => return Outlook::Fails(error.message),
    };
    let last = view.last_fingerprint(&step.name);
    let open: Vec<Change> =
        open.into_iter().map(|(port, source)| will_change(view, step, last.as_ref(), port, source)).collect();
    if let Some(why) = sure_to_run(selection, number, step) {
        return Outlook::Runs { fingerprint, open, why };
    }
    let Some(last) = last else {
        return Outlook::Runs { fingerprint, open, why: "it never ran".to_owned() };
    };
    // What changed for certain, whatever the steps before it make.
    let mut certain = changes(&last, &fingerprint);
    certain.retain(|change| !open.iter().any(|open| open.field == change.field));
    if certain.is_empty() {
        return Outlook::Depends { fingerprint, open };
    }
    Outlook::Runs { fingerprint, open, why: sentence(&certain) }
}

/// An input whose step will run.
fn will_change(view: &View<'_>, step: &PlannedStep, last: Option<&Fingerprint>, port: &str, source: &Source) -> Change {
    let named = step.names_matter(port).then_some(source.name.as_str());
    let before = last
        .and_then(|last| last.inputs.get(port))
        .and_then(|all| all.iter().find(|(name, _)| name.as_deref() == named))
        .map(|(_, digest)| Value::String(digest.to_string()));
    Change {
        field: named.map_or_else(|| format!("inputs.{port}"), |name| format!("inputs.{port}.{name}")),
        before,
        after: Some(Value::String(format!("`{}` will run", view.plan.steps[source.step].name))),
    }
}

fn look_at_inputs(view: &View<'_>, selection: &Selection, number: usize, step: &PlannedStep) -> Outlook {
    let given = match inputs::gather(view, step) {
        Ok(given) => given,
        Err(Hindered { why, .. }) => return Outlook::Skipped(why),
    };
    let fingerprint = match view.fingerprint(step, inputs::digests(step, &given)) {
        Ok(fingerprint) => fingerprint,
        Err(error) => return Outlook::Fails(error.message),
    };
    if let Some(why) = sure_to_run(selection, number, step) {
        return Outlook::Runs { fingerprint, open: Vec::new(), why };
    }
    let digest = fingerprint.digest();
    match find(view, step, &digest) {
        Found::Hit(hit, _) => {
            let mut record = blank(step);
            record.status = StepStatus::Cached;
            record.outputs = inputs::outputs_of(&hit);
            let ending = Ending { record: Arc::new(record), fields: None, absent: false };
            view.ledger.end(number, ending, BTreeMap::new());
            Outlook::Found(fingerprint)
        }
        Found::Miss(why) => {
            let why = why.unwrap_or_else(|| why_missing(view, step, &fingerprint, &digest));
            Outlook::Runs { fingerprint, open: Vec::new(), why }
        }
    }
}

fn sure_to_run(selection: &Selection, number: usize, step: &PlannedStep) -> Option<String> {
    if selection.forced[number] {
        Some("it is forced".to_owned())
    } else if step.step.always_runs() {
        Some("it always runs".to_owned())
    } else {
        None
    }
}

/// The digests of those inputs that are found.
fn known_digests(view: &View<'_>, before: &[Outlook], step: &PlannedStep) -> InputDigests {
    let mut digests = InputDigests::new();
    for (port, sources) in &step.inputs {
        for source in sources.iter().filter(|source| matches!(before[source.step], Outlook::Found(_))) {
            let output = view
                .ledger
                .ending(source.step)
                .and_then(|(ending, _)| ending.record.outputs.get(&source.port).map(|output| output.digest));
            if let Some(digest) = output {
                let name = step.names_matter(port).then(|| source.name.clone());
                digests.entry(port.clone()).or_default().push((name, digest));
            }
        }
    }
    digests
}

/// Notes a step that would be skipped, for those after it.
fn settle(view: &View<'_>, number: usize, step: &PlannedStep, outlook: &Outlook) {
    if let Outlook::Skipped(_) = outlook {
        let ending = Ending { record: Arc::new(blank(step)), fields: None, absent: true };
        view.ledger.end(number, ending, BTreeMap::new());
    }
}

fn blank(step: &PlannedStep) -> StepRecord {
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
        from: Vec::new(),
        cost: Cost::default(),
        started_after: 0,
        params: Value::Null,
    }
}
