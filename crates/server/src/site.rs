//! What every route works with.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use serde::{Deserialize, Serialize};
use trainyard_core::{
    Digest, Problem,
    evaluation::{Evaluation, Release},
    judgement::Study,
    profile::Profile,
    record::RunRecord,
    trial::Trial,
};
use trainyard_report::Node;
use trainyard_store::Store;

use crate::events::Events;

/// A server's surroundings.
pub struct Site {
    /// Where what is told is kept.
    pub store: Store,
    /// A second connection to the same store, so that reading never waits for a writer.
    pub reader: Store,
    /// What the program around can do.
    pub workshop: Box<dyn Workshop>,
    /// The version it tells.
    pub version: &'static str,
    /// Set when the server ends, so that streams without end do too.
    pub stopping: Arc<AtomicBool>,
    /// Who is told what happens.
    pub events: Events,
}

/// What a server needs others for: pipelines and their runs, models in other forms.
pub trait Workshop: Send + Sync + 'static {
    /// The pipeline files of the project.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn pipelines(&self) -> Result<Vec<PathBuf>, Problem>;

    /// A pipeline file of the project, read with these parameters. What is wrong with the file stands in the answer.
    ///
    /// # Errors
    /// When the file is none of the project's, or cannot be read.
    fn pipeline(&self, file: &Path, set: &BTreeMap<String, String>) -> Result<Pipeline, Problem>;

    /// What the report of a run is made of, as far as the store still has it.
    fn findings(&self, run: &RunRecord) -> Findings;

    /// Some rows of a table, from `skip` on.
    ///
    /// # Errors
    /// When it is not in the store, or no table.
    fn rows(&self, table: &Digest, skip: usize, most: usize) -> Result<Rows, Problem>;

    /// The profile of a table, or the profile that an artifact is.
    ///
    /// # Errors
    /// When it is not in the store, or neither of them.
    fn profile(&self, artifact: &Digest) -> Result<Profile, Problem>;

    /// Starts a run and gives its id.
    ///
    /// # Errors
    /// Whatever the command line would refuse before anything runs.
    fn start(&self, order: &Order) -> Result<String, Problem>;

    /// Asks a run that was started here to stop.
    ///
    /// # Errors
    /// `not-started-here`, `run-ended`.
    fn cancel(&self, run: &str, who: &str) -> Result<(), Problem>;

    /// What is known of a run that was started here.
    fn job(&self, run: &str) -> Option<Job>;

    /// The end of what a run that was started here said while it was at work.
    fn log(&self, run: &str) -> Option<String>;

    /// A registered version as the files of an MLflow model directory, by their path in it.
    ///
    /// # Errors
    /// When it is gone or cannot be written so.
    fn mlflow_files(&self, name: &str, version: u64) -> Result<Files, Problem>;
}

/// The files of a directory, by their path in it.
pub type Files = Arc<BTreeMap<String, Vec<u8>>>;

/// A pipeline file as it is now.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Its path below the project.
    pub file: PathBuf,
    /// Its name; that of the file where it cannot be read.
    pub name: String,
    /// What it is for.
    pub about: Option<String>,
    /// Its parameters.
    pub params: BTreeMap<String, serde_json::Value>,
    /// Its steps.
    pub steps: Vec<Node>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// The artifacts of a run that pages show, each by the step that made it.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The evaluations in plan order.
    pub evaluations: Vec<(String, Arc<Evaluation>)>,
    /// What steps found out about models.
    pub studies: Vec<(String, Study)>,
    /// The table profiles.
    pub profiles: Vec<(String, Arc<Profile>)>,
    /// The registered model versions.
    pub releases: Vec<(String, Arc<Release>)>,
    /// The trials of searches.
    pub trials: Vec<(String, Vec<Trial>)>,
}

/// Some rows of a table as text.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The columns: name and type.
    pub columns: Vec<(String, String)>,
    /// The rows; a cell without a value is none.
    pub rows: Vec<Vec<Option<String>>>,
    /// How many rows the table has.
    pub total: u64,
}

/// A run that someone asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The pipeline file, below the project.
    pub file: PathBuf,
    /// Parameters of the pipeline by name, as text.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Steps that run although their results are known.
    #[serde(default)]
    pub force: Vec<String>,
    /// The last step to run.
    #[serde(default)]
    pub until: Option<String>,
    /// Who asks.
    pub who: String,
}

/// A run that was started here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub run: String,
    /// What was asked for, and by whom.
    pub order: Order,
    /// When, in milliseconds since 1970.
    pub asked: i64,
    /// The process that does it.
    pub process: u32,
    /// Its exit code once it has ended; none where it was killed.
    #[serde(default)]
    pub code: Option<i32>,
    /// True once it has ended.
    #[serde(default)]
    pub ended: bool,
    /// Who asked it to stop.
    #[serde(default)]
    pub cancelled_by: Option<String>,
    /// Why it ended without a run, where it did.
    #[serde(skip)]
    pub error: Option<Problem>,
}
