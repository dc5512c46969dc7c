//! A folder of its own and the real binary in it.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;
use trainyard_testkit::workspace;

/// A folder that is removed afterwards.
pub(crate) struct Sandbox {
    folder: TempDir,
}

/// What a command printed and how it ended.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.out, self.err))
    }

    /// Panics unless the exit code is `code`.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The status of each step.
    pub(crate) fn statuses(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let document = self.json();
        document["steps"].as_array().unwrap().iter().map(|step| (text(&step["name"]), text(&step["status"]))).collect()
    }

    /// The digests of every output, step by step.
    pub(crate) fn digests(&self) -> Vec<String> {
        let document = self.json();
        let steps = document["steps"].as_array().unwrap();
        steps
            .iter()
            .flat_map(|step| step["outputs"].as_object().unwrap().values())
            .map(|output| output["digest"].to_string())
            .collect()
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A sandbox that holds a copy of an example.
    pub(crate) fn example(name: &str) -> Self {
        let sandbox = Self::new();
        let from = workspace().join("examples").join(name);
        fs::copy(from.join("pipeline.yaml"), sandbox.path("pipeline.yaml")).unwrap();
        fs::create_dir(sandbox.path("data")).unwrap();
        for entry in fs::read_dir(from.join("data")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), sandbox.path("data").join(entry.file_name())).unwrap();
        }
        sandbox
    }

    /// A sandbox that holds this pipeline.
    pub(crate) fn pipeline(text: &str) -> Self {
        let sandbox = Self::new();
        sandbox.write("pipeline.yaml", text);
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The binary with these arguments, run in the sandbox.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trainyard"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("RAYON_NUM_THREADS");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        done(self.command(arguments).output().unwrap())
    }
}

pub(crate) fn done(output: Output) -> Done {
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
