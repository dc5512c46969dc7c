//! Metrics over time: written as they come, folded into series and their last points.

use std::{
    collections::BTreeMap,
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use sqlx::sqlite::SqliteRow;
use tokio::sync::oneshot;

use super::unknown;
use crate::{
    catalog::{Argument, Bind, Transaction, Writer, column},
    error::StoreError,
    session::lock,
    store::Store,
};

/// A point of a series: in the catalog 24 bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The series.
    pub key: String,
    /// Its value; what is no number is kept as such, what is infinite as the largest number.
    pub value: f64,
    /// When, in milliseconds since 1970.
    pub timestamp: i64,
    /// The step.
    pub step: i64,
}

/// The points of a series, column by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// The values.
    pub values: Vec<f64>,
    /// When, in milliseconds since 1970.
    pub timestamps: Vec<i64>,
    /// The steps.
    pub steps: Vec<i64>,
}

/// Bytes of a point in a chunk.
const WIDTH: usize = 24;
/// Points of a chunk, at most, but for those of one folding.
const CHUNK: i64 = 4096;
/// Rows written by one statement.
const VALUES: usize = 128;
/// Rows of the log folded in one transaction.
const ROWS: i64 = 4096;

/// Work that is done to its end, also when nobody waits for it any more: others may be in it.
struct Finished(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Future for Finished {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(work) = &mut self.0 else { return Poll::Ready(()) };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

/// The calls that wait to be written together.
#[derive(Debug, Default)]
pub(crate) struct MetricLog {
    waiting: Mutex<Vec<Call>>,
    /// Who has it writes for all that wait. A connection of its own, opened by the first call, whose statements are
    /// awaited: no thread of the runtime stands still meanwhile.
    writer: tokio::sync::Mutex<Option<Writer>>,
    /// True while the log may hold what is not folded.
    unfolded: AtomicBool,
}

#[derive(Debug)]
struct Call {
    run: String,
    points: String,
    answer: oneshot::Sender<Result<bool, StoreError>>,
}

const LOG: &str = "BEGIN IMMEDIATE;
     INSERT INTO metric_log (run, points)
       SELECT value->>1, value->>2 FROM jsonb_each(?) j
       WHERE EXISTS (SELECT 1 FROM runs r WHERE r.run = j.value->>1 AND r.deleted IS NULL);
     SELECT value->>0 AS place FROM jsonb_each(?) j
       WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.run = j.value->>1 AND r.deleted IS NULL);
     COMMIT";

const EXISTING: &str = "SELECT j.value->>0 AS run, j.value->>1 AS key, l.value, l.timestamp, l.step,
       (SELECT max(chunk) FROM metric_chunks c WHERE c.run = j.value->>0 AND c.key = j.value->>1) AS chunk,
       (SELECT count FROM metric_chunks c WHERE c.run = j.value->>0 AND c.key = j.value->>1
         ORDER BY chunk DESC LIMIT 1) AS count
     FROM json_each(?) j LEFT JOIN latest_metrics l ON l.run = j.value->>0 AND l.key = j.value->>1";

impl MetricLog {
    /// A log that nothing waits for yet.
    pub(crate) fn unfolded(unfolded: bool) -> Self {
        Self { unfolded: AtomicBool::new(unfolded), ..Self::default() }
    }

    /// Writes what waits.
    async fn write(&self, path: &Path) {
        let mut writer = self.writer.lock().await;
        let calls = std::mem::take(&mut *lock(&self.waiting));
        let rows = || Argument::rows(calls.iter().enumerate().map(|(place, call)| (place, &call.run, &call.points)));
        let written = async {
            let arguments = [rows()?, rows()?];
            let writer = match &mut *writer {
                Some(writer) => writer,
                none => none.insert(Writer::open(path).await?),
            };
            writer.script(LOG, &arguments).await
        };
        let written = written.await;
        // Before anyone is answered, and not before it is written: a fold in between would not see it.
        self.unfolded.store(true, Relaxed);
        match written {
            Ok(refused) => {
                let refused: Vec<i64> = refused.iter().filter_map(|row| column(row, "place").ok()).collect();
                for (place, call) in calls.into_iter().enumerate() {
                    // Nobody may wait any more.
                    let _ = call.answer.send(Ok(!refused.contains(&(place as i64))));
                }
            }
            Err(error) => calls.into_iter().for_each(|call| drop(call.answer.send(Err(error.clone())))),
        }
    }
}

impl Store {
    /// Writes points of a run; to be awaited within a runtime of tokio. Calls that come at once are written in one
    /// transaction, whether or not their callers wait for the end of it.
    ///
    /// # Errors
    /// `unknown-run`, `run-deleted`; when the catalog cannot be written.
    pub async fn log_points(&self, run: &str, points: &[Point]) -> Result<(), StoreError> {
        self.must_write()?;
        let log = Arc::clone(&self.metric_log);
        let (answer, written) = oneshot::channel();
        let call = Call { run: run.to_owned(), points: encoded(points)?, answer };
        let first = {
            let mut waiting = lock(&log.waiting);
            waiting.push(call);
            waiting.len() == 1
        };
        if first {
            let path = self.catalog.path().to_owned();
            Finished(Some(Box::pin(async move { log.write(&path).await }))).await;
        }
        match written.await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(self.not_active(run)?),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StoreError::new("store-io", "the writer of metrics has ended")),
        }
    }

    /// Why nothing can be logged to a run.
    pub(super) fn not_active(&self, run: &str) -> Result<StoreError, StoreError> {
        let found = self.catalog.row("SELECT run FROM runs WHERE run = ?1", &[run])?;
        Ok(match found {
            Some(_) => StoreError::new("run-deleted", format!("run `{run}` is in the bin"))
                .help("restore it before something is logged to it"),
            None => unknown("unknown-run", "run", run),
        })
    }

    /// Folds what was logged into series, as far as this process knows of any. Cheap where there is nothing.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn fold_metrics(&self) -> Result<(), StoreError> {
        if !self.metric_log.unfolded.load(Relaxed) {
            return Ok(());
        }
        self.fold_all_metrics()
    }

    /// The same for what other processes logged too.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn fold_all_metrics(&self) -> Result<(), StoreError> {
        self.must_write()?;
        // Whoever logs from here on says so again.
        self.metric_log.unfolded.store(false, Relaxed);
        let folded = loop {
            if !self.catalog.rows("SELECT 1 FROM metric_log LIMIT 1", &[])?.is_empty() {
                match self.catalog.transaction(fold) {
                    Ok(true) => continue,
                    other => break other.map(drop),
                }
            }
            break Ok(());
        };
        if folded.is_err() {
            self.metric_log.unfolded.store(true, Relaxed);
        }
        folded
    }

    /// The points of a series from the place `from` on, `limit` at most, in the order of logging.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn series(&self, run: &str, key: &str, from: usize, limit: usize) -> Result<Points, StoreError> {
        let sql = "SELECT c.points, before FROM (
                     SELECT points, count, chunk,
                       coalesce(sum(count) OVER (ORDER BY chunk ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
                         AS before
                     FROM metric_chunks WHERE run = ?1 AND key = ?2) c
                   WHERE c.before < ?3 AND c.before + c.count > ?4 ORDER BY c.chunk";
        let (low, high) = (from as i64, from.saturating_add(limit).min(i64::MAX as usize) as i64);
        let rows = self.catalog.bound(sql, &[run.into(), key.into(), high.into(), low.into()])?;
        let mut points = Points::default();
        for row in &rows {
            let bytes: &[u8] = column(row, "points")?;
            let before: i64 = column(row, "before")?;
            let skip = usize::try_from(low.saturating_sub(before)).unwrap_or(0);
            for point in bytes.chunks_exact(WIDTH).skip(skip).take(limit - points.values.len()) {
                points.push(point);
            }
        }
        Ok(points)
    }

    /// How many points a series has.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn series_length(&self, run: &str, key: &str) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(count), 0) AS count FROM metric_chunks WHERE run = ?1 AND key = ?2";
        let row = self.catalog.row(sql, &[run, key])?;
        row.map_or(Ok(0), |row| Ok(u64::try_from(column::<i64>(&row, "count")?).unwrap_or(0)))
    }
}

