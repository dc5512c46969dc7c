//! The catalog's connection: SQLite through sqlx, behind calls that block.
//!
//! Each call to sqlx wakes its worker thread, which costs more than most of our queries. So a write is one script
//! (`BEGIN … COMMIT`) whose rows come as JSON arrays, one parameter a statement, and a read asks for all it needs at
//! once. In a script every parameter is a bare `?`: sqlx hands them out in order over all statements, but counts gaps
//! in the numbering of one statement against the next.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod cache;
mod deployments;
mod lineage;
pub(crate) mod listing;
mod migrations;
mod models;
mod points;
pub(crate) mod rows;
mod runs;
mod trials;

use std::{
    fs,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Mutex},
    task::{self, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use serde::Serializer as _;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, Row, SqlSafeStr, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};

use crate::{error::StoreError, session::lock};

/// How long SQLite itself waits for another writer.
const BUSY: Duration = Duration::from_secs(5);
/// How often a busy catalog is tried again after that, with growing pauses: about half a minute in all.
const ATTEMPTS: u32 = 6;

/// The open catalog.
#[derive(Debug)]
pub(crate) struct Catalog {
    path: PathBuf,
    connection: Mutex<SqliteConnection>,
    /// Where it is read from a copy; removed with it.
    _copy: Option<tempfile::TempDir>,
}

impl Catalog {
    /// Opens it for writing: makes it, or brings it to this version, where needed.
    pub(crate) fn open_to_write(root: &Path) -> Result<Self, StoreError> {
        let path = file_in(root);
        let options = writing(options(&path)).create_if_missing(true);
        let mut connection = connect(&path, &options)?;
        migrations::bring_up_to_date(&path, &mut connection)?;
        Ok(Self { path, connection: Mutex::new(connection), _copy: None })
    }

    /// Opens it for reading, also where nothing can be written.
    pub(crate) fn open_to_read(root: &Path) -> Result<Self, StoreError> {
        let path = file_in(root);
        if !path.exists() {
            return Err(StoreError::new("store-not-found", format!("there is no store in `{}`", root.display()))
                .help("a run makes one; or name another with `--store`"));
        }
        let options = options(&path).read_only(true);
        let opened = connect(&path, &options).and_then(|mut connection| {
            migrations::check_readable(&path, &mut connection)?;
            Ok(connection)
        });
        let connection = match opened {
            // SQLite wants to write its index of the log even to read.
            Err(error) if error.code == "store-read-only" => return Self::open_unwritable(path, options),
            other => other?,
        };
        Ok(Self { path, connection: Mutex::new(connection), _copy: None })
    }

    /// Opens a catalog that no one can be writing. Without a log, the file alone is the whole of it; with one, as a
    /// command leaves it behind, it is read from a copy.
    fn open_unwritable(path: PathBuf, options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let log = path.with_extension("db-wal");
        let (options, copy) = if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            let copy = tempfile::tempdir().map_err(|error| StoreError::io("copy", &path, &error))?;
            let copied = file_in(copy.path());
            fs::copy(&path, &copied)
                .and_then(|_| fs::copy(&log, copied.with_extension("db-wal")))
                .map_err(|error| StoreError::io("copy", &path, &error))?;
            (options.filename(copied).read_only(false), Some(copy))
        } else {
            (options.immutable(true), None)
        };
        let mut connection = connect(&path, &options)?;
        migrations::check_readable(&path, &mut connection)?;
        Ok(Self { path, connection: Mutex::new(connection), _copy: copy })
    }

    pub(crate) fn close(self) -> Result<(), StoreError> {
        let connection = self.connection.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        block_on(connection.close()).map_err(|error| told(&self.path, &error))
    }

    pub(crate) fn leave(self) {
        std::mem::forget(self.connection);
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The rows of one statement; `arguments` are `?1`, `?2`, …
    pub(crate) fn rows(&self, sql: &'static str, arguments: &[&str]) -> Result<Vec<SqliteRow>, StoreError> {
        let mut connection = lock(&self.connection);
        let rows = busy_again(|| {
            let query = arguments.iter().fold(sqlx::query(sql), |query, argument| query.bind((*argument).to_owned()));
            block_on(query.fetch_all(&mut *connection))
        });
        rows.map_err(|error| told(&self.path, &error))
    }

    /// The first row of one statement.
    pub(crate) fn row(&self, sql: &'static str, arguments: &[&str]) -> Result<Option<SqliteRow>, StoreError> {
        Ok(self.rows(sql, arguments)?.into_iter().next())
    }

    /// The rows of one statement put together here; values from outside are its arguments.
    pub(crate) fn made(&self, sql: String, arguments: &[Bind]) -> Result<Vec<SqliteRow>, StoreError> {
        let mut connection = lock(&self.connection);
        busy_again(|| fetch(&mut connection, AssertSqlSafe(sql.clone()), arguments))
            .map_err(|error| told(&self.path, &error))
    }

    /// The rows of one statement with arguments of any type.
    pub(crate) fn bound(&self, sql: &'static str, arguments: &[Bind]) -> Result<Vec<SqliteRow>, StoreError> {
        let mut connection = lock(&self.connection);
        busy_again(|| fetch(&mut connection, sql, arguments)).map_err(|error| told(&self.path, &error))
    }

    /// What `work` writes happens when it succeeds; otherwise nothing does. No one else writes meanwhile.
    pub(crate) fn transaction<T>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = lock(&self.connection);
        let mut statement = |sql: &'static str| {
            busy_again(|| block_on(connection.execute(sql))).map(drop).map_err(|error| told(&self.path, &error))
        };
        statement("BEGIN IMMEDIATE")?;
        let done = work(&mut Transaction { path: &self.path, connection: &mut connection });
        let mut statement = |sql: &'static str| {
            busy_again(|| block_on(connection.execute(sql))).map(drop).map_err(|error| told(&self.path, &error))
        };
        let done = done.and_then(|value| statement("COMMIT").map(|()| value));
        if done.is_err() {
            statement("ROLLBACK").ok();
        }
        done
    }

    /// Runs a script that begins with `BEGIN IMMEDIATE` and ends its transaction: all of it happens, or nothing. Each
    /// of its `?` in turn is one of `arguments`. Returns the rows of its queries.
    pub(crate) fn script(&self, sql: &'static str, arguments: &[Argument]) -> Result<Vec<SqliteRow>, StoreError> {
        let mut connection = lock(&self.connection);
        let rows = busy_again(|| {
            block_on(async {
                let query =
                    arguments.iter().fold(sqlx::query(sql), |query, Argument(text)| query.bind(Arc::clone(text)));
                let rows = query.fetch_all(&mut *connection).await;
                if rows.is_err() {
                    // Fails where SQLite has rolled back by itself, as it does on a full disk.
                    connection.execute("ROLLBACK").await.ok();
                }
                rows
            })
        });
        rows.map_err(|error| told(&self.path, &error))
    }
}

