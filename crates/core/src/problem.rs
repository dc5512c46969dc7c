//! A mistake in what the user gave: a value, never a panic; all of them are reported at once.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a [`Problem`] keeps the pipeline from running. How much a warning of a finished step matters is its
/// [`crate::Severity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing runs until it is mended.
    Error,
    /// It runs, but the user should know.
    Warning,
}

/// Where in a file something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Number of characters to underline; at least 1.
    pub length: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A mistake: what, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable code such as `unknown-column`; `trainyard explain CODE` shows its page.
    pub code: String,
    /// Error or warning.
    #[serde(rename = "severity")]
    pub level: Level,
    /// Lower case, no full stop, the thing in back-ticks, what was expected.
    pub message: String,
    /// The path inside the step's `with:` (`columns`, `AT`, `between`), while the place is not yet known. An empty
    /// path is the step itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<String>,
    /// Where in the pipeline file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// For a warning: the reason that the pipeline file gives for not showing it, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced: Option<String>,
}

impl Problem {
    /// An error.
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            level: Level::Error,
            message: message.into(),
            at: Vec::new(),
            place: None,
            help: None,
            silenced: None,
        }
    }

    /// A warning.
    pub fn warning(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(code, message) }
    }

    /// An error about `name`, which is none of `known`; the nearest known name becomes the help.
    pub fn unknown<'a>(
        code: impl Into<String>,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("there is no {what} here"),
            None => {
                let shown: Vec<String> = known.iter().take(12).map(|name| format!("`{name}`")).collect();
                let more = if known.len() > 12 { ", …" } else { "" };
                format!("known: {}{more}", shown.join(", "))
            }
        };
        Self::error(code, format!("unknown {what} `{name}`")).help(help)
    }

    /// The same with the path inside `with:` at fault.
    #[must_use]
    pub fn at<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> Self {
        self.at = path.into_iter().map(Into::into).collect();
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with a place in a file.
    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// True for an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}", self.message)?;
        if !self.at.is_empty() && self.place.is_none() {
            write!(f, " (at `{}`)", self.at.join("."))?;
        }
        Ok(())
    }
}

/// The known name nearest to `name`, if one is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .min()
        .filter(|(distance, candidate)| {
            let longest = name.chars().count().max(candidate.chars().count());
            *distance <= (longest / 3).max(1) && *distance < longest
        })
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_a_slip_and_leaves_strangers_alone() {
        let known = ["torque", "speed", "wear"];
        assert_eq!(nearest("torqe", known), Some("torque"));
        assert_eq!(nearest("TORQUE", known), Some("torque"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", ["y"]), None);
    }

    #[test]
    fn unknown_lists_what_there_is() {
        let problem = Problem::unknown("unknown-column", "column", "colour", ["a", "b"]);
        assert_eq!(problem.help.as_deref(), Some("known: `a`, `b`"));
        assert_eq!(problem.message, "unknown column `colour`");
    }
}
