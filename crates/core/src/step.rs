//! What a step is: typed for its author, erased once for the framework.

mod services;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use schemars::JsonSchema;
use serde::{Deserialize as _, Serialize, de::DeserializeOwned};

use crate::{
    artifact::{Artifact, Value},
    digest::Digest,
    outline::Outline,
    port::Ports,
    problem::Problem,
    schema::Schema,
    warning::Warning,
};

pub use services::{Models, Monitor, NoNotes, Notes, Uses};

/// A unit of work in a pipeline. The author writes this; [`ErasedStep`] is derived from it.
pub trait Step: Send + Sync + 'static {
    /// `<stage>/<name>`, such as `acquire/file`.
    const NAME: &'static str;
    /// Bump when equal inputs and parameters give another output.
    const VERSION: u32;
    /// What it does, in one line.
    const ABOUT: &'static str;
    /// Examples of `with:` as JSON, the shortest first; the contract suite parses each.
    const EXAMPLES: &'static [&'static str];
    /// What the user writes under `with:`.
    type Params: Serialize + DeserializeOwned + JsonSchema;
    /// Parameters that passed [`Step::check`].
    type Checked: Send + Sync;

    /// The inputs and outputs, which may depend on the parameters.
    fn ports(params: &Self::Params) -> Ports;

    /// Checks the parameters against what is known of the inputs, and says what will come out. Runs before the
    /// pipeline starts and again, with exact outlines, right before [`Step::run`]. Reads nothing but what a source
    /// must look at.
    ///
    /// # Errors
    /// Every problem at once, each with its path inside `with:`. Warnings go into [`Outlines::warnings`] of the
    /// result.
    fn check(
        params: Self::Params,
        inputs: &Outlines,
        setting: &Setting,
    ) -> Result<(Self::Checked, Outlines), Vec<Problem>>;

    /// Does the work.
    ///
    /// # Errors
    /// When it cannot be done; the engine adds which step it was.
    fn run(checked: &Self::Checked, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError>;

    /// What the outside data is *now*, for a step that reads any: part of the fingerprint, so that the cache stays
    /// honest.
    ///
    /// # Errors
    /// When the outside data cannot be reached.
    fn identity(_params: &Self::Params, _setting: &Setting) -> Result<Option<Digest>, StepError> {
        Ok(None)
    }

    /// Whether an effect outside the step's outputs (a registered version, a moved alias) is still in place; if not,
    /// the step runs again although its inputs are unchanged.
    ///
    /// # Errors
    /// When that cannot be told.
    fn still_holds(_params: &Self::Params, _outputs: &Outputs, _context: &Context<'_>) -> Result<bool, StepError> {
        Ok(true)
    }

    /// True for a step whose [`Step::still_holds`] looks at the world, so that a hit has to load its outputs.
    const HAS_EFFECT: bool = false;

    /// The same where it depends on the parameters.
    fn has_effect(_params: &Self::Params) -> bool {
        Self::HAS_EFFECT
    }

    /// True for a step whose result is never taken from the cache.
    const ALWAYS_RUNS: bool = false;
}

