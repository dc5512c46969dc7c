//! Something the user should know about a finished step: what, how much it matters, the numbers behind it, what to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How much a [`Warning`] matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Results may mislead.
    #[default]
    Medium,
    /// Results do mislead until it is mended.
    High,
}

impl Severity {
    /// Its name, as in `--json` and the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Something the user should know about a finished step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable code such as `class-missing-from-part`; `trainyard explain CODE` shows its page.
    pub code: String,
    /// How much it matters; medium in records older than this field.
    #[serde(default)]
    pub severity: Severity,
    /// Lower case, no full stop, with the numbers in it.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The numbers by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, f64>,
    /// The reason that the pipeline file gives for not showing it, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced: Option<String>,
}

impl Warning {
    /// A warning of medium severity, without numbers.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            severity: Severity::Medium,
            message: message.into(),
            help: None,
            numbers: BTreeMap::new(),
            silenced: None,
        }
    }

    /// The same of another severity.
    #[must_use]
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with a number; one that is not finite is left out, since JSON has none.
    #[must_use]
    pub fn number(mut self, name: &str, value: f64) -> Self {
        if value.is_finite() {
            self.numbers.insert(name.to_owned(), value);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_from_before_severities_still_loads() {
        let old: Warning = serde_json::from_str(r#"{"code":"odd","message":"it is","numbers":{"rows":3.0}}"#).unwrap();
        assert_eq!(old, Warning::new("odd", "it is").number("rows", 3.0));
        let new = Warning::new("odd", "it is").severity(Severity::High).help("look").number("gone", f64::NAN);
        let text = serde_json::to_string(&new).unwrap();
        assert_eq!(text, r#"{"code":"odd","severity":"high","message":"it is","help":"look"}"#);
        assert_eq!(serde_json::from_str::<Warning>(&text).unwrap(), new);
        assert!(Severity::Low < Severity::High);
    }
}
