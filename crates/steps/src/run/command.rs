//! `run/command`: runs any program, with tables in and out as Parquet files.
//!
//! The program finds a JSON file whose path is in the environment variable `TRAINYARD_JOB` and replaces `{job}` in its
//! arguments:
//!
//! ```json
//! {"inputs": [{"name": "readings", "kind": "table", "path": "…/inputs/readings.parquet"}],
//!  "outputs": {"table": "…/table.parquet", "document": "…/document.json"},
//!  "params": {"anything": 1}, "threads": 2}
//! ```
//!
//! It writes the outputs it has: a Parquet table, a JSON document, or both. No shell is involved. The program sees only
//! `PATH`, `HOME`, `LANG`, `TMPDIR`, `VIRTUAL_ENV`, `PYTHONPATH` and what `env` names. Every argument that is a file
//! beside the pipeline (a script) counts for the cache by its content, and so do the files in `watch`.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{self, Child, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    ColumnType, Context, Digest, Hasher, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Schema, Setting,
    Step, StepError, artifact::Document,
};
use trainyard_data::{Table, read, write};

/// The program and what it is told.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The program and its arguments; `{job}` becomes the path of the JSON file. A relative program with a slash in it
    /// is relative to the pipeline file; the program runs in the pipeline file's folder.
    pub command: Vec<String>,
    /// Anything; handed on in the JSON file.
    #[serde(default)]
    pub params: serde_json::Value,
    /// Further environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Further files whose content decides whether the step must run again.
    #[serde(default)]
    pub watch: Vec<String>,
    /// The columns of the table that comes out, name to type, so that `trainyard check` can check the steps after it.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnType>,
}

/// Runs any program.
pub struct Command;

impl Step for Command {
    const NAME: &'static str = "run/command";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "runs any program, with tables in and out as Parquet files";
    const EXAMPLES: &'static [&'static str] = &[r#"{"command": ["python3", "clean.py", "{job}"]}"#];
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        // Inputs are optional in fact: `Many` with none given is refused by the plan, so a source command takes none.
        Ports::new()
            .optional("data", &[Kind::Table])
            .optional("more", &[Kind::Table])
            .output("table", &[Kind::Table])
            .output("document", &[Kind::Document])
    }

    fn check(params: Params, _: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        if params.command.first().is_none_or(String::is_empty) {
            let problem = Problem::error("no-command", "`command` names no program").at(["command"]);
            return Err(vec![problem.help("write it as a list: `command: [python3, clean.py, \"{job}\"]`")]);
        }
        let mut outlines = Outlines::output("document", Outline::Document);
        if !params.columns.is_empty() {
            let schema = Schema::new(params.columns.iter().map(|(name, column_type)| (name, *column_type)));
            outlines = outlines.with("table", "table", Outline::Table { schema });
        }
        Ok((params, outlines))
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let job = write_job(params, inputs, context)?;
        let mut child = start(params, &job, context)?;
        let lines = follow(&mut child);
        let mut last: Vec<String> = Vec::new();
        let status = loop {
            match lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => {
                    context.monitor.log(&line);
                    last.push(line);
                    if last.len() > 20 {
                        last.remove(0);
                    }
                    continue;
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                // Both streams are closed: what remains is to wait.
                Err(mpsc::RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(2)),
            }
            if context.monitor.cancelled() {
                stop(&mut child);
                return Err(StepError::new("cancelled", "the program was stopped"));
            }
            if let Some(status) = child.try_wait().map_err(StepError::io)? {
                break status;
            }
        };
        // What was written between the last look and the end.
        last.extend(lines.try_iter().inspect(|line| context.monitor.log(line)));
        if !status.success() {
            let tail = last.iter().rev().take(20).rev().cloned().collect::<Vec<_>>().join("\n");
            return Err(StepError::new("command-failed", format!("`{}` ended with {status}", params.command[0])).help(
                if tail.is_empty() { "it printed nothing".to_owned() } else { format!("its last words:\n{tail}") },
            ));
        }
        collect(params, context)
    }

    fn identity(params: &Params, setting: &Setting) -> Result<Option<Digest>, StepError> {
        let mut hasher = Hasher::new("run/command");
        for watched in &params.watch {
            for file in read::expand(&setting.folder, watched)? {
                hasher.part(read::content_digest(&file)?.as_bytes());
            }
        }
        for argument in params.command.iter().filter(|argument| !argument.is_empty()) {
            let file = setting.resolve(argument);
            if file.is_file() {
                hasher.part(argument.as_bytes()).part(read::content_digest(&file)?.as_bytes());
            }
        }
        Ok(Some(hasher.digest()))
    }
}