/// The framework's view of a [`Step`]: parameters as JSON. Implemented once, for every `Step`.
pub trait ErasedStep: Send + Sync {
    /// See [`Step::NAME`].
    fn name(&self) -> &'static str;
    /// See [`Step::VERSION`].
    fn version(&self) -> u32;
    /// See [`Step::ABOUT`].
    fn about(&self) -> &'static str;
    /// See [`Step::EXAMPLES`].
    fn examples(&self) -> &'static [&'static str];
    /// The JSON Schema of the parameters.
    fn params_schema(&self) -> schemars::Schema;
    /// The parameters with every default written out and keys in one order: what the fingerprint sees.
    ///
    /// # Errors
    /// `bad-params`: with the path serde reports.
    fn canonical_params(&self, params: &serde_json::Value) -> Result<serde_json::Value, Problem>;
    /// See [`Step::ports`].
    ///
    /// # Errors
    /// As [`ErasedStep::canonical_params`].
    fn ports(&self, params: &serde_json::Value) -> Result<Ports, Problem>;
    /// See [`Step::check`].
    ///
    /// # Errors
    /// As [`Step::check`].
    fn check(&self, params: &serde_json::Value, inputs: &Outlines, setting: &Setting)
    -> Result<Outlines, Vec<Problem>>;
    /// Checks against the real inputs' outlines, then runs.
    ///
    /// # Errors
    /// As [`Step::run`]; failed checks become one error that carries the problems.
    fn run(&self, params: &serde_json::Value, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError>;
    /// See [`Step::identity`].
    ///
    /// # Errors
    /// As [`Step::identity`].
    fn identity(&self, params: &serde_json::Value, setting: &Setting) -> Result<Option<Digest>, StepError>;
    /// See [`Step::still_holds`].
    ///
    /// # Errors
    /// As [`Step::still_holds`].
    fn still_holds(
        &self,
        params: &serde_json::Value,
        outputs: &Outputs,
        context: &Context<'_>,
    ) -> Result<bool, StepError>;
    /// See [`Step::has_effect`].
    fn has_effect(&self, params: &serde_json::Value) -> bool;
    /// See [`Step::ALWAYS_RUNS`].
    fn always_runs(&self) -> bool;
}

fn params_of<S: Step>(params: &serde_json::Value) -> Result<S::Params, Problem> {
    // An absent `with:` means all defaults.
    let empty = serde_json::Value::Object(serde_json::Map::new());
    let params = if params.is_null() { &empty } else { params };
    S::Params::deserialize(params)
        .map_err(|error| Problem::error("bad-params", format!("bad parameters of `{}`: {error}", S::NAME)))
}

impl<S: Step> ErasedStep for S {
    fn name(&self) -> &'static str {
        S::NAME
    }
    fn version(&self) -> u32 {
        S::VERSION
    }
    fn about(&self) -> &'static str {
        S::ABOUT
    }
    fn examples(&self) -> &'static [&'static str] {
        S::EXAMPLES
    }
    fn params_schema(&self) -> schemars::Schema {
        schemars::schema_for!(S::Params)
    }
    fn canonical_params(&self, params: &serde_json::Value) -> Result<serde_json::Value, Problem> {
        let params = params_of::<S>(params)?;
        // `serde_json::Map` is a BTreeMap here, so keys come out sorted.
        serde_json::to_value(&params)
            .map_err(|error| Problem::error("bad-params", format!("parameters of `{}`: {error}", S::NAME)))
    }
    fn ports(&self, params: &serde_json::Value) -> Result<Ports, Problem> {
        Ok(S::ports(&params_of::<S>(params)?))
    }
    fn check(
        &self,
        params: &serde_json::Value,
        inputs: &Outlines,
        setting: &Setting,
    ) -> Result<Outlines, Vec<Problem>> {
        let params = params_of::<S>(params).map_err(|problem| vec![problem])?;
        S::check(params, inputs, setting).map(|(_, outlines)| outlines)
    }
    fn run(&self, params: &serde_json::Value, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let params = params_of::<S>(params).map_err(|problem| StepError::problems(vec![problem]))?;
        let (checked, _) = S::check(params, &inputs.outlines(), context.setting).map_err(StepError::problems)?;
        S::run(&checked, inputs, context)
    }
    fn identity(&self, params: &serde_json::Value, setting: &Setting) -> Result<Option<Digest>, StepError> {
        let params = params_of::<S>(params).map_err(|problem| StepError::problems(vec![problem]))?;
        S::identity(&params, setting)
    }
    fn still_holds(
        &self,
        params: &serde_json::Value,
        outputs: &Outputs,
        context: &Context<'_>,
    ) -> Result<bool, StepError> {
        let params = params_of::<S>(params).map_err(|problem| StepError::problems(vec![problem]))?;
        S::still_holds(&params, outputs, context)
    }
    fn has_effect(&self, params: &serde_json::Value) -> bool {
        params_of::<S>(params).map_or(S::HAS_EFFECT, |params| S::has_effect(&params))
    }
    fn always_runs(&self) -> bool {
        S::ALWAYS_RUNS
    }
}

