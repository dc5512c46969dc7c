//! Why data could not be read, queried, split or written.

use arrow::error::ArrowError;
use parquet::errors::ParquetError;
use trainyard_core::{Problem, StepError, problem::nearest};

/// Why data could not be read, queried, split or written: a stable code, what happened, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DataError {
    /// Stable code such as `unknown-column`.
    pub code: String,
    /// Lower case, no full stop, the thing in back-ticks.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl DataError {
    /// An error with a stable code.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), help: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// `unknown-column`, with the nearest known name as advice.
    pub fn unknown_column<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Problem::unknown("unknown-column", "column", name, known).into()
    }

    /// `cancelled`: the caller asked to stop.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new("cancelled", "the run was cancelled")
    }

    /// Reading or writing `file` failed; a missing file says which name in its folder is near.
    #[must_use]
    pub fn file(file: &std::path::Path, error: &std::io::Error) -> Self {
        let shown = file.display();
        if error.kind() != std::io::ErrorKind::NotFound {
            return Self::new("io", format!("`{shown}`: {error}"));
        }
        let missing = Self::new("file-not-found", format!("there is no file `{shown}`"));
        let folder = file.parent().unwrap_or(std::path::Path::new("."));
        let folder = if folder.as_os_str().is_empty() { std::path::Path::new(".") } else { folder };
        if !folder.is_dir() {
            return missing.help(format!("there is no folder `{}` either", folder.display()));
        }
        let wanted = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match nearest(&wanted, names_in(folder).iter().map(String::as_str)) {
            Some(near) => missing.help(format!("did you mean `{}`?", folder.join(near).display())),
            None => missing,
        }
    }
}

/// The names in `folder`, sorted; none where it cannot be listed.
fn names_in(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

impl From<ArrowError> for DataError {
    fn from(error: ArrowError) -> Self {
        Self::new("bad-table", error.to_string())
    }
}

impl From<ParquetError> for DataError {
    fn from(error: ParquetError) -> Self {
        Self::new("bad-parquet", error.to_string())
    }
}

impl From<Problem> for DataError {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code.clone(), message: problem.to_string(), help: problem.help }
    }
}

impl From<DataError> for StepError {
    fn from(error: DataError) -> Self {
        Self { help: error.help, ..Self::new(error.code, error.message) }
    }
}

impl From<DataError> for Problem {
    fn from(error: DataError) -> Self {
        Self { help: error.help, ..Self::error(error.code, error.message) }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, path::Path};

    use super::*;

    #[test]
    fn a_missing_file_names_its_neighbour() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.tml");
        let error = DataError::file(&here, &io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(error.code, "file-not-found");
        assert!(error.help.as_deref().is_some_and(|help| help.contains("Cargo.toml")), "{error:?}");
    }

    #[test]
    fn help_survives_the_way_to_a_step_error() {
        let error: StepError = DataError::unknown_column("torqe", ["torque", "speed"]).into();
        assert_eq!((error.code.as_str(), error.help.as_deref()), ("unknown-column", Some("did you mean `torque`?")));
    }
}
