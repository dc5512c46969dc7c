//! Looks finished work up by its fingerprint, and says in words why it is not there.

use std::collections::BTreeMap;

use trainyard_core::{Artifact, Digest, Outputs, PlannedStep};
use trainyard_store::Hit;

use crate::{
    fingerprint::{Change, Fingerprint, changes},
    secrets::guard_step,
    view::View,
};

/// Changes told in one sentence, at most.
const MOST_CHANGES: usize = 3;

/// What looking up gave.
pub(crate) enum Found {
    /// The work is done: its outputs are in the store, and its effect, if it has one, still holds. The values are those
    /// that had to be loaded to tell.
    Hit(Hit, BTreeMap<String, Artifact>),
    /// It is to be done; why, unless it is simply not there: then ask [`why_missing`].
    Miss(Option<String>),
}

/// Looks up the work of that fingerprint. Whatever is wrong with an entry makes it a miss.
pub(crate) fn find(view: &View<'_>, step: &PlannedStep, digest: &Digest) -> Found {
    if step.step.always_runs() {
        return miss("it always runs");
    }
    match (view.lookup)(digest) {
        Err(error) => miss(format!("the cache could not be read: {error}")),
        Ok(None) => Found::Miss(None),
        Ok(Some(hit)) if !step.step.has_effect(&step.params) => Found::Hit(hit, BTreeMap::new()),
        Ok(Some(hit)) => with_effect(view, step, hit),
    }
}

fn with_effect(view: &View<'_>, step: &PlannedStep, hit: Hit) -> Found {
    let mut outputs = Outputs::default();
    for (port, row) in &hit.outputs {
        match view.loader.load(&row.digest) {
            Ok(artifact) => {
                outputs.ports.insert(port.clone(), artifact);
            }
            Err(error) => return miss(format!("its result in the store is broken: {}", error.message)),
        }
    }
    let holds = view.asking(step, |context| {
        guard_step(step, || step.step.still_holds(&step.params_with_secrets(), &outputs, context))
    });
    match holds {
        Ok(true) => Found::Hit(hit, outputs.ports),
        Ok(false) => miss("what it did is no longer in place"),
        Err(error) => miss(format!("whether what it did is still in place cannot be told: {}", error.message)),
    }
}

fn miss(why: impl Into<String>) -> Found {
    Found::Miss(Some(why.into()))
}

/// Why the work is not in the store, told by what changed since the step was last looked up.
pub(crate) fn why_missing(view: &View<'_>, step: &PlannedStep, fingerprint: &Fingerprint, digest: &Digest) -> String {
    match view.last(&step.name) {
        None => "it never ran".to_owned(),
        Some(last) if last == *digest => "its last try left no result".to_owned(),
        Some(_) => match view.last_fingerprint(&step.name) {
            Some(last) => sentence(&changes(&last, fingerprint)),
            None => "it ran under another version of Trainyard".to_owned(),
        },
    }
}

/// The changes in one sentence.
pub(crate) fn sentence(changes: &[Change]) -> String {
    let mut sentences: Vec<String> = changes.iter().take(MOST_CHANGES).map(Change::sentence).collect();
    match changes.len() {
        0 => "its last result is not in the store".to_owned(),
        count if count > MOST_CHANGES => {
            sentences.push(format!("and {} more", count - MOST_CHANGES));
            sentences.join(", ")
        }
        _ => sentences.join(", "),
    }
}
