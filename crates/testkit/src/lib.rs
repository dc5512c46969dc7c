//! What tests share: where the real data lies, and the house rules as a test.
//!
//! For development only; no product crate depends on it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The workspace's root folder.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").components().collect()
}

/// A file or folder of the shared data beside the project; none where it is absent, which the caller says and skips.
///
/// # Panics
/// Under `CI=true`, where absence must not look like success.
#[must_use]
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let path = workspace().join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "shared data `{name}` is absent under CI");
    None
}

/// The python of an environment with the packages that `tools/python-env.d/NAME.txt` lists, made when it is first asked
/// for; none where that is impossible (no Python, no network), which the caller says and skips.
///
/// # Panics
/// Under `CI=true`, where absence must not look like success.
#[must_use]
pub fn python(name: &str) -> Option<PathBuf> {
    let made = Command::new(workspace().join("tools/python-env")).arg(name).stderr(Stdio::inherit()).output();
    let printed = made.ok().filter(|made| made.status.success()).and_then(|made| String::from_utf8(made.stdout).ok());
    let python = printed.map(|printed| PathBuf::from(printed.trim())).filter(|python| python.is_file());
    let absent_under_ci = python.is_none() && std::env::var("CI").as_deref() == Ok("true");
    assert!(!absent_under_ci, "the Python environment `{name}` is absent under CI");
    python
}

/// The browser that pages are tried in; none where it is not installed, which the caller says and skips.
///
/// # Panics
/// Under `CI=true`, where absence must not look like success.
#[must_use]
pub fn chromium() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let named = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&folders)
        .flat_map(|folder| named.map(|name| folder.join(name)))
        .find(|path| path.is_file());
    let absent_under_ci = found.is_none() && std::env::var("CI").as_deref() == Ok("true");
    assert!(!absent_under_ci, "the browser Chromium is absent under CI");
    found
}

/// onnxruntime's shared library in the environment `interchange`; none as for [`python`].
///
/// # Panics
/// As [`python`].
#[must_use]
pub fn onnxruntime() -> Option<PathBuf> {
    let code = "import glob, os, importlib.util as u; \
                print(glob.glob(os.path.join(os.path.dirname(u.find_spec('onnxruntime').origin), 'capi', '*onnxruntime.*'))[0])";
    let printed = Command::new(python("interchange")?).args(["-c", code]).output().ok()?;
    Some(PathBuf::from(String::from_utf8(printed.stdout).ok()?.trim())).filter(|library| library.is_file())
}
