//! The catalog's versions: each migration is a script that brings it one version further.

use std::path::Path;

use sqlx::SqliteConnection;

use super::{block_on, busy_again, column, execute, told};
use crate::error::StoreError;

/// The scripts; the first makes version 1. A published one never changes.
const MIGRATIONS: [&str; 5] = [
    include_str!("../../migrations/0001_first.sql"),
    include_str!("../../migrations/0002_trials.sql"),
    include_str!("../../migrations/0003_deployments.sql"),
    include_str!("../../migrations/0004_tracking.sql"),
    include_str!("../../migrations/0005_access.sql"),
];

/// The version this program writes.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// The mark of our files, "TYCD".
const APPLICATION: i64 = 0x5459_4344;

/// Brings the catalog to [`VERSION`].
pub(super) fn bring_up_to_date(path: &Path, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    if checked_version(path, connection)? == VERSION {
        return Ok(());
    }
    execute(path, connection, "BEGIN IMMEDIATE")?;
    let done = migrate(path, connection);
    if done.is_err() {
        execute(path, connection, "ROLLBACK").ok();
    }
    done
}

/// Refuses a catalog that cannot be read as [`VERSION`].
pub(super) fn check_readable(path: &Path, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let version = checked_version(path, connection)?;
    if version < VERSION {
        let what = format!("the store `{}` has version {version}, older than {VERSION}", path.display());
        return Err(StoreError::new("store-too-old", what).help("any run in it brings it up to date"));
    }
    Ok(())
}

fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    // Another process may have done it while this one waited to begin.
    let version = checked_version(path, connection)?;
    for (script, to) in MIGRATIONS.iter().zip(1..) {
        if to > version {
            execute(path, connection, script)?;
        }
    }
    execute(path, connection, &format!("PRAGMA user_version = {VERSION}; COMMIT"))
}

fn checked_version(path: &Path, connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let facts = "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master) AS tables \
                 FROM pragma_user_version, pragma_application_id";
    let row = busy_again(|| block_on(sqlx::query(facts).fetch_one(&mut *connection)));
    let row = row.map_err(|error| told(path, &error))?;
    let version: i64 = column(&row, "user_version")?;
    let ours = column::<i64>(&row, "application_id")? == APPLICATION;
    let empty = version == 0 && column::<i64>(&row, "tables")? == 0;
    if !ours && !empty {
        let what = format!("`{}` is a database of another program", path.display());
        return Err(StoreError::new("store-broken", what).help("name another store with `--store`"));
    }
    if version > VERSION {
        let what = format!(
            "the store `{}` was written by a newer trainyard: version {version}, and this one knows {VERSION}",
            path.display()
        );
        return Err(StoreError::new("store-too-new", what)
            .help("use the newer trainyard, or name another store with `--store`"));
    }
    Ok(version)
}
