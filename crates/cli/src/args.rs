//! The command line, as clap reads it.

mod user;

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use user::{UserAction, UserRole};

/// From raw data to a watched, certified, served model: one pipeline file, one binary.
#[derive(Debug, Parser)]
#[command(name = "trainyard", version, about, disable_help_subcommand = true, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Print one JSON document and nothing else.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where the state lives: a folder; `.trainyard` beside the pipeline file when absent.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Where the catalog lives; in the store when absent.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) catalog: Option<String>,
    /// Threads to use; all processors when absent.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at a data file and write a pipeline that runs as it stands.
    Init(InitArgs),
    /// Tell everything that is wrong with a pipeline before anything runs.
    Check(FileArgs),
    /// Show what a run would do, and why.
    Plan(RunArgs),
    /// Run a pipeline.
    Run(RunArgs),
    /// Run the tests that the pipeline file holds.
    Test(FileArgs),
    /// List the runs.
    Runs(ListArgs),
    /// Show one run.
    Show {
        /// The run's id, or the beginning of it.
        run: String,
    },
    /// Compare two runs.
    Diff {
        /// One run's id, or the beginning of it.
        before: String,
        /// Another's.
        after: String,
    },
    /// Tell why a step would run again, or what the code of a problem means.
    Explain {
        /// A step of the pipeline, or a code such as `unknown-column`.
        #[arg(value_name = "STEP|CODE")]
        what: String,
        /// The pipeline file.
        #[command(flatten)]
        file: FileArgs,
    },
    /// Draw the pipeline.
    Graph {
        /// The form of the drawing; text when absent.
        #[arg(long, value_enum)]
        format: Option<GraphFormat>,
        /// The pipeline file.
        #[command(flatten)]
        file: FileArgs,
    },
    /// Split a data file into parts, with warnings.
    Split(Box<SplitArgs>),
    /// List the registered models.
    Models,
    /// Predict with a registered model.
    Predict(PredictArgs),
    /// Answer predictions over REST and gRPC, until told to stop.
    Serve(ServeArgs),
    /// Tell or change what stands behind the name of a served model.
    Deploy(DeployArgs),
    /// Say who may call a server that other machines reach.
    User {
        /// What to do.
        #[command(subcommand)]
        action: UserAction,
    },
    /// Write a registered model in another form: onnx, mlflow or lightgbm.
    Export(ExportArgs),
    /// Look after the store.
    Store {
        /// What to do with it.
        #[command(subcommand)]
        action: StoreAction,
    },
    /// Print the JSON Schema of the pipeline file, for editors.
    Schema,
    /// Print a shell's completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Not there yet: say so.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// Predictions from file to file.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PredictArgs {
    /// `name@alias` or `name@version`.
    pub(crate) model: String,
    /// The records, as they come from the model's source: a file, or several by a glob.
    #[arg(long = "in", value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Where to write them with their predictions (CSV, TSV, JSON lines, Parquet or Arrow by its ending; `.gz` packs).
    #[arg(long = "out", value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The columns of the records to keep, with commas between; all when absent, none for an empty text.
    #[arg(long, value_name = "NAMES")]
    pub(crate) columns: Option<String>,
    /// Name the features that moved each prediction most, three unless told otherwise (models of trees).
    #[arg(long, value_name = "COUNT", num_args = 0..=1, default_missing_value = "3", require_equals = true)]
    pub(crate) explain: Option<usize>,
    /// The rows went through the pipeline's preparation already.
    #[arg(long)]
    pub(crate) prepared: bool,
    /// How to read the records, as in `acquire/file`, such as `{"delimiter": ";", "decimal": ","}`.
    #[arg(long, value_name = "JSON")]
    pub(crate) read: Option<String>,
}

/// A model in another form.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ExportArgs {
    /// `onnx` (one file: features and estimator), `mlflow` (a model directory) or `lightgbm` (a booster's text).
    pub(crate) form: String,
    /// `name@alias` or `name@version`.
    pub(crate) model: Option<String>,
    /// The file, or the directory for `mlflow`, to write.
    #[arg(long = "out", value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
}

