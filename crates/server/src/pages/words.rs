//! Moments and names as pages show them.

use std::time::{SystemTime, UNIX_EPOCH};

use trainyard_report::{date, number};

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(0)
}

/// A moment as a page shows it: how long ago, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct When {
    /// Such as `5 min ago`.
    pub(crate) ago: String,
    /// Such as `2026-11-22 21:58 UTC`.
    pub(crate) exact: String,
    /// For machines.
    pub(crate) machine: String,
}

/// A moment, in milliseconds since 1970.
pub(crate) fn when(moment: i64) -> When {
    let seconds = moment as f64 / 1000.0;
    let exact = date::minute(seconds);
    When { ago: ago(now(), moment), machine: exact.replace(' ', "T") + "Z", exact: format!("{exact} UTC") }
}

fn ago(now: i64, then: i64) -> String {
    let seconds = now.saturating_sub(then) / 1000;
    match seconds {
        ..=-60 => date::minute(then as f64 / 1000.0),
        -59..=9 => "just now".to_owned(),
        10..=59 => format!("{seconds} s ago"),
        60..=3_599 => format!("{} min ago", seconds / 60),
        3_600..=86_399 => format!("{} h ago", seconds / 3_600),
        86_400..=2_591_999 => format!("{} d ago", seconds / 86_400),
        _ => date::day(then as f64 / 1000.0),
    }
}

/// `1 step`, `2 steps`.
pub(crate) fn plural(count: usize, word: &str) -> String {
    let number = number::count(count as u64);
    if count == 1 { format!("{number} {word}") } else { format!("{number} {word}s") }
}

/// A value as it was written.
pub(crate) fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => number::ABSENT.to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_the_unit_one_thinks_in() {
        let at = |seconds: i64| ago(1_000_000_000_000, 1_000_000_000_000 - seconds * 1000);
        assert_eq!(
            [at(3), at(59), at(60), at(7_300), at(90_000)],
            ["just now", "59 s ago", "1 min ago", "2 h ago", "1 d ago"]
        );
        assert_eq!(at(40 * 86_400), "2001-07-31");
    }
}
