//! `deploy/local`: puts a registered version behind the model's name, for every `trainyard serve` on this store.
//!
//! Without parameters the version gets all requests. With `canary` it gets a share of them beside the version that was
//! there, with `shadow` it gets all of them and answers none. A server learns of it within half a second, without
//! losing a request. A version is deployed once: running again does not bring back one that was taken back since.
//!
//! A name that was never deployed stands for the model's champion; to try a version beside the champion, register it
//! without moving that alias.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Deployment, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Rollback, Setting, Step, StepError,
    evaluation::Release,
};

/// How much of the traffic, and when to take it back.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The share of requests that the version gets beside the one that was there, above 0 and below 1.
    #[serde(default)]
    pub canary: Option<f64>,
    /// The version gets every request too, and answers none: its predictions are compared.
    #[serde(default)]
    pub shadow: bool,
    /// The request header whose value decides which version a caller gets, so that it stays the same.
    #[serde(default)]
    pub sticky: Option<String>,
    /// When a canary is taken back by itself.
    #[serde(default)]
    pub rollback: Option<Limits>,
}

/// When a canary is taken back by itself.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most requests that may end without an answer, as a share.
    pub errors: f64,
    /// Most its mean time a request may be, as a multiple of the other version's.
    pub slower: f64,
    /// Requests it must have had before it is judged.
    pub after: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let Rollback { errors, slower, after } = Rollback::default();
        Self { errors, slower, after }
    }
}

/// Deploys a release.
pub struct Local;

impl Step for Local {
    const NAME: &'static str = "deploy/local";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "puts a registered version behind the model's name, whole, as a canary or as a shadow";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"canary": 0.1, "sticky": "x-user", "rollback": {"errors": 0.02}}"#, r#"{"shadow": true}"#];
    const HAS_EFFECT: bool = true;
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("release", &[Kind::Release]).output("release", &[Kind::Release])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let mut problems = Vec::new();
        let wrong = |at: &str, message: &str| Problem::error("bad-deployment", message.to_owned()).at([at]);
        if params.canary.is_some_and(|share| !(share > 0.0 && share < 1.0)) {
            problems.push(wrong("canary", "`canary` is a share above 0 and below 1, such as 0.1"));
        }
        if params.shadow && params.canary.is_some() {
            problems.push(wrong("shadow", "a version is a canary or a shadow, not both"));
        }
        if params.rollback.is_some() && params.canary.is_none() {
            problems.push(wrong("rollback", "only a canary is taken back: give its share as `canary`"));
        }
        if let Some(limits) = params.rollback {
            let checked = Deployment { rollback: Some(rollback(limits)), ..Deployment::of(1) }.check();
            problems.extend(checked.err().map(|problem| problem.at(["rollback"])));
        }
        let name_like =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if params.sticky.as_deref().is_some_and(|header| !name_like(header)) {
            problems.push(wrong("sticky", "`sticky` names a request header, such as `x-user`"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let name = match inputs.get("release") {
            Some(Outline::Release { name }) => name.clone(),
            _ => String::new(),
        };
        Ok((params, Outlines::output("release", Outline::Release { name })))
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let release = inputs.one::<Release>("release")?;
        let before = match context.models.deployments(&release.name)?.into_iter().next().flatten() {
            Some(deployment) => Some(deployment),
            None => context.models.resolve(&release.name, "champion")?.map(|(version, _)| Deployment::of(version)),
        };
        let version = release.version;
        let deployment = next(params, before.as_ref(), version);
        let reason = format!("pipeline {}, step {}, run {}", context.pipeline, context.step, context.run);
        context.models.deploy(&release.name, &deployment, &reason)?;
        Ok(Outputs::one("release", Release::clone(&release)))
    }

    fn still_holds(_: &Params, outputs: &Outputs, context: &Context<'_>) -> Result<bool, StepError> {
        let Some(release) = outputs.get::<Release>("release") else { return Ok(false) };
        let history = context.models.deployments(&release.name)?;
        Ok(history.iter().flatten().any(|deployment| deployment.versions().contains(&release.version)))
    }
}

const fn rollback(limits: Limits) -> Rollback {
    Rollback { errors: limits.errors, slower: limits.slower, after: limits.after }
}

/// What stands behind the name once `version` is deployed on top of `before`.
fn next(params: &Params, before: Option<&Deployment>, version: u64) -> Deployment {
    let Some(before) = before.filter(|before| before.steady() != version) else {
        return Deployment { sticky: params.sticky.clone(), ..Deployment::of(version) };
    };
    if params.shadow {
        return Deployment { shadow: Some(version), ..Deployment::of(before.steady()) };
    }
    let base = Deployment {
        sticky: params.sticky.clone(),
        rollback: params.rollback.map(rollback),
        ..Deployment::of(before.steady())
    };
    match params.canary {
        Some(share) => base.with_canary(version, share),
        None => Deployment { routes: Deployment::of(version).routes, ..base },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_gets_everything() {
        let params = Params { canary: Some(0.1), ..Params::default() };
        assert_eq!(next(&params, None, 3), Deployment::of(3));
    }

    #[test]
    fn a_canary_stands_beside_the_steady_version_and_a_shadow_answers_nothing() {
        let before = Deployment::of(1).with_canary(2, 0.5);
        let canary = next(&Params { canary: Some(0.1), ..Params::default() }, Some(&before), 3);
        assert_eq!(canary.routes.iter().map(|route| route.version).collect::<Vec<_>>(), [1, 3]);
        let shadow = next(&Params { shadow: true, ..Params::default() }, Some(&before), 3);
        assert_eq!((shadow.routes.len(), shadow.steady(), shadow.shadow), (1, 1, Some(3)));
        assert_eq!(next(&Params::default(), Some(&before), 3).routes, Deployment::of(3).routes);
    }
}