/// An argument of a statement made at run time.
#[derive(Clone, Debug)]
pub(crate) enum Bind {
    Text(String),
    Integer(i64),
    Real(f64),
    Null,
}

impl Bind {
    pub(crate) fn optional(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Bind {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// The rows of one statement, whose text holds no value from outside: those are its arguments.
fn fetch(
    connection: &mut SqliteConnection,
    sql: impl SqlSafeStr,
    arguments: &[Bind],
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    let query = arguments.iter().fold(sqlx::query(sql), |query, argument| match argument {
        Bind::Text(text) => query.bind(text.clone()),
        Bind::Integer(number) => query.bind(*number),
        Bind::Real(number) => query.bind(*number),
        Bind::Null => query.bind(None::<String>),
    });
    block_on(query.fetch_all(connection))
}

/// Several statements that happen together or not at all, with looks in between.
pub(crate) struct Transaction<'c> {
    path: &'c Path,
    connection: &'c mut SqliteConnection,
}

impl Transaction<'_> {
    /// The rows of one statement.
    pub(crate) fn rows(&mut self, sql: &'static str, arguments: &[Bind]) -> Result<Vec<SqliteRow>, StoreError> {
        fetch(self.connection, sql, arguments).map_err(|error| told(self.path, &error))
    }

    /// The same for a text put together here.
    pub(crate) fn made(&mut self, sql: String, arguments: &[Bind]) -> Result<Vec<SqliteRow>, StoreError> {
        fetch(self.connection, AssertSqlSafe(sql), arguments).map_err(|error| told(self.path, &error))
    }

    /// The first row of one statement.
    pub(crate) fn row(&mut self, sql: &'static str, arguments: &[Bind]) -> Result<Option<SqliteRow>, StoreError> {
        Ok(self.rows(sql, arguments)?.into_iter().next())
    }
}

/// A connection whose scripts are awaited, for writes that come often.
#[derive(Debug)]
pub(crate) struct Writer {
    path: PathBuf,
    connection: SqliteConnection,
}

impl Writer {
    /// Opens it beside the connection that brought the catalog to this version.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = writing(options(path)).connect().await;
        Ok(Self { path: path.to_owned(), connection: opened.map_err(|error| told(path, &error))? })
    }

    /// As [`Catalog::script`].
    pub(crate) async fn script(
        &mut self,
        sql: &'static str,
        arguments: &[Argument],
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let query = arguments.iter().fold(sqlx::query(sql), |query, Argument(text)| query.bind(Arc::clone(text)));
        let rows = query.fetch_all(&mut self.connection).await;
        if rows.is_err() {
            self.connection.execute("ROLLBACK").await.ok();
        }
        rows.map_err(|error| told(&self.path, &error))
    }
}

