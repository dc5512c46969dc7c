//! What went into runs and came out of them.

use serde::Deserialize;
use serde_json::{Value, json};
use trainyard_store::tracking::{Dataset, RunModel};

use super::{Answer, Call, Refused, call::Pair, experiments, runs};
use crate::Site;

#[derive(Deserialize)]
struct DatasetInput {
    #[serde(default)]
    tags: Vec<Pair>,
    dataset: Described,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    digest: String,
    #[serde(default)]
    source_type: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    schema: Option<String>,
    #[serde(default)]
    profile: Option<String>,
}

#[derive(Deserialize)]
struct Inputs {
    #[serde(default)]
    run_id: String,
    #[serde(default)]
    datasets: Vec<DatasetInput>,
    #[serde(default)]
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    model_id: String,
    #[serde(default)]
    step: i64,
}

pub(super) fn log_inputs(site: &Site, call: &Call) -> Answer {
    let Inputs { run_id, datasets, models } = call.read()?;
    if runs::found(site, &run_id)?.deleted {
        return Err(Refused::invalid(format!("The run {run_id} must be in the 'active' state.")));
    }
    if datasets.len() > 1000 {
        return Err(Refused::invalid("A request can hold at most 1000 datasets."));
    }
    let datasets: Vec<Dataset> = datasets.into_iter().map(taken).collect::<Result<_, _>>()?;
    if !datasets.is_empty() {
        site.store.log_datasets(&run_id, &datasets)?;
    }
    if !models.is_empty() {
        site.store.log_run_models(&run_id, true, &of(models))?;
    }
    Ok("{}".to_owned())
}

pub(super) fn log_outputs(site: &Site, call: &Call) -> Answer {
    let Inputs { run_id, models, .. } = call.read()?;
    runs::found(site, &run_id)?;
    site.store.log_run_models(&run_id, false, &of(models))?;
    Ok("{}".to_owned())
}

fn of(models: Vec<Model>) -> Vec<RunModel> {
    models.into_iter().map(|model| RunModel { model: model.model_id, step: model.step }).collect()
}

fn taken(input: DatasetInput) -> Result<Dataset, Refused> {
    let Described { name, digest, source_type, source, schema, profile } = input.dataset;
    for (what, text, longest) in [
        ("name", &name, 500),
        ("digest", &digest, 36),
        ("source", &source, 65_535),
        ("schema", schema.as_ref().unwrap_or(&String::new()), 1_048_575),
        ("profile", profile.as_ref().unwrap_or(&String::new()), 16_777_215),
    ] {
        if text.len() > longest {
            return Err(Refused::invalid(format!("The dataset's {what} exceeds the maximum length of {longest}")));
        }
    }
    if name.is_empty() || digest.is_empty() {
        return Err(Refused::invalid("A dataset needs a name and a digest."));
    }
    let tags = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    Ok(Dataset { name, digest, source_type, source, schema, profile, tags })
}

pub(super) fn search(site: &Site, call: &Call) -> Answer {
    let experiments = experiments::named(&call.fields()?)?.unwrap_or_default();
    let found = site.reader.datasets_of(&experiments)?;
    let summaries: Vec<Value> = found
        .into_iter()
        .map(|used| {
            let mut summary =
                json!({"experiment_id": used.experiment.to_string(), "name": used.name, "digest": used.digest});
            if let Some(context) = used.context {
                summary["context"] = context.into();
            }
            summary
        })
        .collect();
    Ok(json!({"dataset_summaries": summaries}).to_string())
}
