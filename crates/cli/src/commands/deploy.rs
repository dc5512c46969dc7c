//! `trainyard deploy`: what stands behind the name of a served model, and changing it.

use std::{fmt::Write as _, process::ExitCode};

use serde_json::json;
use trainyard_core::{Deployment, Rollback};
use trainyard_store::{DeploymentRow, Mode, Store};

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
    let current = standing(&store, name, &history)?;
    if let Some(known_as) = known_as {
        let (version, _) = store.resolve(name, known_as)?.ok_or_else(|| {
            Failure::call("unknown-version", format!("the model `{name}` has no version or alias `{known_as}`"))
                .help("`trainyard models` lists what there is")
        })?;
        let next = next(asked, current.as_ref(), version)?;
        store.deploy(name, Some(&next), asked.reason.as_deref().unwrap_or("by hand"))?;
    } else if asked.rollback {
        let Some(before) = history.get(1) else {
            return Err(Failure::call("nothing-to-roll-back", format!("`{name}` was not deployed otherwise before"))
                .help(format!("put a version there with `trainyard deploy {name}@VERSION`")));
        };
        store.deploy(name, before.deployment.as_ref(), asked.reason.as_deref().unwrap_or("rolled back by hand"))?;
    } else if asked.follow_champion {
        store.deploy(name, None, asked.reason.as_deref().unwrap_or("follows the champion"))?;
    }
    tell(&store, name, output)
}

/// What stands behind the name now.
fn standing(store: &Store, name: &str, history: &[DeploymentRow]) -> Result<Option<Deployment>, Failure> {
    if let Some(deployment) = history.first().and_then(|row| row.deployment.clone()) {
        return Ok(Some(deployment));
    }
    let champion = store.resolve(name, "champion")?.map(|(version, _)| version);
    let newest = store.model(name)?.versions.first().map(|row| row.version);
    Ok(champion.or(newest).map(Deployment::of))
}

fn next(asked: &DeployArgs, current: Option<&Deployment>, version: u64) -> Result<Deployment, Failure> {
    let steady = current.map_or(version, Deployment::steady);
    let rollback = (asked.rollback_errors.is_some() || asked.rollback_slower.is_some()).then(|| {
        let standard = Rollback::default();
        Rollback {
            errors: asked.rollback_errors.map_or(standard.errors, |percent| percent / 100.0),
            slower: asked.rollback_slower.unwrap_or(standard.slower),
            after: asked.rollback_after.unwrap_or(standard.after),
        }
    });
    let base = Deployment { sticky: asked.sticky.clone(), rollback, ..Deployment::of(steady) };
    if asked.shadow {
        return Ok(Deployment { shadow: Some(version).filter(|version| *version != steady), rollback: None, ..base });
    }
    match asked.canary {
        None => Ok(Deployment { routes: Deployment::of(version).routes, rollback: None, ..base }),
        Some(percent) if percent > 0.0 && percent < 100.0 => Ok(base.with_canary(version, percent / 100.0)),
        Some(100.0) => Ok(Deployment { routes: Deployment::of(version).routes, rollback: None, ..base }),
        Some(0.0) => Ok(Deployment { rollback: None, ..base }),
        Some(percent) => {
            Err(Failure::call("bad-deployment", format!("`--canary {percent}`: expected a percentage from 0 to 100")))
        }
    }
}

fn tell(store: &Store, name: &str, output: &Output) -> Result<ExitCode, Failure> {
    let history = store.deployments(name)?;
    let current = standing(store, name, &history)?;
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
