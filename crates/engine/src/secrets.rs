//! Keeps secrets out of whatever a step says: an error may quote the address that holds the password.

use std::collections::BTreeMap;

use trainyard_core::{PlannedStep, StepError};

use crate::guard::guard;

/// A secret shorter than this is part of too many words to be told apart from them.
const SHORTEST: usize = 4;

/// The text with each secret replaced by its name.
pub(crate) fn hide(secrets: &BTreeMap<String, String>, text: &str) -> String {
    let told = secrets.iter().filter(|(_, secret)| secret.len() >= SHORTEST);
    told.fold(text.to_owned(), |text, (name, secret)| {
        if text.contains(secret.as_str()) { text.replace(secret.as_str(), &format!("${{env.{name}}}")) } else { text }
    })
}

/// Runs a step's code: a panic becomes an error, and no error tells a secret.
pub(crate) fn guard_step<T>(step: &PlannedStep, work: impl FnOnce() -> Result<T, StepError>) -> Result<T, StepError> {
    let result = guard(work);
    if step.secrets.is_empty() {
        return result;
    }
    result.map_err(|mut error| {
        let hide = |text: &mut String| *text = hide(&step.secrets, text);
        hide(&mut error.message);
        error.help.iter_mut().for_each(hide);
        for problem in &mut error.problems {
            hide(&mut problem.message);
            problem.help.iter_mut().for_each(hide);
        }
        error
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_secrets() {
        let secrets = BTreeMap::from([("KEY".to_owned(), "hunter2".to_owned()), ("A".to_owned(), "a".to_owned())]);
        assert_eq!(hide(&secrets, "no answer from u:hunter2@host"), "no answer from u:${env.KEY}@host");
    }
}