/// The JSON a statement of a script takes.
#[derive(Debug)]
pub(crate) struct Argument(Arc<String>);

impl Argument {
    /// The rows a statement writes, each a tuple.
    pub(crate) fn rows<T: serde::Serialize>(rows: impl IntoIterator<Item = T>) -> Result<Self, StoreError> {
        let mut text = Vec::new();
        serde_json::Serializer::new(&mut text)
            .collect_seq(rows)
            .map_err(|error| error.to_string())
            .and_then(|()| String::from_utf8(text).map_err(|error| error.to_string()))
            .map(|text| Self(Arc::new(text)))
            .map_err(|error| StoreError::new("store-io", format!("cannot write JSON for the catalog: {error}")))
    }
}

impl Argument {
    /// A number instead, as SQLite takes it from text.
    pub(crate) fn number(number: i64) -> Self {
        Self(Arc::new(number.to_string()))
    }
}

/// A part of a row that is kept as JSON text.
pub(crate) fn text(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::new("store-io", format!("cannot write JSON for the catalog: {error}")))
}

/// A column of a row; `store-broken` when it does not hold what it should.
pub(crate) fn column<'r, T>(row: &'r SqliteRow, name: &str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(name).map_err(|error| StoreError::broken(format!("the catalog's column `{name}`: {error}")))
}

/// A column of text that stands for something else: a digest, a status, JSON.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(row: &SqliteRow, name: &str) -> Result<T, StoreError> {
    let text: &str = column(row, name)?;
    serde_json::from_str(text).map_err(|error| StoreError::broken(format!("the catalog's column `{name}`: {error}")))
}

/// A column of text that names something, such as a digest.
pub(crate) fn named<T: serde::de::DeserializeOwned>(row: &SqliteRow, name: &str) -> Result<T, StoreError> {
    let text: &str = column(row, name)?;
    let deserializer = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text);
    T::deserialize(deserializer)
        .map_err(|error| StoreError::broken(format!("the catalog's column `{name}` holds `{text}`: {error}")))
}

/// True when a constraint on a foreign key refused the write.
pub(crate) fn is_dangling(error: &StoreError) -> bool {
    error.code == DANGLING
}

const DANGLING: &str = "dangling-reference";

fn file_in(root: &Path) -> PathBuf {
    root.join("catalog.db")
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .row_buffer_size(4096)
        .thread_name(|id| format!("catalog-{id}"))
        .disable_statement_logging()
}

fn writing(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        // Each checkpoint waits for the disk twice; rarer ones keep that out of a run's many small writes.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", "67108864")
        .pragma("temp_store", "MEMORY")
}

fn connect(path: &Path, options: &SqliteConnectOptions) -> Result<SqliteConnection, StoreError> {
    // Turning a new file to WAL does not wait for others by itself.
    busy_again(|| block_on(options.connect())).map_err(|error| told(path, &error))
}

/// Runs statements whose text is made here, without parameters.
fn execute(path: &Path, connection: &mut SqliteConnection, sql: &str) -> Result<(), StoreError> {
    let done = busy_again(|| block_on(connection.execute(AssertSqlSafe(sql.to_owned()))));
    done.map(drop).map_err(|error| told(path, &error))
}

fn busy_again<T>(mut attempt: impl FnMut() -> Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
    let mut pause = Duration::from_millis(10);
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(error) if matches!(primary_code(&error), Some(5 | 6)) => thread::sleep(pause),
            other => return other,
        }
        pause *= 3;
    }
    attempt()
}

/// SQLite's result code, see <https://www.sqlite.org/rescode.html>.
fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    code(error).map(|code| code & 0xff)
}

/// The error as people read it.
fn told(path: &Path, error: &sqlx::Error) -> StoreError {
    let shown = path.display();
    match (primary_code(error), error) {
        (Some(5 | 6), _) => StoreError::new("store-busy", format!("others keep `{shown}` locked"))
            .help("try again when the other runs in this store have ended"),
        (Some(8), _) => StoreError::read_only(path),
        // Cannot open: nearly always the log's files beside it, in a folder that cannot be written.
        (Some(14), _) if path.exists() => StoreError::read_only(path),
        (Some(11 | 26), _) => {
            StoreError::new("store-broken", format!("`{shown}` is damaged or no catalog of trainyard: {error}"))
                .help("move it away; the next run makes a new one and does all work again")
        }
        (Some(13), _) => StoreError::full(path),
        _ if code(error) == Some(787) => StoreError::new(DANGLING, "something named in the catalog is not in it"),
        (_, sqlx::Error::Io(error)) => StoreError::io("open", path, error),
        _ => StoreError::new("store-io", format!("the catalog `{shown}`: {error}")),
    }
}

/// Waits for a future on this thread. The worker thread of the connection drives it, so no runtime is needed, and it
/// can be called from within one.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = task::Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests;
