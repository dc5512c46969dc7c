//! `trainyard predict MODEL --in F --out F`: predicts with a registered model.

use std::{
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use trainyard_data::read::{ReadOptions, expand};
use trainyard_model::{Asked, Package, predict_files};
use trainyard_store::Mode;

use crate::{
    args::{Args, PredictArgs},
    failure::Failure,
    output::Output,
    progress::{seconds, thousands},
    project, registered, render,
};

pub(super) fn predict(args: &Args, wanted: &PredictArgs, output: &Output) -> Result<ExitCode, Failure> {
    let model = &wanted.model;
    let Some((name, known_as)) = model.split_once('@') else {
        return Err(Failure::call("bad-call", format!("`{model}`: expected name@alias or name@version"))
            .help(format!("such as `{model}@champion`")));
    };
    let read = read_options(wanted)?;
    let (version, package) = load(args, name, known_as)?;
    let asked = Asked {
        prepared: wanted.prepared,
        columns: wanted.columns.as_deref().map(names),
        explain: wanted.explain.unwrap_or(0),
    };
    let files = expand(Path::new(""), &wanted.input.to_string_lossy())?;
    let (begun, bar) = (Instant::now(), bar(args));
    let told = |rows: u64| {
        bar.set_position(rows);
        bar.set_message(format!("{} records", thousands(rows)));
    };
    let out = &wanted.output;
    let predicted = predict_files(&package, &files, &read, &asked, out, &told, &|| false);
    bar.finish_and_clear();
    let predicted = predicted?;
    let took = begun.elapsed().as_secs_f64();
    let document = json!({
        "model": name, "version": version, "rows": predicted.rows, "out": out, "seconds": took,
        "warnings": predicted.warnings,
    });
    let text = format!(
        "{} rows predicted by {name} {version} in {}, written to {}\n{}",
        thousands(predicted.rows),
        seconds(took),
        out.display(),
        render::warnings(&predicted.warnings, "  ")
    );
    output.answer(&document, &text);
    Ok(ExitCode::SUCCESS)
}

/// The package of a model by name and alias or version.
pub(super) fn load(args: &Args, name: &str, known_as: &str) -> Result<(u64, Arc<Package>), Failure> {
    let store = project::open_nearby(args, Mode::Read)?;
    let (version, digest) = store.resolve(name, known_as)?.ok_or_else(|| {
        let failure = Failure::call("model-not-found", format!("there is no model `{name}@{known_as}`"));
        let names: Vec<String> = store.models().unwrap_or_default().into_iter().map(|model| model.name).collect();
        match trainyard_core::problem::nearest(name, names.iter().map(String::as_str)) {
            Some(near) if near != name => failure.help(format!("did you mean `{near}@{known_as}`?")),
            _ => failure.help("`trainyard models` lists what there is"),
        }
    })?;
    let package = registered::package(&store, name, version, digest)
        .map_err(|problem| Failure { help: problem.help, ..Failure::run(problem.code, problem.message) })?;
    Ok((version, package))
}

fn read_options(wanted: &PredictArgs) -> Result<ReadOptions, Failure> {
    let Some(text) = &wanted.read else { return Ok(ReadOptions::default()) };
    serde_json::from_str(text).map_err(|error| {
        Failure::call("bad-call", format!("`--read {text}`: {error}"))
            .help("write the options of `acquire/file` as JSON, such as `{\"delimiter\": \";\"}`")
    })
}

/// The names in a list with commas between.
fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Shown on a terminal alone.
fn bar(args: &Args) -> ProgressBar {
    if args.json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner:.cyan} {msg}  {per_sec}  {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style).with_message("reading");
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