const TABLE: &str = "table.parquet";
const DOCUMENT: &str = "document.json";

fn write_job(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<std::path::PathBuf, StepError> {
    let folder = context.scratch.join("inputs");
    std::fs::create_dir_all(&folder).map_err(StepError::io)?;
    let mut listed = Vec::new();
    for port in ["data", "more"] {
        for (name, table) in inputs.many::<Table>(port)? {
            let path = folder.join(format!("{}.parquet", name.replace(['/', '\\'], "_")));
            write::write(&table, &path)?;
            listed.push(serde_json::json!({"name": name, "kind": "table", "path": path}));
        }
    }
    let job = serde_json::json!({
        "inputs": listed,
        "outputs": {"table": context.scratch.join(TABLE), "document": context.scratch.join(DOCUMENT)},
        "params": params.params,
        "threads": context.threads,
    });
    let path = context.scratch.join("job.json");
    std::fs::write(&path, job.to_string()).map_err(StepError::io)?;
    Ok(path)
}

fn start(params: &Params, job: &Path, context: &Context<'_>) -> Result<Child, StepError> {
    let program = &params.command[0];
    let resolved = context.setting.resolve(program);
    let program_path = if program.contains('/') { resolved.as_path() } else { Path::new(program) };
    let folder = if context.setting.folder.as_os_str().is_empty() { Path::new(".") } else { &context.setting.folder };
    let program_path = if program.contains('/') {
        program_path.canonicalize().unwrap_or_else(|_| program_path.to_owned())
    } else {
        program_path.to_owned()
    };
    let kept = ["PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH"];
    process::Command::new(program_path)
        .args(params.command[1..].iter().map(|argument| argument.replace("{job}", &job.to_string_lossy())))
        .current_dir(folder)
        .env_clear()
        .envs(kept.iter().filter_map(|name| Some((*name, inherited(name)?))))
        .envs(&params.env)
        .env("TRAINYARD_JOB", job)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| {
            StepError::new("command-not-started", format!("`{program}` cannot be started: {error}"))
                .help("is it installed, executable and on the PATH?")
        })
}

/// The engine's own environment, of which the program sees these few variables.
fn inherited(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// The program's lines, both streams together; a line is cut at 10 000 bytes, so that no program can fill the memory.
fn follow(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::sync_channel(1_000);
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|stream| Box::new(stream) as _),
        child.stderr.take().map(|stream| Box::new(stream) as _),
    ];
    for stream in streams.into_iter().flatten() {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.by_ref().take(10_000).read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
    }
    lines
}

/// Stops the program and whatever it started.
fn stop(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Already gone is as good as stopped.
        let _ = kill_process_group(group, Signal::TERM);
        for _ in 0..40 {
            if matches!(child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

fn collect(params: &Params, context: &Context<'_>) -> Result<Outputs, StepError> {
    let mut outputs = Outputs::default();
    let table = context.scratch.join(TABLE);
    if table.exists() {
        let read = read::read(&[table], &read::ReadOptions::default(), &|| context.monitor.cancelled())?;
        let schema = read.table.schema();
        for (name, column_type) in &params.columns {
            let found = schema.require(name)?;
            if found.column_type != *column_type {
                let message = format!("column `{name}` is {}, not {column_type} as declared", found.column_type);
                return Err(StepError::new("wrong-type", message));
            }
        }
        outputs = outputs.and("table", std::sync::Arc::new(read.table));
    } else if !params.columns.is_empty() {
        return Err(StepError::new("missing-output", format!("`{}` wrote no table", params.command[0]))
            .help("it must write Parquet to the path in `outputs.table` of the JSON file"));
    }
    let document = context.scratch.join(DOCUMENT);
    if document.exists() {
        let bytes = std::fs::read(&document).map_err(StepError::io)?;
        let value = serde_json::from_slice(&bytes)
            .map_err(|error| StepError::new("bad-document", format!("the document is no JSON: {error}")))?;
        outputs = outputs.and("document", std::sync::Arc::new(Document(value)));
    }
    Ok(outputs)
}