/// A pipeline file.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FileArgs {
    /// The pipeline file.
    #[arg(default_value = "pipeline.yaml", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Set a parameter of the pipeline.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
}

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The pipeline file.
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// Stop after this step.
    #[arg(long, value_name = "STEP")]
    pub(crate) until: Option<String>,
    /// Run this step although its result is known.
    #[arg(long, value_name = "STEP")]
    pub(crate) force: Vec<String>,
    /// The run's id, for who has to know it before it starts.
    #[arg(long, value_name = "ID", hide = true)]
    pub(crate) run_id: Option<String>,
    /// How steps are coupled.
    #[arg(long, value_name = "tight|process|pod")]
    pub(crate) coupling: Option<String>,
    /// Where to run.
    #[arg(long, value_name = "local|kubernetes")]
    pub(crate) on: Option<String>,
}

/// How to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The models to serve; all when absent.
    #[arg(value_name = "MODEL")]
    pub(crate) models: Vec<String>,
    /// The address and port; only this machine reaches 127.0.0.1.
    #[arg(long, default_value = "127.0.0.1:5000", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// A file with a token that stands for an admin: who sends `Authorization: Bearer TOKEN` may do everything.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Ask who calls on 127.0.0.1 too, as behind a proxy that other machines reach.
    #[arg(long)]
    pub(crate) login: bool,
    /// A name under which the server is called, beside `localhost` and the address it listens on.
    #[arg(long = "host-name", value_name = "NAME")]
    pub(crate) host_names: Vec<String>,
    /// The certificate to encrypt connections with, in PEM, followed by those that vouch for it.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Calls a second that a user may make beside predictions, where callers are asked who they are; 0 for any number.
    #[arg(long, default_value_t = 2000, value_name = "N")]
    pub(crate) max_calls_per_second: u32,
    /// Largest body of a request, in megabytes.
    #[arg(long, default_value_t = 64, value_name = "MB")]
    pub(crate) max_body_megabytes: usize,
    /// Most rows of a request.
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub(crate) max_rows: usize,
    /// Most requests answered at once; more get status 429.
    #[arg(long, default_value_t = 512, value_name = "N")]
    pub(crate) max_in_flight: usize,
    /// Most open connections; more get status 503.
    #[arg(long, default_value_t = 4096, value_name = "N")]
    pub(crate) max_connections: usize,
    /// Seconds that begun requests may take after the server is told to stop.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) drain_seconds: u64,
    /// The share of requests kept in the request log, from 0 to 1.
    #[arg(long, default_value_t = 0.01, value_name = "SHARE")]
    pub(crate) log_share: f64,
    /// Megabytes of request log kept for each model.
    #[arg(long, default_value_t = 256, value_name = "MB")]
    pub(crate) log_megabytes: u64,
}

/// What to put behind a name.
#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    /// `name@version` or `name@alias` to deploy; a bare `name` only tells what stands there.
    pub(crate) model: String,
    /// The percentage of requests it gets beside the version that is there.
    #[arg(long, value_name = "PERCENT", conflicts_with = "shadow")]
    pub(crate) canary: Option<f64>,
    /// It gets every request too, and answers none.
    #[arg(long)]
    pub(crate) shadow: bool,
    /// The request header whose value decides which version a caller gets.
    #[arg(long, value_name = "HEADER")]
    pub(crate) sticky: Option<String>,
    /// Take the canary back when more than this percentage of its requests is not answered.
    #[arg(long, value_name = "PERCENT", requires = "canary")]
    pub(crate) rollback_errors: Option<f64>,
    /// Take the canary back when it takes this many times as long as the version that is there.
    #[arg(long, value_name = "TIMES", requires = "canary")]
    pub(crate) rollback_slower: Option<f64>,
    /// Requests that the canary must have had before it is judged.
    #[arg(long, value_name = "N", requires = "canary")]
    pub(crate) rollback_after: Option<u64>,
    /// Go back to what stood there before.
    #[arg(long, conflicts_with_all = ["canary", "shadow", "sticky", "follow_champion"])]
    pub(crate) rollback: bool,
    /// Let the name stand for the champion again, whichever version that is.
    #[arg(long, conflicts_with_all = ["canary", "shadow", "sticky"])]
    pub(crate) follow_champion: bool,
    /// Why, for the catalog.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// Which runs.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// How many, newest first.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: usize,
}

