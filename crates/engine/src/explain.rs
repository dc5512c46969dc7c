//! `explain STEP`: which field of its fingerprint changed.

use serde::{Deserialize, Serialize};
use trainyard_core::{Digest, Plan, Registry};
use trainyard_store::Store;

use crate::{
    error::EngineError,
    fingerprint::{Change, Fingerprint, changes},
    foresee::{Outlook, foresee},
    options::Options,
    select::named,
};

/// Runs looked back at, to find the one in which a step last changed.
const MOST_RUNS: usize = 200;

/// Why a step would run, or last ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The step's name in the pipeline.
    pub step: String,
    /// The fields in which its fingerprint now differs from the last one recorded. Where it does not, the fields in
    /// which the last differs from the one before, as `note` says.
    pub changed: Vec<Change>,
    /// What there is to say beside the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Compares the fingerprint of `step` as it is now with the last one recorded for this step of this pipeline. Runs
/// nothing and writes nothing.
///
/// # Errors
/// `no-such-step`; when the catalog cannot be read.
pub fn explain(plan: &Plan, registry: &Registry, store: &Store, step: &str) -> Result<Explanation, EngineError> {
    let number = *named(plan, step)?.first().expect("`named` gives at least one or an error");
    let step = plan.steps[number].name.clone();
    let options = Options { until: Some(step.clone()), ..Options::default() };
    let outlook = foresee(plan, registry, store, &options)?.swap_remove(number);
    let last = store.last_fingerprint(&plan.name, &step)?;
    let last_fields = last.as_ref().and_then(|last| serde_json::from_value::<Fingerprint>(last.fields.clone()).ok());
    let explanation =
        |changed, note: Option<&str>| Explanation { step: step.clone(), changed, note: note.map(Into::into) };
    let (now, open) = match outlook {
        Outlook::Skipped(why) => return Ok(explanation(Vec::new(), Some(&format!("it would be skipped: {why}")))),
        Outlook::Fails(why) => return Ok(explanation(Vec::new(), Some(&format!("it would fail: {why}")))),
        Outlook::Found(fingerprint) => (fingerprint, Vec::new()),
        Outlook::Runs { fingerprint, open, .. } | Outlook::Depends { fingerprint, open } => (fingerprint, open),
    };
    let Some(last) = last else {
        return Ok(explanation(Vec::new(), Some("it never ran in this pipeline")));
    };
    let Some(before) = last_fields else {
        return Ok(explanation(Vec::new(), Some("what it was when it last ran is not known")));
    };
    let mut changed = changes(&before, &now);
    changed.retain(|change| !open.iter().any(|open: &Change| open.field == change.field));
    // The outside data's identity stands last.
    let place = changed.iter().position(|change| change.field == "identity").unwrap_or(changed.len());
    changed.splice(place..place, open);
    if !changed.is_empty() {
        return Ok(explanation(changed, None));
    }
    let earlier = earlier(store, plan, &step, &last.fingerprint)?;
    Ok(match earlier {
        None => explanation(Vec::new(), Some("nothing changed since it last ran")),
        Some(earlier) => explanation(
            changes(&earlier, &before),
            Some("nothing changed since it last ran; this is what had changed then"),
        ),
    })
}

/// The fingerprint that the step had before it had `last`.
fn earlier(store: &Store, plan: &Plan, step: &str, last: &Digest) -> Result<Option<Fingerprint>, EngineError> {
    let runs = store.runs(MOST_RUNS)?;
    for run in runs.iter().filter(|run| run.pipeline == plan.name) {
        let record = store.record(&run.run)?;
        let fingerprint = record.steps.iter().find(|other| other.name == step).and_then(|step| step.fingerprint);
        if let Some(fingerprint) = fingerprint.filter(|fingerprint| fingerprint != last) {
            return Ok(store.fields(&fingerprint)?.and_then(|fields| serde_json::from_value(fields).ok()));
        }
    }
    Ok(None)
}
