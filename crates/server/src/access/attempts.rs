//! Wrong passwords: each makes the next try wait longer, for that name from that address, and for that address.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Wrong passwords of a name from an address that cost nothing.
const FREE: u32 = 5;
/// Wrong passwords of an address that cost nothing, whatever the names.
const FREE_OF_ADDRESS: u32 = 30;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Time without a wrong password after which all is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);
/// Most that is remembered at once.
const MOST: usize = 50_000;

/// The wrong passwords there were.
pub(super) struct Attempts {
    hasher: RandomState,
    known: Mutex<HashMap<u64, Wrong>>,
}

#[derive(Clone, Copy)]
struct Wrong {
    times: u32,
    last: Instant,
    until: Instant,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::new(), known: Mutex::new(HashMap::new()) }
    }

    /// How long a name has to wait at an address before it may try again; none where it need not.
    pub(super) fn wait(&self, name: &str, address: IpAddr, now: Instant) -> Option<Duration> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let until = self.keys(name, address).into_iter().filter_map(|(key, _)| Some(known.get(&key)?.until)).max()?;
        until.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    /// Counts a try as wrong before it is known to be, so that many at once are no way around; [`Self::right`] takes it
    /// back.
    pub(super) fn begin(&self, name: &str, address: IpAddr, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, wrong| now.saturating_duration_since(wrong.last) < FORGOTTEN && wrong.times > 1);
        }
        if known.len() >= MOST {
            known.retain(|_, wrong| wrong.until > now);
        }
        for (key, free) in self.keys(name, address) {
            let wrong = known.entry(key).or_insert(Wrong { times: 0, last: now, until: now });
            if now.saturating_duration_since(wrong.last) > FORGOTTEN {
                wrong.times = 0;
            }
            wrong.times = wrong.times.saturating_add(1);
            wrong.last = now;
            if wrong.times > free {
                let doubled = 1_u64 << (wrong.times - free - 1).min(20);
                wrong.until = now + Duration::from_secs(doubled).min(LONGEST);
            }
        }
    }

    /// Forgets the wrong passwords of a name at an address: the right one came.
    pub(super) fn right(&self, name: &str, address: IpAddr) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let [(of_name, _), (of_address, _)] = self.keys(name, address);
        known.remove(&of_name);
        // Others at that address may still be guessing.
        if let Some(wrong) = known.get_mut(&of_address) {
            wrong.times = wrong.times.saturating_sub(1);
        }
    }

    fn keys(&self, name: &str, address: IpAddr) -> [(u64, u32); 2] {
        let network = network(address);
        [(self.hasher.hash_one((name, network)), FREE), (self.hasher.hash_one(network), FREE_OF_ADDRESS)]
    }
}

/// What one caller holds of the Internet: an address of IPv4, the upper half of one of IPv6.
pub(super) fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address) >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn guessing_gets_slower_and_slower_and_a_right_one_ends_it() {
        let attempts = Attempts::new();
        let mut now = Instant::now();
        for _ in 0..FREE {
            assert_eq!(attempts.wait("bea", HERE, now), None);
            attempts.begin("bea", HERE, now);
        }
        let mut waits = Vec::new();
        for _ in 0..12 {
            attempts.begin("bea", HERE, now);
            let wait = attempts.wait("bea", HERE, now).unwrap();
            waits.push(wait.as_secs());
            assert_eq!(attempts.wait("bea", THERE, now), None, "others are not kept out by it");
            now += wait;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        attempts.begin("bea", HERE, now);
        attempts.right("bea", HERE);
        assert_eq!(attempts.wait("bea", HERE, now), None);
    }

    #[test]
    fn trying_one_password_on_many_names_is_slowed_too() {
        let attempts = Attempts::new();
        let now = Instant::now();
        for name in 0..=FREE_OF_ADDRESS {
            assert_eq!(attempts.wait(&name.to_string(), HERE, now), None);
            attempts.begin(&name.to_string(), HERE, now);
        }
        assert!(attempts.wait("another", HERE, now).is_some());
        assert_eq!(attempts.wait("another", HERE, now + LONGEST), None);
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::new();
        let now = Instant::now();
        for caller in 0..60_000_u32 {
            attempts.begin("bea", std::net::Ipv4Addr::from(caller).into(), now);
        }
        assert!(attempts.known.lock().unwrap().len() <= MOST + 2);
        assert_eq!(network("2001:db8::1".parse().unwrap()), network("2001:db8::ffff:1".parse().unwrap()));
    }
}
