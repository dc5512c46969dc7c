//! `trainyard run`: runs a pipeline, shows its progress, and tells the verdict.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};
use trainyard_core::{
    Digest, Kind, Plan,
    artifact::Document,
    evaluation::Evaluation,
    judgement::Study,
    record::{RunRecord, RunStatus, StepRecord, StepStatus},
    trial::Trial,
};
use trainyard_engine::Options;
use trainyard_manifest::Depth;
use trainyard_server::Findings;
use trainyard_steps::REGISTRY;
use trainyard_store::{Mode, Store};

use crate::{
    args::{Args, RunArgs},
    failure::Failure,
    output::{Output, complain},
    progress::{Progress, seconds},
    project, render,
};

pub(super) fn run(args: &Args, run: &RunArgs, output: &Output) -> Result<ExitCode, Failure> {
    refuse_what_is_not_there(run)?;
    let mut plan = project::plan(&run.file, Depth::Names)?;
    let root = project::store_of(args, &run.file.file)?;
    let store = Store::open(&root, Mode::Write)?;
    let options = options(args, run);
    if would_run(&plan, &store, &options)? {
        // Something is new, so it is worth looking at everything before anything runs.
        let loaded = project::load(&run.file, Depth::Outlines)?;
        let Some(checked) = loaded.plan else {
            return Err(Failure::problems(loaded.problems, loaded.texts));
        };
        plan = checked;
        if !output.json && !loaded.problems.is_empty() {
            complain(&render::problems(&loaded.problems, &loaded.texts, output.colour));
        }
    }
    let cancel = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&cancel);
    // Fails only when another handler is set, and this is the one place that sets one.
    let _ = ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        complain("\nstopping; press Ctrl-C again to stop at once\n");
    });
    // Who named the run beforehand keeps what is told of it beside the document.
    let progress = Progress::new(output.json && run.run_id.is_none());
    let record = trainyard_engine::run(&plan, &REGISTRY, &store, &options, &|event| progress.show(event), &cancel);
    progress.finish();
    let record = record.map_err(engine)?;
    let found = Found::of(&record, &store);
    let report = report(&plan, &record, &found, &root)?;
    output.answer(&document(&record, &found), &words(&record, &found, report.as_deref()));
    let closed = store.close();
    let code = match record.status {
        RunStatus::Succeeded => ExitCode::SUCCESS,
        RunStatus::Refused => ExitCode::from(3),
        RunStatus::Cancelled => ExitCode::from(130),
        RunStatus::Failed | RunStatus::Running | RunStatus::Scheduled => ExitCode::from(1),
    };
    closed?;
    Ok(code)
}

pub(super) fn options(args: &Args, run: &RunArgs) -> Options {
    let mut options = Options {
        force: run.force.iter().cloned().collect::<BTreeSet<_>>(),
        until: run.until.clone(),
        run: run.run_id.clone(),
        ..Options::default()
    };
    if let Some(threads) = args.threads {
        options.threads = threads.get();
    }
    options
}

