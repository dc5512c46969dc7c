//! How old the newest row may be: part of the contract of `validate/table`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{ColumnType, Problem, Schema, StepError};
use trainyard_data::{Table, freshness};

/// How old the newest moment of a column may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fresh {
    /// The age it may have, such as `36h` or `2d`.
    pub within: String,
    /// The moment from which the age counts, such as `2026-01-31` or `2026-01-31T12:00:00Z`; the time of the run when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
}

impl Fresh {
    /// What is wrong with it for the column `name`.
    pub(super) fn problems(&self, name: &str, schema: &Schema) -> Vec<Problem> {
        let mut problems = Vec::new();
        match schema.require(name) {
            Err(problem) => problems.push(problem.at(["fresh", name])),
            Ok(column) if !matches!(column.column_type, ColumnType::Date | ColumnType::Timestamp) => {
                let message = format!("`{name}` is {}; `fresh` needs dates or timestamps", column.column_type);
                problems.push(Problem::error("wrong-type", message).at(["fresh", name]));
            }
            Ok(_) => {}
        }
        if duration(&self.within).is_none() {
            let message = format!("`within` is `{}`; expected an age such as `90m`, `36h` or `2d`", self.within);
            problems.push(Problem::error("bad-params", message).at(["fresh", name, "within"]));
        }
        if let Some(now) = self.now.as_ref().filter(|now| freshness::moment(now).is_none()) {
            let message = format!("`now` is `{now}`; expected a moment such as `2026-01-31T12:00:00Z`");
            problems.push(Problem::error("bad-params", message).at(["fresh", name, "now"]));
        }
        problems
    }

    /// True when its verdict depends on when the step runs.
    pub(super) const fn follows_the_clock(&self) -> bool {
        self.now.is_none()
    }

    /// Whether the newest moment of the column is young enough; `clock` is the time in milliseconds since 1970.
    ///
    /// # Errors
    /// `stale-data` when it is not, or when there is none; what reading the column reports.
    pub(super) fn check(&self, table: &Table, name: &str, clock: i64) -> Result<(), StepError> {
        let within = duration(&self.within).unwrap_or_default();
        let now = self.now.as_deref().and_then(freshness::moment).unwrap_or(clock);
        let Some(newest) = freshness::newest(table, name)? else {
            let message = format!("no row has a value in `{name}`, so none is newer than {}", self.within);
            return Err(StepError::new("stale-data", message));
        };
        let age = u64::try_from(now.saturating_sub(newest)).unwrap_or(0);
        if u128::from(age) <= within.as_millis() {
            return Ok(());
        }
        let message =
            format!("the newest `{name}` is {} old; the contract asks for at most {}", shown(age), self.within);
        Err(StepError::new("stale-data", message).help("fetch newer data, or raise `within` under `fresh`"))
    }
}

/// A number with a unit (`s`, `m`, `h`, `d`), or several, such as `1d12h`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let mut after = rest[end..].chars();
        seconds += number
            * match after.next()? {
                's' => 1.0,
                'm' => 60.0,
                'h' => 3600.0,
                'd' => 86_400.0,
                _ => return None,
            };
        rest = after.as_str().trim_start();
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// Milliseconds in the largest units that say something: `3d4h`.
fn shown(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h{minutes}m"),
        (days, hours, _) => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_and_shown() {
        assert_eq!(duration("36h"), Some(Duration::from_secs(36 * 3600)));
        assert_eq!(duration("1d12h"), duration("36h"));
        assert_eq!(duration("0.5m"), Some(Duration::from_secs(30)));
        for wrong in ["", "5", "h", "-1h", "1w", "1..2h", "1e9d"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
        assert_eq!(
            ["59s", "2m", "3h4m", "3d4h"].map(str::to_owned),
            [59, 130, 11_040, 273_600].map(|s| shown(s * 1000))
        );
    }
}
