//! Who is in the store: many may be at work in it, or one may collect garbage.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    thread,
    time::Duration,
};

use crate::error::StoreError;

/// A lock on the whole store, until dropped. The system releases it when the process dies.
#[derive(Debug)]
pub(crate) struct Presence {
    _file: File,
}

impl Presence {
    /// Fails where the store cannot be written.
    pub(crate) fn probe(path: &Path) -> Result<(), StoreError> {
        open(path).map(drop)
    }

    /// Joins those at work; waits for the end of a collection.
    pub(crate) fn shared(path: &Path, cancelled: &dyn Fn() -> bool) -> Result<Self, StoreError> {
        let file = open(path)?;
        loop {
            match file.try_lock_shared() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if cancelled() => return Err(StoreError::cancelled()),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(20)),
                Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path, &error)),
            }
        }
    }

    /// Has the store alone.
    pub(crate) fn alone(path: &Path) -> Result<Self, StoreError> {
        let file = open(path)?;
        // A process that is just being started holds a copy of every lock for an instant.
        for _ in 0..10 {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
                Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path, &error)),
            }
        }
        Err(StoreError::new("store-busy", "a run is going on in this store")
            .help("try again when it has ended; `--dry-run` works meanwhile"))
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| StoreError::io("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_work_or_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in-use.lock");
        let first = Presence::shared(&path, &|| true).unwrap();
        let second = Presence::shared(&path, &|| true).unwrap();
        assert_eq!(Presence::alone(&path).unwrap_err().code, "store-busy");
        drop((first, second));
        let alone = Presence::alone(&path).unwrap();
        assert_eq!(Presence::shared(&path, &|| true).unwrap_err().code, "cancelled");
        drop(alone);
        Presence::shared(&path, &|| true).unwrap();
    }
}
