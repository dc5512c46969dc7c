//! `register/model`: makes the best model a numbered version and points an alias at it.
//!
//! The same model is registered once: running again finds its version. If the alias has been pointed elsewhere since,
//! the step runs again and points it back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError,
    evaluation::{Evaluation, Release},
};
use trainyard_model::Package;

/// Under what name.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The registered model's name: lower-case letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The alias to point at the version, such as `champion`.
    #[serde(default)]
    pub alias: Option<String>,
    /// What to say of this version.
    #[serde(default)]
    pub about: Option<String>,
}

/// Registers the best model.
pub struct Model;

impl Step for Model {
    const NAME: &'static str = "register/model";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "makes the best model a numbered version and points an alias at it";
    const EXAMPLES: &'static [&'static str] = &[r#"{"name": "power-plant", "alias": "champion"}"#];
    const HAS_EFFECT: bool = true;
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("data", &[Kind::Evaluation, Kind::Model]).output("release", &[Kind::Release])
    }

    fn check(params: Params, _: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let mut problems = Vec::new();
        for (field, name) in [("name", Some(&params.name)), ("alias", params.alias.as_ref())] {
            if let Some(name) = name.filter(|name| !is_name(name)) {
                let message = format!("`{name}` is no name: expected a letter, then letters, digits, `-`, `_` or `.`");
                problems.push(Problem::error("bad-name", message).at([field]));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let outline = Outline::Release { name: params.name.clone() };
        Ok((params, Outlines::output("release", outline)))
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let artifact =
            inputs.artifact("data").ok_or_else(|| StepError::new("missing-input", "there is nothing to register"))?;
        let (model, about) = match artifact.value.kind() {
            Kind::Model => {
                let package = inputs.one::<Package>("data")?;
                (artifact.digest, serde_json::json!({"estimator": package.estimator, "target": package.target}))
            }
            _ => {
                let evaluation = inputs.one::<Evaluation>("data")?;
                let best = evaluation
                    .models
                    .get(&evaluation.best)
                    .ok_or_else(|| StepError::new("broken-artifact", "the evaluation lacks its best model"))?;
                let about = serde_json::json!({
                    "estimator": best.estimator, "target": evaluation.target, "step": evaluation.best,
                    "metrics": best.metrics, "part": evaluation.part, "rows": evaluation.rows,
                });
                (best.digest, about)
            }
        };
        let mut about = about;
        if let (Some(text), Some(fields)) = (&params.about, about.as_object_mut()) {
            fields.insert("about".to_owned(), text.as_str().into());
        }
        let version = context.models.register(&params.name, model, about)?;
        if let Some(alias) = &params.alias {
            context.models.set_alias(&params.name, alias, version)?;
        }
        Ok(Outputs::one("release", Release { name: params.name.clone(), version, alias: params.alias.clone(), model }))
    }

    fn still_holds(_: &Params, outputs: &Outputs, context: &Context<'_>) -> Result<bool, StepError> {
        let Some(release) = outputs.get::<Release>("release") else { return Ok(false) };
        let known_as = release.alias.clone().unwrap_or_else(|| release.version.to_string());
        Ok(context.models.resolve(&release.name, &known_as)? == Some((release.version, release.model)))
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place() {
        assert!(is_name("power-plant.v2"));
        for bad in ["", "1a", "../x", "a/b", "a b", "é"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