pub(super) fn engine(error: trainyard_engine::EngineError) -> Failure {
    let exit = if matches!(error, trainyard_engine::EngineError::Call(_)) { 2 } else { 1 };
    let failure = Failure { exit, ..Failure::run(error.code(), error.to_string()) };
    match error.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

fn refuse_what_is_not_there(run: &RunArgs) -> Result<(), Failure> {
    if let Some(coupling) = run.coupling.as_deref().filter(|coupling| *coupling != "tight") {
        return Err(not_yet("coupling", coupling, "process", "pod"));
    }
    if let Some(place) = run.on.as_deref().filter(|place| *place != "local") {
        return Err(not_yet("on", place, "kubernetes", "kubernetes"));
    }
    Ok(())
}

fn not_yet(flag: &str, value: &str, first: &str, second: &str) -> Failure {
    if [first, second].contains(&value) {
        Failure::call("not-yet", format!("`--{flag} {value}` is not there yet"))
    } else {
        Failure::call("bad-call", format!("`--{flag} {value}`: no such choice"))
    }
}

fn would_run(plan: &Plan, store: &Store, options: &Options) -> Result<bool, Failure> {
    let preview = trainyard_engine::preview(plan, &REGISTRY, store, options).map_err(engine)?;
    Ok(preview.iter().any(|step| step.status != trainyard_engine::PreviewStatus::Cached))
}

/// The outputs that the verdict and the report are made of, loaded from the store.
pub(crate) struct Found;

impl Found {
    /// Loads them from the store; one that is not there is left out.
    pub(crate) fn of(record: &RunRecord, store: &Store) -> Findings {
        Findings {
            evaluations: outputs(record, store, Kind::Evaluation),
            studies: outputs::<Document>(record, store, Kind::Document)
                .into_iter()
                .filter_map(|(step, document)| Some((step, Study::of(&document)?)))
                .collect(),
            profiles: outputs(record, store, Kind::Profile),
            releases: outputs(record, store, Kind::Release),
            trials: trials(record, store),
        }
    }
}

/// The trials of the steps that searched. A catalog that cannot be read shows none: they are no part of the verdict.
fn trials(record: &RunRecord, store: &Store) -> Vec<(String, Vec<Trial>)> {
    let trained = record.steps.iter().filter(|step| step.outputs.values().any(|output| output.kind == Kind::Model));
    let steps: Vec<(&StepRecord, Digest)> = trained.filter_map(|step| Some((step, step.fingerprint?))).collect();
    if steps.is_empty() {
        return Vec::new();
    }
    let fingerprints: Vec<Digest> = steps.iter().map(|(_, fingerprint)| *fingerprint).collect();
    let found = store.trials(&fingerprints).unwrap_or_default();
    let of = |(step, fingerprint): (&StepRecord, Digest)| Some((step.name.clone(), found.get(&fingerprint)?.clone()));
    steps.into_iter().filter_map(of).collect()
}

fn outputs<T: trainyard_core::Value>(record: &RunRecord, store: &Store, kind: Kind) -> Vec<(String, Arc<T>)> {
    let loaded = |digest: &Digest| {
        let artifact = trainyard_engine::load(store, &REGISTRY, *digest).ok()?;
        artifact.value.into_any().downcast::<T>().ok()
    };
    record
        .steps
        .iter()
        .flat_map(|step| step.outputs.values().map(move |output| (step, output)))
        .filter(|(_, output)| output.kind == kind)
        .filter_map(|(step, output)| Some((step.name.clone(), loaded(&output.digest)?)))
        .collect()
}

/// The run as `--json` shows it.
pub(super) fn document(record: &RunRecord, found: &Findings) -> Value {
    let steps: Vec<Value> = record
        .steps
        .iter()
        .map(|step| {
            let mut document = step_document(step);
            if let Some((_, trials)) = found.trials.iter().find(|(name, _)| *name == step.name) {
                document["trials"] = json!(trials);
            }
            document
        })
        .collect();
    let mut document = json!({
        "run": record.run, "pipeline": record.pipeline, "status": record.status, "seconds": record.seconds,
        "steps": steps,
    });
    if let Some((_, evaluation)) = found.evaluations.last() {
        let models: BTreeMap<&String, Value> = evaluation
            .models
            .iter()
            .map(|(name, model)| {
                let metrics: BTreeMap<&String, Value> = model
                    .metrics
                    .iter()
                    .map(|(metric, measured)| {
                        (
                            metric,
                            json!({
                                "value": measured.value, "low": measured.low, "high": measured.high,
                                "level": measured.level, "method": measured.method,
                            }),
                        )
                    })
                    .collect();
                (name, json!(metrics))
            })
            .collect();
        document["evaluation"] = json!({"best": evaluation.best, "models": models});
        judged(&mut document["evaluation"], evaluation);
        let resampled: BTreeMap<_, _> = evaluation
            .models
            .iter()
            .filter(|(_, model)| !model.resampled.is_empty())
            .map(|(name, model)| (name, &model.resampled))
            .collect();
        if !resampled.is_empty() {
            document["evaluation"]["resampled"] = json!(resampled);
        }
        if !evaluation.gates.is_empty() {
            document["evaluation"]["gates"] = json!(evaluation.gates);
        }
    }
    if let Some((_, release)) = found.releases.last() {
        document["release"] = json!({"name": release.name, "version": release.version, "alias": release.alias});
    }
    document
}

/// What an evaluation tells beside the metrics of its models; absent parts are left out.
fn judged(document: &mut Value, evaluation: &Evaluation) {
    document["baselines"] = json!(evaluation.baselines);
    let details: BTreeMap<_, _> = evaluation
        .models
        .iter()
        .map(|(name, model)| (name, json!(model.details)))
        .filter(|(_, details)| details.as_object().is_some_and(|details| !details.is_empty()))
        .collect();
    for (key, value) in [
        ("slices", json!(evaluation.slices)),
        ("comparisons", json!(evaluation.comparisons)),
        ("details", json!(details)),
    ] {
        if value.as_array().is_some_and(|all| !all.is_empty()) || value.as_object().is_some_and(|all| !all.is_empty()) {
            document[key] = value;
        }
    }
    if let Some(champion) = &evaluation.champion {
        document["champion"] = json!(champion);
    }
}

fn step_document(step: &StepRecord) -> Value {
    let outputs: BTreeMap<&String, Value> = step
        .outputs
        .iter()
        .map(|(port, output)| {
            let mut document = json!({"kind": output.kind, "digest": output.digest});
            if let Some(rows) = output.rows {
                document["rows"] = rows.into();
            }
            (port, document)
        })
        .collect();
    let mut document = json!({
        "name": step.name, "uses": step.uses, "status": step.status, "seconds": step.seconds, "outputs": outputs,
        "warnings": step.warnings,
    });
    if let Some(error) = &step.error {
        document["error"] = json!({"code": error.code, "message": error.message, "help": error.help});
    }
    document
}

/// Writes the report; gives its path. A run of known results only has the report of the run that made them.
fn report(plan: &Plan, record: &RunRecord, found: &Findings, root: &Path) -> Result<Option<PathBuf>, Failure> {
    let folder = root.join("reports");
    let key = trainyard_core::Hasher::new("report")
        .part(plan.text.as_bytes())
        .part(
            &serde_json::to_vec(&record.steps.iter().map(|step| (&step.name, &step.outputs)).collect::<Vec<_>>())
                .unwrap_or_default(),
        )
        .digest();
    let pointer = folder.join(format!("{}.run", key.short()));
    let cached = record.steps.iter().all(|step| step.status == StepStatus::Cached);
    if cached && let Ok(run) = fs::read_to_string(&pointer) {
        let known = folder.join(run).join("report.html");
        if known.is_file() {
            return Ok(Some(known));
        }
    }
    let html = trainyard_report::html(&trainyard_report::Report {
        run: record,
        about: plan.about.as_deref(),
        evaluations: found.evaluations.iter().map(|(step, value)| (step.clone(), value.as_ref())).collect(),
        studies: found.studies.clone(),
        profiles: found.profiles.iter().map(|(step, value)| (step.clone(), value.as_ref())).collect(),
        pipeline_text: &plan.text,
        version: env!("CARGO_PKG_VERSION"),
        releases: found.releases.iter().map(|(step, value)| (step.clone(), value.as_ref())).collect(),
        trials: found.trials.clone(),
        generated: super::runs::moment(record.started),
    });
    let path = folder.join(&record.run).join("report.html");
    let written = fs::create_dir_all(folder.join(&record.run))
        .and_then(|()| fs::write(&path, html))
        .and_then(|()| fs::write(&pointer, &record.run));
    match written {
        Ok(()) => Ok(Some(path)),
        // The run itself is safe in the store: a missing report is no reason to call it failed.
        Err(error) => {
            complain(&format!("warning: no report: `{}`: {error}\n", path.display()));
            Ok(None)
        }
    }
}

/// The verdict in words.
pub(super) fn words(record: &RunRecord, found: &Findings, report: Option<&Path>) -> String {
    let mut out = String::new();
    for step in record.steps.iter().filter(|step| step.error.is_some()) {
        let Some(error) = &step.error else { continue };
        let _ = writeln!(out, "\nin step `{}` ({}): {} [{}]", step.name, step.uses, error.message, error.code);
        if let Some(help) = &error.help {
            let _ = writeln!(out, "  help: {help}");
        }
        for problem in error.problems.iter().skip(1) {
            let _ = writeln!(out, "  also: {problem}");
        }
    }
    for (step, trials) in &found.trials {
        out.push_str(&searched(step, trials));
    }
    for (_, evaluation) in &found.evaluations {
        out.push_str(&verdict(evaluation));
    }
    for (_, release) in &found.releases {
        let alias = release.alias.as_ref().map_or_else(String::new, |alias| format!(" @{alias}"));
        let _ = writeln!(out, "registered   {} {}{alias}", release.name, release.version);
    }
    let count = |status| record.steps.iter().filter(|step| step.status == status).count();
    let counted: Vec<String> = [
        (StepStatus::Ran, "ran"),
        (StepStatus::Cached, "known"),
        (StepStatus::Failed, "failed"),
        (StepStatus::Refused, "refused"),
        (StepStatus::Skipped, "skipped"),
    ]
    .into_iter()
    .filter(|(status, _)| count(*status) > 0)
    .map(|(status, word)| format!("{} {word}", count(status)))
    .collect();
    let _ = writeln!(
        out,
        "{:12} {} in {}: {}",
        record.status.name(),
        record.run,
        seconds(record.seconds),
        counted.join(", ")
    );
    let told =
        |step: &StepRecord| step.error.is_some() || step.warnings.iter().any(|warning| warning.silenced.is_none());
    if record.steps.iter().any(told) {
        let _ = write!(out, "more         {}", render::HINT);
    }
    if let Some(path) = report {
        let _ = writeln!(out, "report       {}", path.display());
    }
    out
}

/// The best trial of a step's own search.
fn searched(step: &str, trials: &[Trial]) -> String {
    let own = || trials.iter().filter(|trial| trial.study.is_empty());
    let judged = own().filter_map(|trial| Some((trial, trial.value?, trial.loss?)));
    let best = judged.min_by(|one, other| one.2.total_cmp(&other.2));
    best.map_or_else(String::new, |(trial, value, _)| {
        format!("searched     {step}: {} {value:.4} in trial {} of {}\n", trial.metric, trial.number, own().count())
    })
}

fn verdict(evaluation: &Evaluation) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\nbest model   {} (by {} on {} unseen rows)",
        evaluation.best, evaluation.decided_by, evaluation.rows
    );
    let width =
        evaluation.models.keys().chain(evaluation.baselines.keys()).map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, model) in &evaluation.models {
        let metrics: Vec<String> = model
            .metrics
            .iter()
            .map(|(metric, measured)| {
                format!("{metric} {:.4} ({:.4} to {:.4})", measured.value, measured.low, measured.high)
            })
            .collect();
        let _ = writeln!(out, "  {name:width$}  {}", metrics.join("  "));
        if let Some(resampled) = model.resampled.get(&evaluation.decided_by) {
            let _ = writeln!(
                out,
                "  {:width$}  {} {:.4} ± {:.4} over {} folds",
                "",
                evaluation.decided_by,
                resampled.mean,
                resampled.deviation,
                resampled.folds.len()
            );
        }
    }
    for (name, metrics) in &evaluation.baselines {
        if let Some(measured) = metrics.get(&evaluation.decided_by) {
            let _ = writeln!(out, "  {name:width$}  {} {:.4} (baseline)", evaluation.decided_by, measured.value);
        }
    }
    for gate in &evaluation.gates {
        let verdict = if gate.passed { "passed" } else { "REFUSED" };
        let _ = writeln!(out, "gate         {}: {verdict} ({})", gate.condition, gate.why);
    }
    out
}
