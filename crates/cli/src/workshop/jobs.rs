//! Runs that the server starts: this program itself, as a process of its own, which lives on when the server ends.
//!
//! ```text
//! <store>/jobs/<run>.json   what was asked for, by whom, and how it ended
//! <store>/jobs/<run>.out    what the process printed: the document of `trainyard run --json`
//! <store>/jobs/<run>.log    what it said beside that
//! ```

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use trainyard_core::Problem;
use trainyard_server::{Job, Order};

/// Largest output of a process that is read for the reason why it ended.
const LARGEST: u64 = 16 << 20;
/// Bytes of a log that are shown.
const LONGEST_LOG: u64 = 64 << 10;

/// The runs that were started here, by their files.
pub(super) struct Jobs {
    folder: PathBuf,
}

impl Jobs {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Starts a run and gives its id.
    pub(super) fn start(&self, project: &Path, store: &Path, order: &Order) -> Result<String, Problem> {
        let wrong = |what: &str, error: &io::Error| Problem::error("io", format!("cannot {what}: {error}"));
        let now = now();
        let run = trainyard_engine::run_id(now);
        fs::create_dir_all(&self.folder).map_err(|error| wrong("make the folder of runs", &error))?;
        let program = program().map_err(|error| wrong("find this program", &error))?;
        let store = store.canonicalize().map_err(|error| wrong("find the store", &error))?;
        let open = |ending: &str| fs::File::create(self.folder.join(format!("{run}.{ending}")));
        let (out, log) = match (open("out"), open("log")) {
            (Ok(out), Ok(log)) => (out, log),
            (Err(error), _) | (_, Err(error)) => return Err(wrong("write the run's output", &error)),
        };
        let mut command = Command::new(program);
        command.arg("run").arg(&order.file).arg("--json").arg("--store").arg(store).args(["--run-id", &run]);
        for (name, value) in &order.set {
            command.arg("--set").arg(format!("{name}={value}"));
        }
        for step in &order.force {
            command.arg(format!("--force={step}"));
        }
        if let Some(step) = &order.until {
            command.arg(format!("--until={step}"));
        }
        command.current_dir(project).stdin(Stdio::null()).stdout(out).stderr(log);
        // In a group of its own, so that Ctrl-C at the server does not reach it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(|error| wrong("start the run", &error))?;
        let job = Job {
            run: run.clone(),
            order: order.clone(),
            asked: now,
            process: child.id(),
            code: None,
            ended: false,
            cancelled_by: None,
            error: None,
        };
        self.write(&job).map_err(|error| wrong("note the run", &error))?;
        self.await_end(child, run.clone());
        Ok(run)
    }

    /// Waits for the process beside everything else, so that it leaves nothing behind, and notes how it ended.
    fn await_end(&self, mut child: Child, run: String) {
        let jobs = Self { folder: self.folder.clone() };
        thread::spawn(move || {
            let ended = child.wait();
            if let Some(job) = jobs.read(&run) {
                let code = ended.ok().and_then(|status| status.code());
                // Its record says how it went; this only tells that the process is gone.
                let _ = jobs.write(&Job { code, ended: true, ..job });
            }
        });
    }

    pub(super) fn cancel(&self, run: &str, who: &str) -> Result<(), Problem> {
        let Some(job) = self.job(run) else {
            return Err(Problem::error("not-started-here", format!("the run `{run}` was not started by this server"))
                .help("stop it where it was started, by Ctrl-C"));
        };
        if job.ended {
            return Err(Problem::error("run-ended", format!("the run `{run}` has ended")));
        }
        interrupt(job.process).map_err(|error| Problem::error("io", format!("cannot stop the run: {error}")))?;
        let _ = self.write(&Job { cancelled_by: Some(who.to_owned()), ..job });
        Ok(())
    }

    pub(super) fn job(&self, run: &str) -> Option<Job> {
        let mut job = self.read(run)?;
        if !job.ended && !is_at_work(&job) {
            job.ended = true;
        }
        if job.ended {
            job.error = self.error(run);
        }
        Some(job)
    }

    /// The end of what the process said beside its document.
    pub(super) fn log(&self, run: &str) -> Option<String> {
        self.read(run)?;
        let mut file = fs::File::open(self.folder.join(format!("{run}.log"))).ok()?;
        let length = file.metadata().ok()?.len();
        let from = length.saturating_sub(LONGEST_LOG);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::new();
        file.take(LONGEST_LOG).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        // A line that was cut at its beginning says nothing.
        let whole = if from > 0 { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
        Some(whole.to_owned()).filter(|text| !text.trim().is_empty())
    }

    /// What the process said as an error, if that is how it ended.
    fn error(&self, run: &str) -> Option<Problem> {
        let path = self.folder.join(format!("{run}.out"));
        if fs::metadata(&path).ok()?.len() > LARGEST {
            return None;
        }
        let document: serde_json::Value = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
        let error = document.get("error")?;
        let text = |name: &str| error.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let problem = Problem::error(text("code")?, text("message")?);
        Some(Problem { help: text("help"), ..problem })
    }

    fn read(&self, run: &str) -> Option<Job> {
        // Nothing but an id names a file.
        let sound = !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !sound {
            return None;
        }
        serde_json::from_slice(&fs::read(self.folder.join(format!("{run}.json"))).ok()?).ok()
    }

    fn write(&self, job: &Job) -> io::Result<()> {
        replace(&self.folder.join(format!("{}.json", job.run)), &serde_json::to_vec(job)?)
    }
}

/// Writes a file as a whole or not at all, with the folder it is in.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// This program, also where its file was replaced while it runs.
fn program() -> io::Result<PathBuf> {
    let named = std::env::current_exe()?;
    let itself = Path::new("/proc/self/exe");
    Ok(if !named.exists() && itself.exists() { itself.to_owned() } else { named })
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(0)
}

/// Whether the process of a job is there, and no other one that has its number by now.
#[cfg(target_os = "linux")]
fn is_at_work(job: &Job) -> bool {
    let line = fs::read(format!("/proc/{}/cmdline", job.process)).unwrap_or_default();
    if line.is_empty() {
        // A process that has just begun has none yet; neither has one that is dead and not waited for.
        let state = fs::read_to_string(format!("/proc/{}/stat", job.process)).unwrap_or_default();
        return state.rsplit_once(')').is_some_and(|(_, state)| !state.trim_start().starts_with(['Z', 'X']));
    }
    line.split(|byte| *byte == 0).any(|argument| argument == job.run.as_bytes())
}

/// Whether the process of a job is there.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_at_work(job: &Job) -> bool {
    let process = i32::try_from(job.process).ok().and_then(rustix::process::Pid::from_raw);
    process.is_some_and(|process| rustix::process::test_kill_process(process).is_ok())
}

#[cfg(not(unix))]
fn is_at_work(_job: &Job) -> bool {
    true
}

#[cfg(unix)]
fn interrupt(process: u32) -> io::Result<()> {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    let process = process.ok_or_else(|| io::Error::other("no such process"))?;
    rustix::process::kill_process(process, rustix::process::Signal::INT).map_err(Into::into)
}

#[cfg(not(unix))]
fn interrupt(_process: u32) -> io::Result<()> {
    Err(io::Error::other("runs cannot be stopped from here on this system"))
}
