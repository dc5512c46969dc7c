//! Why a run could not even be tried or told. A step that fails is no such error: it stands in the run's record.

use trainyard_core::Problem;
use trainyard_store::StoreError;

/// An error of the engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The call named a step that the pipeline does not have.
    #[error("{}", .0.message)]
    Call(Problem),
    /// The store cannot be read or written.
    #[error("{}", .0.message)]
    Store(#[from] StoreError),
}

impl EngineError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Call(problem) => &problem.code,
            Self::Store(error) => error.code,
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Call(problem) => problem.help.as_deref(),
            Self::Store(error) => error.help.as_deref(),
        }
    }
}
