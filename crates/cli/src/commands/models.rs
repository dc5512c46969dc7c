//! `trainyard models`: the registered models with their versions, aliases and metrics.

use std::{collections::BTreeMap, fmt::Write as _, process::ExitCode};

use serde_json::{Value, json};
use trainyard_store::{Mode, VersionRow};

use crate::{args::Args, failure::Failure, output::Output, project};

pub(super) fn models(args: &Args, output: &Output) -> Result<ExitCode, Failure> {
    let store = project::open_nearby(args, Mode::Read)?;
    let models = store.models()?;
    let mut words = String::new();
    let mut documents = Vec::new();
    for model in &models {
        let _ = writeln!(words, "{}", model.name);
        for version in &model.versions {
            let aliases: Vec<String> = version.aliases.iter().map(|alias| format!("@{alias}")).collect();
            let metrics: Vec<String> = metrics(version)
                .iter()
                .map(|(name, measured)| format!("{name} {:.5}", measured["value"].as_f64().unwrap_or(f64::NAN)))
                .collect();
            let _ = writeln!(
                words,
                "  {:>4}  {:12}  {}  {}  {}",
                version.version,
                aliases.join(" "),
                version.about["estimator"].as_str().unwrap_or_default(),
                metrics.join(", "),
                version.run
            );
        }
        let versions: Vec<Value> = model
            .versions
            .iter()
            .map(|version| {
                json!({
                    "version": version.version, "aliases": version.aliases, "run": version.run,
                    "metrics": metrics(version), "digest": version.artifact,
                })
            })
            .collect();
        documents.push(json!({"name": model.name, "versions": versions}));
    }
    if models.is_empty() {
        words.push_str("no models yet: a pipeline with a `register/model` step makes one\n");
    }
    output.answer(&json!({ "models": documents }), &words);
    Ok(ExitCode::SUCCESS)
}

/// What was measured of this version when it was registered: metric → value, low, high, level.
fn metrics(version: &VersionRow) -> BTreeMap<String, Value> {
    let noted = version.about["metrics"].as_object();
    noted.into_iter().flatten().map(|(name, measured)| (name.clone(), measured.clone())).collect()
}
