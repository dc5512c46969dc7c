//! `trainyard predict MODEL --in F --out F`: predicts with a registered model.

use std::{path::Path, process::ExitCode, sync::Arc};

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use serde_json::json;
use trainyard_core::evaluation::Task;
use trainyard_data::{
    Table,
    read::{ReadOptions, expand, read},
    write,
};
use trainyard_learn::Prediction;
use trainyard_model::Package;
use trainyard_steps::REGISTRY;
use trainyard_store::Mode;

use crate::{args::Args, failure::Failure, output::Output, project};

pub(super) fn predict(
    args: &Args,
    model: &str,
    input: &Path,
    out: &Path,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Some((name, known_as)) = model.split_once('@') else {
        return Err(Failure::call("bad-call", format!("`{model}`: expected name@alias or name@version"))
            .help(format!("such as `{model}@champion`")));
    };
    let store = project::open_nearby(args, Mode::Read)?;
    let (version, digest) = store.resolve(name, known_as)?.ok_or_else(|| {
        let failure = Failure::call("model-not-found", format!("there is no model `{model}`"));
        let names: Vec<String> = store.models().unwrap_or_default().into_iter().map(|model| model.name).collect();
        match trainyard_core::problem::nearest(name, names.iter().map(String::as_str)) {
            Some(near) if near != name => failure.help(format!("did you mean `{near}@{known_as}`?")),
            _ => failure.help("`trainyard models` lists what there is"),
        }
    })?;
    let artifact = trainyard_engine::load(&store, &REGISTRY, digest)?;
    let package =
        artifact.value.into_any().downcast::<Package>().map_err(|_| {
            Failure::run("broken-artifact", format!("version {version} of `{name}` is no model package"))
        })?;
    let files = expand(Path::new(""), &input.to_string_lossy())?;
    let records = read(&files, &ReadOptions::default(), &|| false)?.table;
    let predicted = with_predictions(&records, &package)?;
    write::write(&predicted, out)?;
    let document = json!({"model": name, "version": version, "rows": predicted.row_count(), "out": out});
    output.answer(
        &document,
        &format!("{} rows predicted by {name} {version}, written to {}\n", predicted.row_count(), out.display()),
    );
    Ok(ExitCode::SUCCESS)
}

/// The records with `prediction` (a value, score, class or cluster), and one `probability_<class>` a class for a
/// classification or `probability_<number>` a cluster where a clustering has probabilities.
fn with_predictions(records: &Table, package: &Package) -> Result<Table, Failure> {
    let prediction = package.predict(records)?;
    let beyond = conformal(package, &prediction);
    let clusters = if package.signature.task == Task::Clustering { prediction.codes() } else { None };
    let clusters: Option<ArrayRef> =
        clusters.map(|codes| Arc::new(codes.iter().map(|&code| i64::from(code)).collect::<Int64Array>()) as _);
    let numbered: Vec<String>;
    let table = match prediction {
        Prediction::Values(values) => records.with_column("prediction", Arc::new(Float64Array::from(values)))?,
        Prediction::Probabilities { classes, values } => {
            let names = if clusters.is_some() {
                numbered = (0..classes).map(|cluster| cluster.to_string()).collect();
                &numbered
            } else {
                &package.signature.classes
            };
            let best = values.chunks(classes.max(1)).map(|row| {
                let best = row.iter().enumerate().fold(0, |best, (class, p)| if *p > row[best] { class } else { best });
                names.get(best).map(String::as_str)
            });
            let labels: ArrayRef = clusters.unwrap_or_else(|| Arc::new(best.collect::<StringArray>()));
            let mut table = records.with_column("prediction", labels)?;
            for (class, name) in names.iter().enumerate() {
                let column: Float64Array =
                    values.iter().skip(class).step_by(classes.max(1)).map(|p| Some(*p)).collect();
                table = table.with_column(&format!("probability_{name}"), Arc::new(column))?;
            }
            table
        }
        Prediction::Clusters { .. } => match clusters {
            Some(clusters) => records.with_column("prediction", clusters)?,
            None => return Err(Failure::run("broken-artifact", "the package predicts clusters but is no clustering")),
        },
    };
    beyond.into_iter().try_fold(table, |table, (name, column)| Ok(table.with_column(name, column)?))
}

/// `interval_low` and `interval_high`, or `set` (its classes with `|` between them), where the model predicts them.
fn conformal(package: &Package, prediction: &Prediction) -> Vec<(&'static str, ArrayRef)> {
    let Some(conformal) = &package.conformal else { return Vec::new() };
    if let Some(intervals) = conformal.intervals(prediction) {
        let end =
            |at: usize| -> ArrayRef { Arc::new(intervals.iter().map(|ends| Some(ends[at])).collect::<Float64Array>()) };
        return vec![("interval_low", end(0)), ("interval_high", end(1))];
    }
    let classes = &package.signature.classes;
    let Some(sets) = conformal.sets(prediction).filter(|_| !classes.is_empty()) else { return Vec::new() };
    let text = |set: &[bool]| {
        let held: Vec<&str> =
            classes.iter().zip(set).filter(|(_, held)| **held).map(|(class, _)| class.as_str()).collect();
        Some(held.join("|"))
    };
    vec![("set", Arc::new(sets.chunks(classes.len()).map(text).collect::<StringArray>()))]
}
