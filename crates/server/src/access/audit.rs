//! Writes the audit log behind the requests, several entries at once, and shows it.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{Query, State},
    http::{Response, StatusCode},
};
use serde::Deserialize;
use serde_json::json;
use trainyard_store::{AuditEntry, Mode, Store};

use super::{
    Access,
    accounts::now,
    refusal::{Form, Refusal, document},
};

/// Entries that wait to be written; more are lost, and counted.
const QUEUE: usize = 4096;
/// Entries that are written at once.
const BATCH: usize = 512;
/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_millis(100);
/// Longest text of an entry, in bytes.
const LONGEST: usize = 512;
/// Entries of an answer, unless the caller wants another number, and at most.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

/// The way to the writer.
pub(super) struct Audit {
    queue: Mutex<Option<SyncSender<AuditEntry>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    lost: Arc<AtomicU64>,
}

impl Audit {
    /// Starts the writer for the store in this folder.
    pub(super) fn start(root: PathBuf) -> Self {
        let (queue, entries) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let writer = thread::Builder::new().name("audit".to_owned()).spawn(move || write(&root, &entries, &counted));
        Self { queue: Mutex::new(Some(queue)), writer: Mutex::new(writer.ok()), lost }
    }

    /// Hands an entry to the writer; never waits.
    pub(super) fn note(&self, mut entry: AuditEntry) {
        for text in [&mut entry.who, &mut entry.path, &mut entry.target] {
            if text.len() > LONGEST {
                text.truncate(text.floor_char_boundary(LONGEST));
            }
        }
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.as_ref().is_none_or(|queue| queue.try_send(entry).is_err()) {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// Ends the writer when all is written.
    pub(super) fn finish(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
    }
}

fn write(root: &std::path::Path, entries: &Receiver<AuditEntry>, lost: &AtomicU64) {
    let mut store = None;
    while let Ok(first) = entries.recv() {
        let mut batch = vec![first];
        let until = Instant::now() + GATHER;
        let mut ended = false;
        while batch.len() < BATCH && !ended {
            match entries.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(entry) => batch.push(entry),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => ended = true,
            }
        }
        let missing = lost.swap(0, Relaxed);
        if missing > 0 {
            batch.push(AuditEntry {
                time: now(),
                who: String::new(),
                address: String::new(),
                method: String::new(),
                path: String::new(),
                status: 0,
                target: format!("{missing} entries were lost"),
            });
        }
        if store.is_none() {
            store = Store::open(root, Mode::Write).ok();
        }
        let written = store.as_ref().is_some_and(|store| store.add_audit(&batch).is_ok());
        if !written {
            // What could not be written is told as soon as something can.
            lost.fetch_add(missing + batch.len() as u64 - u64::from(missing > 0), Relaxed);
        }
    }
}

/// A page of the log.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    limit: Option<u32>,
    cursor: Option<i64>,
}

/// `GET /api/v1/audit`: the newest entries, and where to go on.
pub(super) async fn list(State(access): State<Arc<Access>>, Query(asked): Query<Asked>) -> Response<Body> {
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let site = Arc::clone(&access.site);
    let read = tokio::task::spawn_blocking(move || site.reader.audit(asked.cursor, limit)).await;
    match read {
        Ok(Ok(rows)) => {
            let next = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.id);
            document(&json!({"audit": rows, "next": next}))
        }
        failed => {
            let message = failed.ok().and_then(Result::err).map_or_else(String::new, |error| error.message);
            let message = format!("the audit log cannot be read: {message}");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "access-unknown", message).answer(Form::Api)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(target: &str) -> AuditEntry {
        AuditEntry {
            time: now(),
            who: "bea".into(),
            address: "10.0.0.1".into(),
            method: "POST".into(),
            path: "/é".repeat(1000),
            status: 200,
            target: target.into(),
        }
    }

    #[test]
    fn all_that_was_noted_is_written_in_order_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Mode::Write).unwrap();
        let audit = Audit::start(folder.path().to_owned());
        (0..1500).for_each(|number| audit.note(entry(&number.to_string())));
        audit.finish();
        let rows = store.audit(None, 2000).unwrap();
        let targets: Vec<String> = rows.iter().rev().map(|row| row.entry.target.clone()).collect();
        assert_eq!(targets, (0..1500).map(|number| number.to_string()).collect::<Vec<_>>());
        assert!(rows.iter().all(|row| row.entry.path.len() <= LONGEST));
    }

    #[test]
    fn what_is_lost_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Mode::Write).unwrap();
        let audit = Audit::start(folder.path().to_owned());
        audit.lost.store(7, Relaxed);
        audit.note(entry("kept"));
        audit.finish();
        audit.note(entry("too late"));
        let rows = store.audit(None, 10).unwrap();
        assert_eq!(rows[0].entry.target, "7 entries were lost");
        assert_eq!((rows[1].entry.target.as_str(), rows.len()), ("kept", 2));
    }
}
