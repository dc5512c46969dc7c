//! Why the store could not do something, told for people.

use std::{io, path::Path};

use trainyard_core::step::StepError;

/// An error of the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default())]
pub struct StoreError {
    /// Stable code such as `store-too-new`.
    pub code: &'static str,
    /// What went wrong; lower case, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl StoreError {
    /// An error with a stable code.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }

    /// The same with advice.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The system refused something about `path`; `doing` says what, as in `write`.
    pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let shown = path.display();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::full(path),
            io::ErrorKind::ReadOnlyFilesystem => Self::read_only(path),
            io::ErrorKind::PermissionDenied if !matches!(doing, "read" | "list" | "copy") => Self::read_only(path),
            _ => Self::new("store-io", format!("cannot {doing} `{shown}`: {error}")),
        }
    }

    /// Nothing can be written at `path`.
    pub(crate) fn read_only(path: &Path) -> Self {
        Self::new("store-read-only", format!("the store cannot be written: no permission for `{}`", path.display()))
            .help("make it writable, or name another store with `--store`")
    }

    /// No space is left where `path` is.
    pub(crate) fn full(path: &Path) -> Self {
        Self::new("disk-full", format!("no space left on the disk that holds `{}`", path.display()))
            .help("free some space (`trainyard store gc` removes what no kept run needs), then run again: finished steps are kept")
    }

    /// What is in the store is not what was put there.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self::new("store-broken", message).help("run `trainyard store verify` to see what is damaged")
    }

    /// The caller asked to stop waiting.
    pub(crate) fn cancelled() -> Self {
        Self::new("cancelled", "the run was cancelled")
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        let step = Self::new(error.code, error.message);
        match error.help {
            Some(help) => step.help(help),
            None => step,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such() {
        // Writing to this device fails as a full disk does.
        let path = Path::new("/dev/full");
        let Ok(mut full) = fs::OpenOptions::new().write(true).open(path) else {
            println!("skipped: no /dev/full here");
            return;
        };
        let error = full.write_all(b"x").unwrap_err();
        assert_eq!(StoreError::io("write", path, &error).code, "disk-full");
    }

    #[test]
    fn no_permission_is_a_read_only_store() {
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
            let error = StoreError::io("write", Path::new("there"), &kind.into());
            assert_eq!(error.code, "store-read-only");
            assert!(error.to_string().contains("`there`") && error.to_string().contains("--store"), "{error}");
        }
    }

    #[test]
    fn no_permission_to_read_says_nothing_of_writing() {
        let error = StoreError::io("read", Path::new("there"), &io::ErrorKind::PermissionDenied.into());
        assert_eq!(error.code, "store-io");
    }

    #[test]
    fn a_step_shows_code_and_help() {
        let step = StepError::from(StoreError::full(Path::new("x")));
        assert_eq!(step.code, "disk-full");
        assert!(step.help.is_some());
    }
}
