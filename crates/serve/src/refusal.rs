//! Why a request is not answered: a status for programs, a code and a message for people.

use axum::http::StatusCode;
use trainyard_core::Problem;
use trainyard_data::DataError;
use trainyard_learn::LearnError;

/// A request that is not answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// 4xx where the request is at fault, 5xx where the server is.
    pub status: StatusCode,
    /// Stable code such as `unknown-model`.
    pub code: String,
    /// Lower case, no full stop, the thing in back-ticks.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Refusal {
    /// A refusal with that status.
    pub fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), help: None }
    }

    /// 400: the request says something wrong.
    pub fn bad(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Message and advice in one text, for protocols that have but one.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.help {
            Some(help) => format!("{}: {} ({help})", self.code, self.message),
            None => format!("{}: {}", self.code, self.message),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { help: problem.help, ..Self::bad(problem.code, problem.message) }
    }
}

/// What the model says about the rows it was asked about: the request is at fault, unless the package itself is broken.
impl From<DataError> for Refusal {
    fn from(error: DataError) -> Self {
        let status = match error.code.as_str() {
            "broken-artifact" | "io" | "disk-full" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { help: error.help, ..Self::new(status, error.code, error.message) }
    }
}

impl From<LearnError> for Refusal {
    fn from(error: LearnError) -> Self {
        Self { help: error.help, ..Self::bad(error.code, error.message) }
    }
}
