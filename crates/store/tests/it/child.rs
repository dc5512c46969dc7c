//! Runs one test of this binary as a process of its own.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const ROOT: &str = "STORE_TEST_ROOT";

/// A process that runs the ignored test `name` on the store in `root`.
pub(crate) fn of(name: &str, root: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"]).env(ROOT, root);
    command.stdout(Stdio::piped());
    command
}

/// The store's folder, in such a process. Elsewhere there is nothing to do.
pub(crate) fn root() -> Option<PathBuf> {
    env::var_os(ROOT).map(PathBuf::from)
}
