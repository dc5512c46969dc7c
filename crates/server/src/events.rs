//! What happens, as server-sent events: the catalog is looked at while someone listens, whoever writes to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use trainyard_core::record::RunStatus;
use trainyard_report::charts::dag::status_name;
use trainyard_store::{ModelMark, RunList, StoreError};

use crate::Site;

/// How often the catalog is looked at.
const LOOK: Duration = Duration::from_millis(300);
/// Looks between two signs of life on a quiet stream.
const QUIET: u32 = 50;
/// Newest runs that are watched, beside those that are known to be under way.
const WATCHED: usize = 100;
/// Events that a slow listener may be behind; then it is let go and comes back.
const BEHIND: usize = 256;
/// Listeners at once.
const LISTENERS: usize = 256;

type Listener = mpsc::Sender<Result<Bytes, Infallible>>;

/// Who is told what happens.
#[derive(Debug, Default)]
pub struct Events {
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    listeners: Vec<Listener>,
    /// Whether someone looks at the catalog for them.
    watched: bool,
}

impl Events {
    /// A new listener; true when nobody looks yet, so that the caller has to. None where there are too many.
    fn join(&self) -> Option<(mpsc::Receiver<Result<Bytes, Infallible>>, bool)> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.listeners.retain(|listener| !listener.is_closed());
        if told.listeners.len() >= LISTENERS {
            return None;
        }
        let (sender, receiver) = mpsc::channel(BEHIND);
        // The first thing a browser hears is that it is heard.
        let _ = sender.try_send(Ok(Bytes::from_static(b"retry: 1000\n: listening\n\n")));
        told.listeners.push(sender);
        Some((receiver, !std::mem::replace(&mut told.watched, true)))
    }

    /// Tells everyone; false once nobody listens any more, or nobody is to.
    fn tell(&self, text: &str, over: bool) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if over {
            told.listeners.clear();
        } else if text.is_empty() {
            told.listeners.retain(|listener| !listener.is_closed());
        } else {
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            told.listeners.retain(|listener| listener.try_send(Ok(bytes.clone())).is_ok());
        }
        told.watched = !told.listeners.is_empty();
        told.watched
    }
}

/// Answers with a stream of events that begins now.
pub(crate) fn stream(site: &Arc<Site>) -> Response<Body> {
    let Some((receiver, first)) = site.events.join() else {
        let mut response = Response::new(Body::from(
            "{\"error\":{\"code\":\"too-many-requests\",\"message\":\"too many listen already\"}}",
        ));
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return response;
    };
    if first {
        tokio::spawn(watch(Arc::clone(site)));
    }
    let mut response = Response::new(Body::from_stream(ReceiverStream::new(receiver)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Looks until nobody listens.
async fn watch(site: Arc<Site>) {
    let mut seen = None;
    let mut quiet = 0;
    loop {
        let over = site.stopping.load(Ordering::Relaxed);
        let looking = Arc::clone(&site);
        let before = seen.take();
        let looked = tokio::task::spawn_blocking(move || look(&looking, before)).await;
        let mut text = String::new();
        if let Ok((after, events)) = looked {
            seen = after;
            for (name, document) in events {
                text.push_str(&format!("event: {name}\ndata: {document}\n\n"));
            }
        }
        quiet = if text.is_empty() { quiet + 1 } else { 0 };
        if quiet == QUIET {
            text.push_str(": still here\n\n");
            quiet = 0;
        }
        if !site.events.tell(&text, over) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What was there at the last look.
struct Seen {
    state: u64,
    runs: BTreeMap<String, (RunStatus, BTreeSet<String>)>,
    models: Vec<ModelMark>,
}

type News = (&'static str, Value);

/// Looks at the catalog and tells what is new. A catalog that cannot be read now may be later.
fn look(site: &Site, before: Option<Seen>) -> (Option<Seen>, Vec<News>) {
    let Ok(state) = site.reader.changes() else { return (before, Vec::new()) };
    if let Some(before) = before.as_ref().filter(|before| before.state == state) {
        let same = Seen { state, runs: before.runs.clone(), models: before.models.clone() };
        return (Some(same), Vec::new());
    }
    match news(site, before.as_ref(), state) {
        Ok((seen, events)) => (Some(seen), events),
        Err(_) => (before, Vec::new()),
    }
}

fn news(site: &Site, before: Option<&Seen>, state: u64) -> Result<(Seen, Vec<News>), StoreError> {
    let newest = site.reader.list_runs(&RunList { limit: WATCHED, ..RunList::default() })?;
    let mut events = Vec::new();
    let mut runs = BTreeMap::new();
    let under_way: Vec<&str> = newest
        .iter()
        .filter(|row| {
            let was = before.and_then(|before| before.runs.get(&row.run));
            row.status == RunStatus::Running || was.is_some_and(|(status, _)| *status == RunStatus::Running)
        })
        .map(|row| row.run.as_str())
        .collect();
    let marks = site.reader.step_marks(&under_way)?;
    for row in newest.iter().rev() {
        let was = before.and_then(|before| before.runs.get(&row.run));
        let ended: Vec<_> = marks.iter().filter(|mark| mark.run == row.run).collect();
        if before.is_some() {
            let is_new = was.is_none();
            let document = |more: Value| {
                let mut document = json!({"run": row.run, "pipeline": row.of});
                if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
                    document.extend(more);
                }
                document
            };
            if is_new {
                events.push(("run-started", document(json!({"started": row.started}))));
            }
            // Steps end in another order than they stand in the plan.
            let is_told = |step: &str| was.is_some_and(|(_, told)| told.contains(step));
            for mark in ended.iter().filter(|mark| !is_told(&mark.step)) {
                let status = status_name(mark.status);
                let step = json!({"step": mark.step, "status": status, "seconds": mark.seconds});
                events.push(("step-ended", document(step)));
            }
            let was_under_way = was.is_none_or(|(status, _)| *status == RunStatus::Running);
            if was_under_way && row.status != RunStatus::Running {
                let end = json!({"status": row.status.name(), "seconds": row.seconds});
                events.push(("run-ended", document(end)));
            }
        }
        let told = ended.iter().map(|mark| mark.step.clone()).collect();
        runs.insert(row.run.clone(), (row.status, told));
    }
    let models = site.reader.model_marks()?;
    if let Some(before) = before {
        for mark in models.iter().filter(|mark| !before.models.contains(mark)) {
            events.push(("model-changed", json!({"model": mark.name, "version": mark.version})));
        }
    }
    Ok((Seen { state, runs, models }, events))
}
