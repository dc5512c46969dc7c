//! `trainyard deploy`: what stands behind the name of a served model, and changing it.

use std::{fmt::Write as _, process::ExitCode};

use serde_json::json;
use trainyard_core::{Deployment, Rollback};
use trainyard_server::rollout::{self, Wanted};
use trainyard_store::{Mode, Store};

use crate::{
    args::{Args, DeployArgs},
    failure::Failure,
    output::Output,
    project,
};

pub(super) fn deploy(args: &Args, asked: &DeployArgs, output: &Output) -> Result<ExitCode, Failure> {
    let (name, known_as) = match asked.model.split_once('@') {
        Some((name, known_as)) => (name, Some(known_as)),
        None => (asked.model.as_str(), None),
    };
    let changes = known_as.is_some() || asked.rollback || asked.follow_champion;
    let store = project::open_nearby(args, if changes { Mode::Write } else { Mode::Read })?;
    store.model(name)?;
    let history = store.deployments(name)?;
    let current = rollout::standing(&store, name, &history)?;
    if let Some(known_as) = known_as {
        let version = rollout::version(&store, name, known_as)?;
        let next = next(asked, current.as_ref(), version)?;
        store.deploy(name, Some(&next), asked.reason.as_deref().unwrap_or("by hand"))?;
    } else if asked.rollback {
        rollout::roll_back(&store, name, asked.reason.as_deref().unwrap_or("rolled back by hand"))?;
    } else if asked.follow_champion {
        store.deploy(name, None, asked.reason.as_deref().unwrap_or("follows the champion"))?;
    }
    tell(&store, name, output)
}

fn next(asked: &DeployArgs, current: Option<&Deployment>, version: u64) -> Result<Deployment, Failure> {
    let rollback = (asked.rollback_errors.is_some() || asked.rollback_slower.is_some()).then(|| {
        let standard = Rollback::default();
        Rollback {
            errors: asked.rollback_errors.map_or(standard.errors, |percent| percent / 100.0),
            slower: asked.rollback_slower.unwrap_or(standard.slower),
            after: asked.rollback_after.unwrap_or(standard.after),
        }
    });
    let wanted = Wanted { version: Some(version), canary: asked.canary, shadow: asked.shadow, rollback };
    Ok(rollout::next(current, version, &wanted, asked.sticky.clone())?)
}

fn tell(store: &Store, name: &str, output: &Output) -> Result<ExitCode, Failure> {
    let history = store.deployments(name)?;
    let current = rollout::standing(store, name, &history)?;
    let follows = history.first().is_none_or(|row| row.deployment.is_none());
    let mut words = format!("{name}: {}\n", current.as_ref().map_or_else(|| "nothing".to_owned(), said));
    if follows {
        words = words.trim_end().to_owned() + " (follows @champion)\n";
    }
    for row in &history {
        let at = chrono::DateTime::from_timestamp_millis(row.created);
        let at = at.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M:%S").to_string());
        let what = row.deployment.as_ref().map_or_else(|| "follows @champion".to_owned(), said);
        let _ = writeln!(words, "  {at}  {what}  ({})", row.reason);
    }
    let rows: Vec<_> = history
        .iter()
        .map(|row| json!({"deployment": row.deployment, "reason": row.reason, "created": row.created}))
        .collect();
    output.answer(&json!({"model": name, "deployment": current, "follows_champion": follows, "history": rows}), &words);
    Ok(ExitCode::SUCCESS)
}

fn said(deployment: &Deployment) -> String {
    let route = |route: &trainyard_core::Route| format!("version {} {:.4} %", route.version, route.share * 100.0);
    let mut said = deployment.routes.iter().map(route).collect::<Vec<_>>().join(", ").replace(".0000 %", " %");
    if let Some(shadow) = deployment.shadow {
        let _ = write!(said, ", version {shadow} in the shadow");
    }
    if let Some(header) = &deployment.sticky {
        let _ = write!(said, ", by header {header}");
    }
    if let Some(limits) = deployment.rollback {
        let errors = limits.errors * 100.0;
        let _ = write!(said, ", taken back beyond {errors} % errors or {} times the time", limits.slower);
    }
    said
}
