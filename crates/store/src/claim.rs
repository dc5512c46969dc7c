//! One piece of work, one worker: a lock file per fingerprint, across threads and processes.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use trainyard_core::digest::Digest;

use crate::error::StoreError;

/// The sole right to do the work of one fingerprint, until dropped. The system releases it when the process dies.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// Holds the lock while it is open.
    _file: File,
}

impl Claim {
    pub(crate) fn wait(folder: &Path, of: &Digest, cancelled: &dyn Fn() -> bool) -> Result<Self, StoreError> {
        let path = folder.join(of.to_string());
        let mut pause = Duration::from_millis(1);
        loop {
            match Self::attempt(&path) {
                Ok(Some(claim)) => return Ok(claim),
                Ok(None) if cancelled() => return Err(StoreError::cancelled()),
                Ok(None) => thread::sleep(pause),
                Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => {
                    fs::create_dir_all(folder).map_err(|error| StoreError::io("make", folder, &error))?;
                }
                Err(error) => return Err(StoreError::io("lock", &path, &error)),
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    fn attempt(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Between opening and locking, the one before may have removed the file: a lock on it guards nothing, as
            // the next one makes a new file of that name.
            if is_still_named(&file, path)? {
                return Ok(Some(Self { path: path.to_owned(), _file: file }));
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Removed while still locked; a left-over file does no harm.
        fs::remove_file(&self.path).ok();
    }
}

fn is_still_named(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok(named.ino() == ours.ino() && named.dev() == ours.dev()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn never() -> bool {
        false
    }

    #[test]
    fn excludes_others_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"work");
        let claim = Claim::wait(folder.path(), &digest, &never).unwrap();
        assert_eq!(Claim::wait(folder.path(), &digest, &|| true).unwrap_err().code, "cancelled");
        drop(Claim::wait(folder.path(), &Digest::of(b"other"), &|| true).unwrap());
        drop(claim);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        drop(Claim::wait(folder.path(), &digest, &|| true).unwrap());
    }

    #[test]
    fn a_removed_file_guards_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let old = File::create(&path).unwrap();
        assert!(is_still_named(&old, &path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!is_still_named(&old, &path).unwrap());
        let _new = File::create(&path).unwrap();
        assert!(!is_still_named(&old, &path).unwrap());
    }

    #[test]
    fn never_two_at_once_whoever_removes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let inside = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..300 {
                        let claim = Claim::wait(folder.path(), &Digest::of(b"work"), &never).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(claim);
                    }
                });
            }
        });
    }
}
