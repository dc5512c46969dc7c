//! A sample of what was asked and answered, in columns, for monitoring: Parquet files, one folder a model, the oldest
//! given up first.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use tokio::sync::mpsc;
use trainyard_core::ColumnType;
use trainyard_data::{DataError, Table, write};
use trainyard_learn::Frame;

use crate::{
    answer::{Answer, Told},
    columns::array,
    metrics::ServerMetrics,
    model::Served,
    rows::Rows,
};

/// What is kept.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// The folder that holds a folder for each model.
    pub folder: PathBuf,
    /// The share of requests that is kept, from 0 to 1.
    pub share: f64,
    /// Bytes a model's files may take together.
    pub bytes: u64,
}

/// Requests that may wait to be written; beyond them they are not kept.
const WAITING: usize = 1024;
/// Rows of a file.
const ROWS: usize = 10_000;
/// Time after which a file is written although it is not full.
const TIME: Duration = Duration::from_secs(10);
/// Rows of one request that are kept at most.
const REQUEST: usize = 1000;

struct Noted {
    served: Arc<Names>,
    at: i64,
    frame: Frame,
    told: Vec<(&'static str, Kept)>,
}

/// Of a model what its files need.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Names {
    model: String,
    version: u64,
    types: Vec<(String, ColumnType)>,
}

enum Kept {
    Numbers(Vec<f64>),
    Whole(Vec<i64>),
    Texts(Vec<String>),
}

/// The way to the thread that writes the log.
pub(crate) struct RequestLog {
    sender: mpsc::Sender<Noted>,
    share: f64,
    requests: AtomicU64,
}

impl RequestLog {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn start(settings: LogSettings) -> io::Result<(Self, std::thread::JoinHandle<()>)> {
        fs::create_dir_all(&settings.folder)?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let share = settings.share;
        let thread = std::thread::Builder::new()
            .name("request-log".to_owned())
            .spawn(move || keep_writing(receiver, &settings))?;
        Ok((Self { sender, share, requests: AtomicU64::new(0) }, thread))
    }

    /// Keeps a request, if it belongs to the sample and there is room.
    pub(crate) fn note(&self, metrics: &ServerMetrics, rows: &Rows<'_>, answer: &Answer<'_>) {
        let before = self.requests.fetch_add(1, Relaxed) as f64;
        // Every n-th request, without a random number.
        if (before * self.share).floor() == ((before + 1.0) * self.share).floor() || rows.len() == 0 {
            return;
        }
        let count = rows.len() as u64;
        let (Ok(slot), true) = (self.sender.try_reserve(), rows.len() <= REQUEST) else {
            metrics.unlogged_rows.fetch_add(count, Relaxed);
            return;
        };
        metrics.logged_rows.fetch_add(count, Relaxed);
        let kept = |told: &Told<'_>| match told {
            Told::Numbers(values) => Kept::Numbers(values.clone()),
            Told::Whole(values) => Kept::Whole(values.clone()),
            Told::Flags(flags) => Kept::Whole(flags.iter().map(|flag| i64::from(*flag)).collect()),
            Told::Classes(codes, names) => {
                Kept::Texts(codes.iter().map(|code| names.get(*code as usize).cloned().unwrap_or_default()).collect())
            }
        };
        let told = answer.outputs.iter().filter(|output| output.width == 1);
        let told = told.map(|output| (output.name, kept(&output.told))).collect();
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
        slot.send(Noted { served: Arc::new(names(answer.model)), at, frame: rows.frame().clone(), told });
    }
}

fn names(served: &Served) -> Names {
    let types = served.slots.iter().map(|slot| (slot.name.clone(), slot.column_type)).collect();
    Names { model: served.name.clone(), version: served.version, types }
}

