//! The time of day and the names of runs. The only place in the engine that asks the clock for a date or for chance.

use std::{
    hash::{BuildHasher, RandomState},
    time::{SystemTime, UNIX_EPOCH},
};

use chrono::DateTime;

/// Milliseconds since 1970; 0 on a clock set before.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(0)
}

/// A name for a run that started at `now`: sorts by time to the second, such as `20261122-141503-7f3a09`.
pub fn run_id(now: i64) -> String {
    // The standard library seeds its hash maps from the system's source of randomness; that is chance enough for a name.
    let chance = RandomState::new().hash_one(now) & 0xff_ffff;
    let time = DateTime::from_timestamp_millis(now).unwrap_or_default();
    format!("{}-{chance:06x}", time.format("%Y%m%d-%H%M%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time() {
        let name = run_id(1_795_356_903_000);
        assert!(name.starts_with("20261122-141503-"), "{name}");
        assert_eq!(name.len(), 22);
        assert!(name < run_id(1_795_356_904_000));
    }
}
