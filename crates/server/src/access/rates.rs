//! How often a caller may call: a bucket of tokens each, filled steadily.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Most callers that are remembered at once.
const MOST: usize = 50_000;
/// Seconds' worth of calls that a caller may make at once.
const BURST: f64 = 4.0;

/// The callers' buckets.
pub(super) struct Rates {
    hasher: RandomState,
    /// Calls a second.
    rate: f64,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

struct Bucket {
    left: f64,
    filled: Instant,
}

impl Rates {
    /// Buckets for this many calls a second.
    pub(super) fn new(rate: u32) -> Self {
        Self { hasher: RandomState::new(), rate: f64::from(rate.max(1)), buckets: Mutex::new(HashMap::new()) }
    }

    /// Lets a call through.
    ///
    /// # Errors
    /// How long to wait, for a caller who calls too often.
    pub(super) fn take(&self, caller: impl Hash, now: Instant) -> Result<(), Duration> {
        let most = self.rate * BURST;
        let filled = |bucket: &Bucket| {
            (bucket.left + self.rate * now.saturating_duration_since(bucket.filled).as_secs_f64()).min(most)
        };
        let key = self.hasher.hash_one(caller);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| filled(bucket) < most);
            if buckets.len() >= MOST {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left: most, filled: now });
        let left = filled(bucket);
        *bucket = Bucket { left: left - f64::from(u8::from(left >= 1.0)), filled: now };
        if left >= 1.0 { Ok(()) } else { Err(Duration::from_secs_f64((1.0 - left) / self.rate)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_a_burst_and_then_the_rate() {
        let rates = Rates::new(10);
        let start = Instant::now();
        let through = |caller, now| (0..1000).filter(|_| rates.take(caller, now).is_ok()).count();
        assert_eq!(through("bea", start), 40);
        assert_eq!(through("bob", start), 40, "each has its own");
        assert_eq!(through("bea", start + Duration::from_millis(500)), 5);
        assert_eq!(through("bea", start + Duration::from_secs(3600)), 40);
        let wait = rates.take("bea", start + Duration::from_secs(3600)).unwrap_err();
        assert!((wait.as_secs_f64() - 0.1).abs() < 1e-6, "{wait:?}");
    }

    #[test]
    fn memory_is_bounded() {
        let rates = Rates::new(1);
        let now = Instant::now();
        for caller in 0..60_000 {
            rates.take(caller, now).unwrap();
        }
        assert!(rates.buckets.lock().unwrap().len() <= MOST);
    }
}
