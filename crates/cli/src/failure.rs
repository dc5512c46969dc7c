//! Why a command ended without doing what it was asked, and the exit code that says so.

use std::collections::BTreeMap;

use trainyard_core::{Problem, StepError};

/// Why a command ended without doing what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// 1 the run failed, 2 the file or the call is wrong, 3 a gate refused.
    pub(crate) exit: u8,
    /// Stable code.
    pub(crate) code: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<String>,
    /// Every problem of the file, when that is the reason.
    pub(crate) problems: Vec<Problem>,
    /// The texts that the problems point into, by file.
    pub(crate) texts: BTreeMap<String, String>,
}

impl Failure {
    /// The run failed.
    pub(crate) fn run(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            exit: 1,
            code: code.into(),
            message: message.into(),
            help: None,
            problems: Vec::new(),
            texts: BTreeMap::new(),
        }
    }

    /// The file or the call is wrong.
    pub(crate) fn call(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { exit: 2, ..Self::run(code, message) }
    }

    /// The file holds these problems.
    pub(crate) fn problems(problems: Vec<Problem>, texts: BTreeMap<String, String>) -> Self {
        let errors = problems.iter().filter(|problem| problem.is_error()).count();
        let first = problems.iter().find(|problem| problem.is_error());
        let code = first.map_or_else(|| "bad-pipeline".to_owned(), |problem| problem.code.clone());
        let message = match (errors, first) {
            (1, Some(problem)) => problem.to_string(),
            _ => format!("{errors} problems in the pipeline"),
        };
        Self { help: first.and_then(|problem| problem.help.clone()), problems, texts, ..Self::call(code, message) }
    }

    /// The same with advice.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<trainyard_data::DataError> for Failure {
    fn from(error: trainyard_data::DataError) -> Self {
        Self { help: error.help, ..Self::call(error.code, error.message) }
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        Self { help: error.help, problems: error.problems, ..Self::run(error.code, error.message) }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { help: problem.help, ..Self::call(problem.code, problem.message) }
    }
}

impl From<trainyard_store::StoreError> for Failure {
    fn from(error: trainyard_store::StoreError) -> Self {
        Self { help: error.help, ..Self::run(error.code, error.message) }
    }
}
