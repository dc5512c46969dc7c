//! What the server asks of the program around it: the project's pipelines and their runs, what artifacts hold, models in
//! other forms.

mod jobs;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use trainyard_core::{Digest, Kind, Problem, profile::Profile, record::RunRecord};
use trainyard_data::{Table, glance::glance};
use trainyard_manifest::Depth;
use trainyard_model::{mlflow, onnx};
use trainyard_report::Node;
use trainyard_server::{Files, Findings, Job, Order, Pipeline, Rows};
use trainyard_steps::REGISTRY;
use trainyard_store::Store;

use self::jobs::Jobs;
use crate::{
    args::FileArgs,
    commands::{graph, run::Found},
    failure::Failure,
    project,
    registered::{self, problem},
};

/// How deep below the project pipeline files are looked for.
const DEPTH: u32 = 3;
/// How long what was found counts.
const FRESH: Duration = Duration::from_secs(2);
/// Files looked at in all, and bytes read of one, to find pipelines.
const MOST_FILES: usize = 20_000;
const LARGEST: u64 = 4 << 20;
/// Cells of a table above which no profile is made for a page.
const MOST_CELLS: u64 = 200_000_000;

/// The project a server works for.
pub(crate) struct Workshop {
    /// The folder that holds the store.
    pub(crate) project: PathBuf,
    /// The store.
    pub(crate) store: Store,
    /// The pipeline files, and when they were looked for.
    found: Mutex<Option<(Instant, Vec<PathBuf>)>>,
    /// The last package written as an MLflow model: a client asks for its files one by one.
    written: Mutex<Option<(Digest, Files)>>,
    /// Held while a profile is made, so that one is made at a time.
    profiling: Mutex<()>,
    jobs: Jobs,
}

impl Workshop {
    /// The workshop of the project in that folder.
    pub(crate) fn new(project: PathBuf, store: Store) -> Self {
        let jobs = Jobs::new(store.root().join("jobs"));
        Self { project, store, found: Mutex::default(), written: Mutex::default(), profiling: Mutex::default(), jobs }
    }

    /// The path of one of the project's pipeline files; nothing else is ever read or run.
    fn known(&self, file: &Path) -> Result<PathBuf, Problem> {
        let files = trainyard_server::Workshop::pipelines(self)?;
        if files.iter().any(|known| known == file) {
            return Ok(self.project.join(file));
        }
        let shown: Vec<String> = files.iter().map(|known| known.display().to_string()).collect();
        let name = file.display().to_string();
        Err(Problem::unknown("unknown-pipeline", "pipeline file", &name, shown.iter().map(String::as_str)))
    }

    fn artifact<T: trainyard_core::Value>(&self, digest: &Digest, what: &str) -> Result<Arc<T>, Problem> {
        if self.store.artifact(digest).map_err(problem)?.is_none() {
            return Err(Problem::error(
                "unknown-artifact",
                format!("the artifact {} is not kept here", digest.short()),
            ));
        }
        let artifact = trainyard_engine::load(&self.store, &REGISTRY, *digest)
            .map_err(|error| Problem { help: error.help, ..Problem::error(error.code, error.message) })?;
        artifact
            .value
            .into_any()
            .downcast::<T>()
            .map_err(|_| Problem::error("unknown-artifact", format!("the artifact {} is not {what}", digest.short())))
    }

    fn made_before(&self, digest: &Digest) -> Option<Profile> {
        serde_json::from_slice(&fs::read(self.profile_of(digest)).ok()?).ok()
    }

    fn profile_of(&self, digest: &Digest) -> PathBuf {
        self.store.root().join("profiles").join(format!("{digest}.json"))
    }
}