/// What to look at.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// The data file.
    #[arg(required_unless_present = "template")]
    pub(crate) data: Option<PathBuf>,
    /// The column to predict.
    #[arg(long, required_unless_present = "template")]
    pub(crate) target: Option<String>,
    /// What is predicted: regression, classification, binary or multiclass; told from the data when absent.
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// The folder to write `pipeline.yaml` into.
    #[arg(long, default_value = ".")]
    pub(crate) out: PathBuf,
    /// Write an example instead.
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub(crate) template: Option<String>,
    /// Overwrite a `pipeline.yaml` that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// How to split.
#[derive(Debug, clap::Args)]
pub(crate) struct SplitArgs {
    /// The data file.
    pub(crate) file: PathBuf,
    /// The column to predict.
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// How rows are assigned.
    #[arg(long, value_enum, default_value_t = SplitStrategy::Random)]
    pub(crate) strategy: SplitStrategy,
    /// The shares: two for train and test, three for train, validation and test, or any by name as `train=0.8,test=0.2`.
    #[arg(long, default_value = "0.7,0.15,0.15", value_name = "SHARES")]
    pub(crate) ratio: String,
    /// Number of folds, for k-fold.
    #[arg(long, default_value_t = 5)]
    pub(crate) folds: usize,
    /// The share of a part `test` outside the folds, for k-fold.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub(crate) test: f64,
    /// Seeds the choice.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// The column whose rows stay together.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// The column that orders rows in time.
    #[arg(long)]
    pub(crate) time: Option<String>,
    /// Rows of an earlier part less than this before a later one are left out, for time: seconds for timestamps, days
    /// for dates, the column's own unit for numbers.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) gap: f64,
    /// The column whose shares are kept equal, for stratified; the target when absent.
    #[arg(long)]
    pub(crate) by: Option<String>,
    /// Quantile bins for a stratified number column.
    #[arg(long)]
    pub(crate) bins: Option<usize>,
    /// The columns hashed by the hash strategy.
    #[arg(long, value_delimiter = ',')]
    pub(crate) key: Vec<String>,
    /// The column that names each row's part, for predefined.
    #[arg(long)]
    pub(crate) column: Option<String>,
    /// A value of that column and the part it stands for; the part `none` leaves rows out.
    #[arg(long = "part", value_name = "VALUE=PART")]
    pub(crate) parts: Vec<String>,
    /// Half the width of the 95 % interval that a share measured on any part should have.
    #[arg(long, default_value_t = 0.1)]
    pub(crate) precision: f64,
    /// Names for all columns, of a file without a first row of names or in place of it.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) columns: Vec<String>,
    /// The first row holds data, not names.
    #[arg(long)]
    pub(crate) no_header: bool,
    /// What separates fields: one character, `tab` or `whitespace`; found out when absent.
    #[arg(long, value_name = "CHARACTER")]
    pub(crate) delimiter: Option<String>,
    /// The texts that stand for a missing value; the usual ones when absent.
    #[arg(long, value_delimiter = ',', value_name = "TEXTS")]
    pub(crate) missing: Vec<String>,
    /// Write each part as a file into this folder.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// The form of the written files.
    #[arg(long, value_enum, default_value_t = PartFormat::Csv)]
    pub(crate) format: PartFormat,
    /// Leave the target out of the written parts.
    #[arg(long)]
    pub(crate) without_labels: bool,
    /// Run the split's own tests on this data.
    #[arg(long)]
    pub(crate) self_test: bool,
}

/// How rows are assigned to parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitStrategy {
    /// At random.
    Random,
    /// By class, or by quantile bins of a number.
    Stratified,
    /// By group.
    Group,
    /// By group, and by class as far as whole groups allow.
    StratifiedGroup,
    /// By time.
    Time,
    /// By a hash of key columns.
    Hash,
    /// By a column that names the parts.
    Predefined,
    /// In k folds.
    KFold,
}

/// How parts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartFormat {
    /// Comma-separated text.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

/// How the pipeline is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Lines of text.
    Text,
    /// A picture.
    Svg,
    /// Mermaid's language.
    Mermaid,
}

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreAction {
    /// How much is in it, by kind.
    Du,
    /// Read everything again and compare digests.
    Verify,
    /// Delete what no kept run, model or alias needs.
    Gc {
        /// How many of the newest runs to keep.
        #[arg(long, default_value_t = 20)]
        keep_runs: usize,
        /// Only tell what would go.
        #[arg(long)]
        dry_run: bool,
    },
}