/// Where a step stands: what relative paths are relative to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// The folder of the pipeline file that names the step.
    pub folder: PathBuf,
}

impl Setting {
    /// `path`, relative to the pipeline file's folder unless it is absolute.
    #[must_use]
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}

/// What is known of a step's inputs or outputs: port → (name of the step it comes from, outline).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlines {
    /// The outlines by port; an output port holds one, named as the port.
    pub ports: BTreeMap<String, Vec<(String, Outline)>>,
    /// What the user should know although it can run.
    pub warnings: Vec<Problem>,
}

impl Outlines {
    /// Outlines of a single output.
    pub fn output(port: &str, outline: Outline) -> Self {
        Self::default().with(port, port, outline)
    }

    /// The same with one more outline in `port`.
    #[must_use]
    pub fn with(mut self, port: &str, from: &str, outline: Outline) -> Self {
        self.ports.entry(port.to_owned()).or_default().push((from.to_owned(), outline));
        self
    }

    /// The first outline in `port`.
    #[must_use]
    pub fn get(&self, port: &str) -> Option<&Outline> {
        self.ports.get(port)?.first().map(|(_, outline)| outline)
    }

    /// All outlines in `port`, each with the name of the step it comes from.
    #[must_use]
    pub fn all(&self, port: &str) -> &[(String, Outline)] {
        self.ports.get(port).map_or(&[], Vec::as_slice)
    }

    /// The schema of the table or split in `port`, if there is one.
    #[must_use]
    pub fn schema(&self, port: &str) -> Option<&Schema> {
        self.get(port)?.schema()
    }
}

/// The artifacts in a step's input ports: port → (name of the step it comes from, artifact).
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The artifacts by port.
    pub ports: BTreeMap<String, Vec<(String, Artifact)>>,
}

impl Inputs {
    /// The value in `port`, as its own type.
    ///
    /// # Errors
    /// `missing-input` when the port is empty or holds another type: the plan's port check excludes both.
    pub fn one<T: Value>(&self, port: &str) -> Result<Arc<T>, StepError> {
        self.optional(port)?.ok_or_else(|| StepError::new("missing-input", format!("nothing in port `{port}`")))
    }

    /// The value in `port`, if any, as its own type.
    ///
    /// # Errors
    /// `missing-input` when it is of another type.
    pub fn optional<T: Value>(&self, port: &str) -> Result<Option<Arc<T>>, StepError> {
        Ok(self.many(port)?.into_iter().next().map(|(_, value)| value))
    }

    /// The values in `port`, each with the name of the step it comes from.
    ///
    /// # Errors
    /// `missing-input` when one is of another type.
    pub fn many<T: Value>(&self, port: &str) -> Result<Vec<(String, Arc<T>)>, StepError> {
        self.ports
            .get(port)
            .into_iter()
            .flatten()
            .map(|(name, artifact)| {
                let value = Arc::clone(&artifact.value).into_any().downcast::<T>().map_err(|_| {
                    let kind = artifact.value.kind();
                    StepError::new("missing-input", format!("port `{port}` holds a {kind}, which the step cannot use"))
                })?;
                Ok((name.clone(), value))
            })
            .collect()
    }

    /// The artifact in `port`, whatever its type.
    #[must_use]
    pub fn artifact(&self, port: &str) -> Option<&Artifact> {
        self.ports.get(port)?.first().map(|(_, artifact)| artifact)
    }

    /// What is known of the inputs.
    #[must_use]
    pub fn outlines(&self) -> Outlines {
        let ports = self
            .ports
            .iter()
            .map(|(port, artifacts)| {
                let outlines =
                    artifacts.iter().map(|(name, artifact)| (name.clone(), artifact.value.outline())).collect();
                (port.clone(), outlines)
            })
            .collect();
        Outlines { ports, warnings: Vec::new() }
    }
}

/// What a step made: output port → value.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// The values by port.
    pub ports: BTreeMap<String, Artifact>,
}