impl trainyard_server::Workshop for Workshop {
    fn pipelines(&self) -> Result<Vec<PathBuf>, Problem> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, files)) = found.as_ref()
            && when.elapsed() < FRESH
        {
            return Ok(files.clone());
        }
        let (mut files, mut left) = (Vec::new(), MOST_FILES);
        pipelines_below(&self.project, DEPTH, &mut left, &mut files);
        let files: Vec<PathBuf> =
            files.iter().filter_map(|path| Some(path.strip_prefix(&self.project).ok()?.to_owned())).collect();
        *found = Some((Instant::now(), files.clone()));
        Ok(files)
    }

    fn pipeline(&self, file: &Path, set: &BTreeMap<String, String>) -> Result<Pipeline, Problem> {
        let path = self.known(file)?;
        let set = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let checked = project::load(&FileArgs { file: path, set }, Depth::Names).map_err(as_problem)?;
        let stem = || file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        Ok(match checked.plan {
            Some(plan) => Pipeline {
                file: file.to_owned(),
                steps: graph::nodes(&plan),
                name: plan.name,
                about: plan.about,
                params: plan.params,
                problems: checked.problems,
            },
            None => Pipeline {
                file: file.to_owned(),
                name: stem(),
                about: None,
                params: BTreeMap::new(),
                steps: Vec::<Node>::new(),
                problems: checked.problems,
            },
        })
    }

    fn findings(&self, run: &RunRecord) -> Findings {
        Found::of(run, &self.store)
    }

    fn rows(&self, digest: &Digest, skip: usize, most: usize) -> Result<Rows, Problem> {
        let table = self.artifact::<Table>(digest, "a table")?;
        let columns = table.schema().columns.into_iter();
        Ok(Rows {
            columns: columns.map(|column| (column.name, column.column_type.to_string())).collect(),
            rows: glance(&table, skip, most).map_err(|error| as_problem(error.into()))?,
            total: trainyard_core::Value::rows(&*table).unwrap_or(0),
        })
    }

    fn profile(&self, digest: &Digest) -> Result<Profile, Problem> {
        let row = self.store.artifact(digest).map_err(problem)?;
        let kind = row.map(|row| row.kind);
        if kind == Some(Kind::Profile) {
            return Ok((*self.artifact::<Profile>(digest, "a profile")?).clone());
        }
        if kind != Some(Kind::Table) {
            let message = format!("the artifact {} is no table that is kept", digest.short());
            return Err(Problem::error("unknown-artifact", message));
        }
        let _alone = self.profiling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(profile) = self.made_before(digest) {
            return Ok(profile);
        }
        let table = self.artifact::<Table>(digest, "a table")?;
        let cells = trainyard_core::Value::rows(&*table).unwrap_or(0).saturating_mul(table.column_count() as u64);
        if cells > MOST_CELLS {
            let message = format!("the table {} is too large to be profiled for a page", digest.short());
            return Err(Problem::error("too-large", message).help("add a `validate/profile` step to the pipeline"));
        }
        let profile = trainyard_data::profile::profile(&table).map_err(|error| as_problem(error.into()))?;
        // A store that cannot be written has it made again each time.
        if let Ok(text) = serde_json::to_vec(&profile) {
            let _ = jobs::replace(&self.profile_of(digest), &text);
        }
        Ok(profile)
    }

    fn start(&self, order: &Order) -> Result<String, Problem> {
        let file = self.known(&order.file)?;
        let set = order.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let plan = project::plan(&FileArgs { file, set }, Depth::Names).map_err(as_problem)?;
        let steps = || plan.steps.iter().map(|step| step.name.as_str());
        for step in order.force.iter().chain(&order.until) {
            if !steps().any(|known| known == step) {
                return Err(Problem::unknown("no-such-step", "step", step, steps()));
            }
        }
        self.jobs.start(&self.project, self.store.root(), order)
    }

    fn cancel(&self, run: &str, who: &str) -> Result<(), Problem> {
        self.jobs.cancel(run, who)
    }

    fn job(&self, run: &str) -> Option<Job> {
        self.jobs.job(run)
    }

    fn log(&self, run: &str) -> Option<String> {
        self.jobs.log(run)
    }

    fn mlflow_files(&self, name: &str, version: u64) -> Result<Files, Problem> {
        let digest = registered::digest(&self.store, name, version)?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, files)) = written.as_ref()
            && *known == digest
        {
            return Ok(Arc::clone(files));
        }
        let package = registered::package(&self.store, name, version, digest)?;
        let exported = onnx::export(&package)
            .map_err(|error| Problem { help: error.help, ..Problem::error(error.code, error.message) })?;
        let files = Arc::new(mlflow::files(&package, &exported));
        *written = Some((digest, Arc::clone(&files)));
        Ok(files)
    }
}

/// Why the command line would have ended, as a problem.
fn as_problem(failure: Failure) -> Problem {
    Problem { help: failure.help, ..Problem::error(failure.code, failure.message) }
}

fn pipelines_below(folder: &Path, depth: u32, left: &mut usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).take(*left).collect();
    *left = left.saturating_sub(entries.len());
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if kind.is_dir() && depth > 0 && !hidden {
            pipelines_below(&path, depth - 1, left, found);
        } else if kind.is_file() && matches!(path.extension().and_then(|end| end.to_str()), Some("yaml" | "yml")) {
            if entry.metadata().map_or(true, |metadata| metadata.len() > LARGEST) {
                continue;
            }
            // A pipeline names steps at the left margin; other files of the format seldom do.
            let text = fs::read_to_string(&path).unwrap_or_default();
            if text.lines().any(|line| line.trim_end() == "steps:") {
                found.push(path);
            }
        }
    }
}