impl Points {
    fn push(&mut self, bytes: &[u8]) {
        let number = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            eight
        };
        self.values.push(f64::from_le_bytes(number(0)));
        self.timestamps.push(i64::from_le_bytes(number(8)));
        self.steps.push(i64::from_le_bytes(number(16)));
    }
}

/// The points of a call as JSON: `[[key, value, timestamp, step], …]`.
pub(super) fn encoded(points: &[Point]) -> Result<String, StoreError> {
    let rows: Vec<(&str, Option<f64>, i64, i64)> =
        points.iter().map(|point| (point.key.as_str(), finite(point.value), point.timestamp, point.step)).collect();
    crate::catalog::text(&rows)
}

/// The bits of a number, as an integer of SQLite.
pub(crate) const fn bits(value: f64) -> i64 {
    value.to_bits().cast_signed()
}

/// None for what is no number; the largest for what is infinite.
pub(super) fn finite(value: f64) -> Option<f64> {
    (!value.is_nan()).then(|| value.clamp(f64::MIN, f64::MAX))
}

/// Writes points within a transaction that has seen to it that the run takes them.
pub(super) fn log(transaction: &mut Transaction<'_>, run: &str, points: &[Point]) -> Result<(), StoreError> {
    let sql = "INSERT INTO metric_log (run, points) VALUES (?, ?)";
    transaction.rows(sql, &[run.into(), Bind::Text(encoded(points)?)]).map(drop)
}

