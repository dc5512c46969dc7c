//! What stands behind a model's name, and changing it: the same for the command line, the pages and the API.

use trainyard_core::{Deployment, Problem, Rollback};
use trainyard_store::{DeploymentRow, Store};

use crate::fault::told;

/// What stands behind the name now: what was deployed last, else the champion, else the newest version.
///
/// # Errors
/// When the catalog cannot be read.
pub fn standing(store: &Store, name: &str, history: &[DeploymentRow]) -> Result<Option<Deployment>, Problem> {
    if let Some(deployment) = history.first().and_then(|row| row.deployment.clone()) {
        return Ok(Some(deployment));
    }
    let champion = store.resolve(name, "champion").map_err(told)?.map(|(version, _)| version);
    let versions = store.model(name).map_err(told)?.versions;
    // Files that a client registered are served elsewhere.
    let newest = versions.iter().find(|row| row.artifact.is_some()).map(|row| row.version);
    Ok(champion.or(newest).map(Deployment::of))
}

/// The version that an alias or a number stands for.
///
/// # Errors
/// `unknown-version`; when the catalog cannot be read.
pub fn version(store: &Store, name: &str, known_as: &str) -> Result<u64, Problem> {
    let found = store.resolve(name, known_as).map_err(told)?;
    found.map(|(version, _)| version).ok_or_else(|| {
        Problem::error("unknown-version", format!("the model `{name}` has no version or alias `{known_as}`"))
            .help("`trainyard models` lists what there is")
    })
}

/// Puts what stood behind the name before there again.
///
/// # Errors
/// `nothing-to-roll-back`; when the catalog cannot be written.
pub fn roll_back(store: &Store, name: &str, reason: &str) -> Result<(), Problem> {
    let history = store.deployments(name).map_err(told)?;
    let Some(before) = history.get(1) else {
        return Err(Problem::error("nothing-to-roll-back", format!("`{name}` was not deployed otherwise before"))
            .help(format!("put a version there with `trainyard deploy {name}@VERSION`")));
    };
    store.deploy(name, before.deployment.as_ref(), reason).map_err(told)
}

/// What is to stand behind a name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The version; none to follow the champion.
    pub version: Option<u64>,
    /// The percentage of requests it gets beside the version that is there; all when absent.
    pub canary: Option<f64>,
    /// It gets every request too, and answers none.
    pub shadow: bool,
    /// When a canary is taken back.
    pub rollback: Option<Rollback>,
}

/// What stands behind a name once what is wanted is put there; `sticky` is the header whose value decides the version.
///
/// # Errors
/// `bad-deployment` for a share that is none.
pub fn next(
    current: Option<&Deployment>,
    version: u64,
    wanted: &Wanted,
    sticky: Option<String>,
) -> Result<Deployment, Problem> {
    let steady = current.map_or(version, Deployment::steady);
    let base = Deployment { sticky, rollback: wanted.rollback, ..Deployment::of(steady) };
    if wanted.shadow {
        return Ok(Deployment { shadow: Some(version).filter(|version| *version != steady), rollback: None, ..base });
    }
    let alone = |version| Deployment { routes: Deployment::of(version).routes, rollback: None, ..base.clone() };
    match wanted.canary {
        None | Some(100.0) => Ok(alone(version)),
        Some(0.0) => Ok(alone(steady)),
        Some(percent) if percent > 0.0 && percent < 100.0 => Ok(base.with_canary(version, percent / 100.0)),
        Some(percent) => Err(Problem::error(
            "bad-deployment",
            format!("a canary of {percent} %: expected a percentage from 0 to 100"),
        )),
    }
}

/// Puts what is wanted behind a name.
///
/// # Errors
/// `unknown-model`, `unknown-version`, `bad-deployment`; when the catalog cannot be written.
pub fn deploy(store: &Store, name: &str, wanted: &Wanted, reason: &str) -> Result<(), Problem> {
    store.model(name).map_err(told)?;
    let Some(version) = wanted.version else {
        return store.deploy(name, None, reason).map_err(told);
    };
    let version = self::version(store, name, &version.to_string())?;
    let current = standing(store, name, &store.deployments(name).map_err(told)?)?;
    let sticky = current.as_ref().and_then(|deployment| deployment.sticky.clone());
    let next = next(current.as_ref(), version, wanted, sticky)?;
    store.deploy(name, Some(&next), reason).map_err(told)
}

/// Who changed it and why, as the catalog keeps it.
#[must_use]
pub fn reason(who: &str, why: Option<&str>) -> String {
    let why: String = why.unwrap_or_default().trim().chars().take(500).collect();
    if why.is_empty() { format!("by {who}") } else { format!("{why}, by {who}") }
}