fn keep_writing(mut receiver: mpsc::Receiver<Noted>, settings: &LogSettings) {
    let mut waiting: BTreeMap<Arc<Names>, Vec<Noted>> = BTreeMap::new();
    let mut since = Instant::now();
    let mut number = 0_u64;
    loop {
        let (mut ended, mut rows) = (false, 0);
        match receiver.try_recv() {
            Ok(noted) => {
                let of_model = waiting.entry(Arc::clone(&noted.served)).or_default();
                of_model.push(noted);
                rows = of_model.iter().map(|noted| noted.frame.rows).sum();
            }
            Err(mpsc::error::TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(50)),
            Err(mpsc::error::TryRecvError::Disconnected) => ended = true,
        }
        if ended || rows >= ROWS || (since.elapsed() >= TIME && !waiting.is_empty()) {
            for (names, noted) in std::mem::take(&mut waiting) {
                number += 1;
                // A full disk costs the log, never an answer.
                let _ = write_file(&names, &noted, number, settings);
            }
            since = Instant::now();
        }
        if ended {
            return;
        }
    }
}

fn write_file(names: &Names, noted: &[Noted], number: u64, settings: &LogSettings) -> Result<(), DataError> {
    let folder = settings.folder.join(safe(&names.model));
    fs::create_dir_all(&folder).map_err(|error| DataError::file(&folder, &error))?;
    let table = table(names, noted)?;
    let at = noted.first().map_or(0, |noted| noted.at);
    let file = folder.join(format!("{at:020}-{}-{number:06}.parquet", names.version));
    write::write(&table, &file)?;
    give_up_oldest(&folder, settings.bytes).map_err(|error| DataError::file(&folder, &error))
}

/// A model's name as a folder's: nothing that leads elsewhere.
fn safe(name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    name.chars().map(kept).collect()
}

/// The noted requests as a table: when, which version, the inputs, the outputs.
fn table(names: &Names, noted: &[Noted]) -> Result<Table, DataError> {
    let each = || noted.iter().flat_map(|noted| std::iter::repeat_n(noted.at, noted.frame.rows));
    let at = TimestampMicrosecondArray::from_iter_values(each()).with_timezone("UTC");
    let version = Int64Array::from_iter_values(each().map(|_| i64::try_from(names.version).unwrap_or(i64::MAX)));
    let mut columns: Vec<(String, ArrayRef)> =
        vec![("request.at".to_owned(), Arc::new(at)), ("request.version".to_owned(), Arc::new(version))];
    for (place, (name, column_type)) in names.types.iter().enumerate() {
        let values = noted.iter().filter_map(|noted| noted.frame.columns.get(place)).map(|column| &column.values);
        columns.push((name.clone(), array(values, *column_type, false)));
    }
    for (place, (name, kept)) in noted.first().map_or(&[][..], |noted| &noted.told).iter().enumerate() {
        let told = noted.iter().filter_map(|noted| noted.told.get(place)).map(|(_, kept)| kept);
        let array: ArrayRef = match kept {
            Kept::Numbers(_) => Arc::new(Float64Array::from_iter_values(told.flat_map(|kept| match kept {
                Kept::Numbers(values) => values.clone(),
                _ => Vec::new(),
            }))),
            Kept::Whole(_) => Arc::new(Int64Array::from_iter_values(told.flat_map(|kept| match kept {
                Kept::Whole(values) => values.clone(),
                _ => Vec::new(),
            }))),
            Kept::Texts(_) => Arc::new(StringArray::from_iter_values(told.flat_map(|kept| match kept {
                Kept::Texts(values) => values.clone(),
                _ => Vec::new(),
            }))),
        };
        columns.push((format!("answer.{name}"), array));
    }
    Table::from_columns(columns)
}

/// Deletes the oldest files of a folder until the rest fits. Names begin with the time.
fn give_up_oldest(folder: &Path, bytes: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.file_name(), entry.metadata()?.len(), entry.path()));
    }
    files.sort();
    let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
    for (_, size, path) in &files[..files.len().saturating_sub(1)] {
        if total <= bytes {
            break;
        }
        fs::remove_file(path)?;
        total -= size;
    }
    Ok(())
}
