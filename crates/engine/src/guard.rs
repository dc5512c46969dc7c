//! A step's code is not the engine's: a panic in it is that step's failure and nothing more.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use trainyard_core::StepError;

/// Runs `work`; a panic becomes an error with the code `panic`.
///
/// What `work` leaves half done is never looked at again: a step's inputs are immutable and its outputs lost.
pub(crate) fn guard<T>(work: impl FnOnce() -> Result<T, StepError>) -> Result<T, StepError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(&*payload)))
}

fn panicked(payload: &(dyn Any + Send)) -> StepError {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned());
    StepError::new("panic", format!("it panicked: {message}"))
        .help("this is a bug in Trainyard: please report it with the command that shows it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let error = guard::<()>(|| panic!("no row {}", 7)).unwrap_err();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("panic", "it panicked: no row 7"));
        assert!(error.help.unwrap().contains("bug in Trainyard"));
        assert_eq!(guard(|| Ok(1)).unwrap(), 1);
    }
}