impl Outputs {
    /// A single output.
    #[must_use]
    pub fn one(port: &str, value: impl Value) -> Self {
        Self::default().and(port, Arc::new(value))
    }

    /// The same with one more output.
    #[must_use]
    pub fn and(mut self, port: &str, value: Arc<dyn Value>) -> Self {
        self.ports.insert(port.to_owned(), Artifact::of(value));
        self
    }

    /// The value in `port` as its own type, if it is there and of that type.
    #[must_use]
    pub fn get<T: Value>(&self, port: &str) -> Option<Arc<T>> {
        Arc::clone(&self.ports.get(port)?.value).into_any().downcast::<T>().ok()
    }
}

/// What the engine lends to a running step.
pub struct Context<'a> {
    /// Where the step stands.
    pub setting: &'a Setting,
    /// An empty folder of its own, removed afterwards.
    pub scratch: &'a Path,
    /// A folder, perhaps still to be made, for files from which what the step makes is read later on. They go with the
    /// values that lie in them, at the latest with the run.
    pub held: &'a Path,
    /// The step's name in the pipeline.
    pub step: &'a str,
    /// The pipeline's name.
    pub pipeline: &'a str,
    /// The run's id.
    pub run: &'a str,
    /// Threads it may use.
    pub threads: usize,
    /// The registered models.
    pub models: &'a dyn Models,
    /// What the step keeps for itself while at work.
    pub notes: &'a dyn Notes,
    /// What other work has taken in.
    pub uses: &'a dyn Uses,
    /// Told how far the step is.
    pub monitor: &'a dyn Monitor,
    /// The warnings so far.
    pub warnings: &'a Mutex<Vec<Warning>>,
}

impl Context<'_> {
    /// Adds a warning to the step's record.
    pub fn warn(&self, warning: Warning) {
        let mut warnings = self.warnings.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        warnings.push(warning);
    }

    /// Reports that `done` of `total` units are done; returns an error when the run is being cancelled.
    ///
    /// # Errors
    /// `cancelled`.
    pub fn progress(&self, done: u64, total: u64, note: &str) -> Result<(), StepError> {
        self.monitor.progress(done, total, note);
        if self.monitor.cancelled() {
            return Err(StepError::new("cancelled", "the run was cancelled"));
        }
        Ok(())
    }
}

/// Why a step could not do its work.
#[derive(Clone, Debug)]
pub struct StepError {
    /// Stable code such as `file-not-found`.
    pub code: String,
    /// Lower case, no full stop; never names the step: the engine adds that.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The checks that failed, when that was the reason.
    pub problems: Vec<Problem>,
    /// True when a gate refused the result, which is a verdict and not a failure.
    pub refused: bool,
    /// What the step made nevertheless, such as the evaluation whose gate refused.
    pub outputs: Option<Box<Outputs>>,
}

impl StepError {
    /// An error with a stable code.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            help: None,
            problems: Vec::new(),
            refused: false,
            outputs: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// An error of reading or writing.
    #[must_use]
    pub fn io(error: std::io::Error) -> Self {
        Self::new("io", error.to_string())
    }

    /// Failed checks as one error.
    #[must_use]
    pub fn problems(problems: Vec<Problem>) -> Self {
        let first = problems.iter().find(|problem| problem.is_error()).or(problems.first());
        let (code, message, help) = match first {
            Some(problem) => (problem.code.clone(), problem.to_string(), problem.help.clone()),
            None => ("bad-params".to_owned(), "the parameters were refused".to_owned(), None),
        };
        Self { help, problems, ..Self::new(code, message) }
    }

    /// A gate's refusal, with what was made all the same.
    pub fn refusal(code: impl Into<String>, message: impl Into<String>, outputs: Outputs) -> Self {
        Self { refused: true, outputs: Some(Box::new(outputs)), ..Self::new(code, message) }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

impl std::error::Error for StepError {}

impl From<Problem> for StepError {
    fn from(problem: Problem) -> Self {
        Self::problems(vec![problem])
    }
}
