//! What all requests share, and the one way a request takes through it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, StatusCode};

use crate::{
    answer::{Answer, answer},
    refusal::Refusal,
    repository::{Chosen, Repository},
    request_log::RequestLog,
    rows::Rows,
    shadow::Shadow,
};

/// What a server takes before it says no.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Rows of a request.
    pub rows: usize,
    /// Requests that are answered at once; more get status 429.
    pub in_flight: usize,
    /// Open connections; more get status 503.
    pub connections: usize,
    /// Versions of models that are loaded at once.
    pub models: usize,
    /// Time for a request's head, and for its body.
    pub patience: Duration,
    /// Time for requests that are being answered when the server is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            rows: 100_000,
            in_flight: 512,
            connections: 4096,
            models: 32,
            patience: Duration::from_secs(20),
            drain: Duration::from_secs(30),
        }
    }
}

/// Bytes of a body from which on a request is worked at where it does not keep others waiting.
const LARGE: usize = 64 << 10;

/// What all requests share.
pub(crate) struct State {
    pub(crate) repository: Repository,
    pub(crate) limits: Limits,
    pub(crate) draining: AtomicBool,
    pub(crate) version: &'static str,
    pub(crate) shadow: Shadow,
    pub(crate) log: Option<RequestLog>,
}

/// Counts a request as being answered for as long as it lives.
pub(crate) struct InFlight<'s>(&'s State);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.repository.metrics.in_flight.fetch_sub(1, Relaxed);
    }
}

impl State {
    /// True while new requests are welcome.
    pub(crate) fn is_ready(&self) -> bool {
        self.repository.is_ready() && !self.draining.load(Relaxed)
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// `too-many-requests` (429).
    pub(crate) fn enter(&self) -> Result<InFlight<'_>, Refusal> {
        let metrics = &self.repository.metrics;
        let before = metrics.in_flight.fetch_add(1, Relaxed);
        let entered = InFlight(self);
        if before >= self.limits.in_flight as u64 {
            metrics.turned_away.fetch_add(1, Relaxed);
            let message =
                format!("{before} requests are being answered, which is as many as this server takes at once");
            return Err(
                Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", message).help("try again soon")
            );
        }
        Ok(entered)
    }

    /// The model that answers a request; it is loaded if need be.
    ///
    /// # Errors
    /// As [`Repository::choose_loading`].
    pub(crate) fn choose(&self, name: &str, known_as: Option<&str>, headers: &HeaderMap) -> Result<Chosen, Refusal> {
        let key = |header: &str| headers.get(header).map(|value| place_of(name, value.as_bytes()));
        match self.repository.choose(name, known_as, &key)? {
            Some(chosen) => Ok(chosen),
            None => tokio::task::block_in_place(|| self.repository.choose_loading(name, known_as, &key)),
        }
    }

    /// The one way from a body to an answer: `parse` fills the rows and says how they want to be answered, the model
    /// predicts them, `write` writes what it said.
    ///
    /// # Errors
    /// What `parse` and the model refuse.
    pub(crate) fn infer<P, T>(
        &self,
        chosen: &Chosen,
        size: usize,
        parse: impl FnOnce(&mut Rows<'_>) -> Result<P, Refusal>,
        write: impl FnOnce(&Answer<'_>, P) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let started = Instant::now();
        let served = &chosen.served;
        let work = || {
            let mut rows = Rows::new(served, self.limits.rows);
            let wanted = parse(&mut rows)?;
            let answer = answer(served, &rows)?;
            let written = write(&answer, wanted)?;
            self.after(chosen, &rows, &answer);
            served.metrics.rows.fetch_add(rows.len() as u64, Relaxed);
            Ok(written)
        };
        let done = if size > LARGE { tokio::task::block_in_place(|| caught(work)) } else { caught(work) };
        match &done {
            Ok(_) => served.metrics.answered.record(started.elapsed()),
            Err(refusal) if refusal.status.is_client_error() => {
                served.metrics.refused.fetch_add(1, Relaxed);
            }
            Err(_) => {
                served.metrics.failed.fetch_add(1, Relaxed);
            }
        }
        done
    }

    /// What happens beside an answer, and never keeps it waiting.
    fn after(&self, chosen: &Chosen, rows: &Rows<'_>, answer: &Answer<'_>) {
        if let Some(shadow) = &chosen.shadow {
            self.shadow.mirror(shadow, rows, answer);
        }
        if let Some(log) = &self.log {
            log.note(&self.repository.metrics, &chosen.served, rows, answer);
        }
    }
}

/// A fault of ours costs its request an answer, not its connection.
fn caught<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    // Nothing that the work changes outlives it but counters.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let message = "the prediction broke off at a fault of this program";
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "prediction-broke-off", message)
            .help("please report it, with the request"))
    })
}

/// The place between 0 and 1 of a caller's key: always the same, and spread evenly. FNV-1a, mixed as in SplitMix64, since
/// the upper bits decide.
fn place_of(model: &str, key: &[u8]) -> f64 {
    let text = model.as_bytes().iter().chain(&[0]).chain(key);
    let hash =
        text.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((hash ^ (hash >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The state as handlers get it.
pub(crate) type Shared = Arc<State>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        let refusal = caught::<()>(|| panic!("a fault")).unwrap_err();
        assert_eq!(
            (refusal.status, refusal.code.as_str()),
            (StatusCode::INTERNAL_SERVER_ERROR, "prediction-broke-off")
        );
        assert_eq!(caught(|| Ok(1)), Ok(1));
    }

    #[test]
    fn keys_are_spread_evenly_and_apart_for_each_model() {
        let places: Vec<f64> = (0..10_000).map(|user| place_of("m", format!("user {user}").as_bytes())).collect();
        let below = |limit: f64| places.iter().filter(|place| **place < limit).count() as f64 / 10_000.0;
        for limit in [0.01, 0.1, 0.5, 0.9] {
            // Four standard deviations of a binomial share.
            let off = 4.0 * (limit * (1.0 - limit) / 10_000.0_f64).sqrt();
            assert!((below(limit) - limit).abs() < off, "{limit}: {}", below(limit));
        }
        assert!(place_of("a", b"user 1") != place_of("b", b"user 1"));
    }
}
