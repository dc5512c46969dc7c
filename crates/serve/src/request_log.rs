//! A sample of what was asked and answered, in columns, for monitoring: Parquet files, one folder a model, the oldest
//! given up first.

use std::{
    collections::{BTreeMap, btree_map::Entry},
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
use trainyard_data::{DataError, Table, write};
use trainyard_learn::Values;

use crate::{
    answer::{Answer, Kept},
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

/// A request, or several of them one after the other.
struct Noted {
    served: Arc<Served>,
    at: Vec<i64>,
    /// A column a slot of the model.
    asked: Vec<Values>,
    told: Vec<(&'static str, Kept)>,
}

impl Noted {
    /// Puts the rows of another behind its own.
    fn append(&mut self, other: Self) {
        self.at.extend(other.at);
        self.asked.iter_mut().zip(other.asked).for_each(|(own, other)| append(own, other));
        for ((_, own), (_, other)) in self.told.iter_mut().zip(other.told) {
            match (own, other) {
                (Kept::Numbers(own), Kept::Numbers(other)) => own.extend(other),
                (Kept::Whole(own), Kept::Whole(other)) => own.extend(other),
                (Kept::Texts(own), Kept::Texts(other)) => own.extend(other),
                // A version's outputs do not change their kind.
                _ => {}
            }
        }
    }
}

fn append(own: &mut Values, other: Values) {
    match (own, other) {
        (Values::Number(own) | Values::Moment(own), Values::Number(other) | Values::Moment(other)) => own.extend(other),
        (Values::Category { codes, levels }, Values::Category { codes: more, levels: named }) => {
            let place = |name: String| {
                let known = levels.iter().position(|level| *level == name);
                known.unwrap_or_else(|| {
                    levels.push(name);
                    levels.len() - 1
                }) as u32
            };
            let places: Vec<u32> = named.into_iter().map(place).collect();
            codes.extend(more.iter().map(|code| places.get(*code as usize).copied().unwrap_or(Values::MISSING)));
        }
        // A slot does not change its kind.
        _ => {}
    }
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
    pub(crate) fn note(&self, metrics: &ServerMetrics, served: &Arc<Served>, rows: &Rows<'_>, answer: &Answer<'_>) {
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
        let told = answer.outputs.iter().filter(|output| output.width == 1);
        let told = told.map(|output| (output.name, Kept::from(&output.told))).collect();
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
        let asked = rows.frame().columns.iter().map(|column| column.values.clone()).collect();
        slot.send(Noted { served: Arc::clone(served), at: vec![at; rows.len()], asked, told });
    }
}

fn keep_writing(mut receiver: mpsc::Receiver<Noted>, settings: &LogSettings) {
    let mut waiting: BTreeMap<(String, u64), Noted> = BTreeMap::new();
    let mut since = Instant::now();
    let mut number = 0_u64;
    loop {
        let (mut ended, mut rows) = (false, 0);
        match receiver.try_recv() {
            Ok(noted) => {
                let key = (noted.served.name.clone(), noted.served.version);
                rows = match waiting.entry(key) {
                    Entry::Vacant(vacant) => vacant.insert(noted).at.len(),
                    Entry::Occupied(mut waiting) => {
                        waiting.get_mut().append(noted);
                        waiting.get().at.len()
                    }
                };
            }
            Err(mpsc::error::TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(50)),
            Err(mpsc::error::TryRecvError::Disconnected) => ended = true,
        }
        if ended || rows >= ROWS || (since.elapsed() >= TIME && !waiting.is_empty()) {
            for noted in std::mem::take(&mut waiting).into_values() {
                number += 1;
                // A full disk costs the log, never an answer.
                let _ = write_file(noted, number, settings);
            }
            since = Instant::now();
        }
        if ended {
            return;
        }
    }
}

fn write_file(noted: Noted, number: u64, settings: &LogSettings) -> Result<(), DataError> {
    let folder = settings.folder.join(safe(&noted.served.name));
    fs::create_dir_all(&folder).map_err(|error| DataError::file(&folder, &error))?;
    let at = noted.at.first().copied().unwrap_or_default();
    let file = folder.join(format!("{at:020}-{}-{number:06}.parquet", noted.served.version));
    write::write(&table(noted)?, &file)?;
    give_up_oldest(&folder, settings.bytes).map_err(|error| DataError::file(&folder, &error))
}

/// A model's name as a folder's: nothing that leads elsewhere.
fn safe(name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    name.chars().map(kept).collect()
}

/// The noted requests as a table: when, which version, the inputs, the outputs.
fn table(noted: Noted) -> Result<Table, DataError> {
    let rows = noted.at.len();
    let version = i64::try_from(noted.served.version).unwrap_or(i64::MAX);
    let at = TimestampMicrosecondArray::from(noted.at).with_timezone("UTC");
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("request.at".to_owned(), Arc::new(at)),
        ("request.version".to_owned(), Arc::new(Int64Array::from(vec![version; rows]))),
    ];
    for (slot, values) in noted.served.slots.iter().zip(&noted.asked) {
        columns.push((slot.name.clone(), array(values, slot.column_type, slot.utc)));
    }
    for (name, kept) in noted.told {
        let array: ArrayRef = match kept {
            Kept::Numbers(values) => Arc::new(Float64Array::from(values)),
            Kept::Whole(values) => Arc::new(Int64Array::from(values)),
            Kept::Texts(values) => Arc::new(StringArray::from(values)),
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