/// Says that there is something to fold.
pub(super) fn logged(store: &Store) {
    store.metric_log.unfolded.store(true, Relaxed);
}

type Key = (String, String);

/// What a fold adds to a series.
#[derive(Default)]
struct Added {
    bytes: Vec<u8>,
    latest: Option<(i64, i64, Option<f64>)>,
}

/// Folds some of the log; true where more may be left.
fn fold(transaction: &mut Transaction<'_>) -> Result<bool, StoreError> {
    let rows = transaction.rows("SELECT id, run, points FROM metric_log ORDER BY id LIMIT ?", &[ROWS.into()])?;
    let Some(last) = rows.last() else { return Ok(false) };
    let last: i64 = column(last, "id")?;
    let mut series: BTreeMap<Key, Added> = BTreeMap::new();
    for row in &rows {
        let run: &str = column(row, "run")?;
        let text: &str = column(row, "points")?;
        let points: Vec<(String, Option<f64>, i64, i64)> = serde_json::from_str(text)
            .map_err(|error| StoreError::broken(format!("the points of run `{run}`: {error}")))?;
        for (key, value, timestamp, step) in points {
            let added = series.entry((run.to_owned(), key)).or_default();
            added.bytes.extend_from_slice(&value.unwrap_or(f64::NAN).to_le_bytes());
            added.bytes.extend_from_slice(&timestamp.to_le_bytes());
            added.bytes.extend_from_slice(&step.to_le_bytes());
            let point = (step, timestamp, value);
            if added.latest.is_none_or(|latest| is_later(point, latest)) {
                added.latest = Some(point);
            }
        }
    }
    let keys: Vec<&Key> = series.keys().collect();
    let existing = transaction.rows(EXISTING, &[Bind::Text(crate::catalog::text(&keys)?)])?;
    let mut latest = Vec::new();
    let mut chunks = Vec::new();
    for (row, ((run, key), added)) in existing.iter().zip(&series) {
        let known = known_latest(row)?;
        if let Some(point) = added.latest.filter(|point| known.is_none_or(|known| is_later(*point, known))) {
            latest.push((run, key, point.2, point.1, point.0));
        }
        let chunk: Option<i64> = column(row, "chunk")?;
        let count: Option<i64> = column(row, "count")?;
        let chunk = match (chunk, count) {
            (Some(chunk), Some(count)) if count < CHUNK => chunk,
            (chunk, _) => chunk.map_or(0, |chunk| chunk + 1),
        };
        chunks.push((run, key, chunk, added.bytes.len() / WIDTH, hexadecimal(&added.bytes)));
    }
    // Bound as numbers: SQLite reads some of them from text a little off.
    for some in latest.chunks(VALUES) {
        let marks = vec!["(?, ?, ?, ?, ?, ?)"; some.len()].join(", ");
        let sql = format!(
            "INSERT INTO latest_metrics (run, key, value, bits, timestamp, step) VALUES {marks}
             ON CONFLICT DO UPDATE SET
               value = excluded.value, bits = excluded.bits, timestamp = excluded.timestamp, step = excluded.step"
        );
        let arguments: Vec<Bind> = some
            .iter()
            .flat_map(|(run, key, value, timestamp, step)| {
                let bits = value.map_or(Bind::Null, |value| Bind::Integer(bits(value)));
                let value = value.map_or(Bind::Null, Bind::Real);
                [Bind::from(*run), Bind::from(*key), value, bits, (*timestamp).into(), (*step).into()]
            })
            .collect();
        transaction.made(sql, &arguments)?;
    }
    transaction.rows(
        "INSERT INTO metric_chunks (run, key, chunk, count, points)
           SELECT value->>0, value->>1, value->>2, value->>3, unhex(value->>4) FROM json_each(?) WHERE true
         ON CONFLICT DO UPDATE SET
           count = count + excluded.count, points = CAST(points || excluded.points AS BLOB)",
        &[Bind::Text(crate::catalog::text(&chunks)?)],
    )?;
    transaction.rows("DELETE FROM metric_log WHERE id <= ?", &[last.into()])?;
    Ok(rows.len() as i64 == ROWS)
}

/// Whether a point is the later one: by step, then time, then value, where no number is the least.
fn is_later(one: (i64, i64, Option<f64>), other: (i64, i64, Option<f64>)) -> bool {
    let value = |value: Option<f64>| value.unwrap_or(f64::NEG_INFINITY);
    (one.0, one.1).cmp(&(other.0, other.1)).then(value(one.2).total_cmp(&value(other.2))).is_ge()
}

fn known_latest(row: &SqliteRow) -> Result<Option<(i64, i64, Option<f64>)>, StoreError> {
    let step: Option<i64> = column(row, "step")?;
    let timestamp: Option<i64> = column(row, "timestamp")?;
    let value: Option<f64> = column(row, "value")?;
    Ok(step.zip(timestamp).map(|(step, timestamp)| (step, timestamp, value)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
