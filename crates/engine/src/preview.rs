//! `plan`: what would run, what would be found, and why.

use serde::{Deserialize, Serialize};
use trainyard_core::{Plan, Registry};
use trainyard_store::Store;

use crate::{
    error::EngineError,
    fingerprint::Change,
    foresee::{Outlook, foresee},
    options::Options,
};

/// What would become of a step in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreviewStatus {
    /// It would do its work.
    WouldRun,
    /// Its result would be found.
    Cached,
    /// That depends on what the steps before it make; or nothing would happen, as `why` says.
    Unknown,
}

/// A step of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewStep {
    /// Its name in the pipeline.
    pub name: String,
    /// What it is.
    pub uses: String,
    /// What would become of it.
    pub status: PreviewStatus,
    /// Why, in words.
    pub why: String,
    /// True for a step that would be skipped: its `when:` says no, or that of a step before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
}

/// What a run with these options would do, in plan order; steps that `until` leaves out are left out here too. Runs
/// nothing and writes nothing; sources look at their outside data.
///
/// # Errors
/// When `options` name a step that is not there, or the catalog cannot be read.
pub fn preview(
    plan: &Plan,
    registry: &Registry,
    store: &Store,
    options: &Options,
) -> Result<Vec<PreviewStep>, EngineError> {
    let wanted = crate::select::select(plan, options)?.wanted;
    let outlooks = foresee(plan, registry, store, options)?;
    let steps = plan.steps.iter().zip(outlooks).zip(wanted).filter(|(_, wanted)| *wanted);
    Ok(steps
        .map(|((step, outlook), _)| {
            let skipped = matches!(outlook, Outlook::Skipped(_));
            let (status, why) = match outlook {
                Outlook::Found(_) => (PreviewStatus::Cached, "nothing changed".to_owned()),
                Outlook::Runs { why, .. } => (PreviewStatus::WouldRun, why),
                Outlook::Depends { open, .. } => (PreviewStatus::Unknown, depends(&open)),
                Outlook::Skipped(why) => (PreviewStatus::Unknown, format!("would be skipped: {why}")),
                Outlook::Fails(why) => (PreviewStatus::WouldRun, format!("it would fail: {why}")),
            };
            PreviewStep { name: step.name.clone(), uses: step.step.name().to_owned(), status, why, skipped }
        })
        .collect())
}

fn depends(changes: &[Change]) -> String {
    let sentences: Vec<String> = changes
        .iter()
        .map(|change| {
            let port = change.field.strip_prefix("inputs.").unwrap_or(&change.field);
            let reason = change.after.as_ref().and_then(serde_json::Value::as_str).unwrap_or("its step will run");
            format!("input `{port}` may change: {reason}")
        })
        .collect();
    sentences.join(", ")
}
