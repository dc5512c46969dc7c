//! Private files that tables lie in.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::error::DataError;

/// A private file, removed when dropped.
#[derive(Debug)]
pub(crate) struct Held(PathBuf);

impl Held {
    /// An empty file in `folder`, which is made if it is not there.
    pub(crate) fn new(folder: &Path) -> Result<(Self, File), DataError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let failed = |path: &Path, error: io::Error| {
            let full = error.kind() == io::ErrorKind::StorageFull;
            let code = if full { "disk-full" } else { "io" };
            DataError::new(code, format!("cannot write `{}`: {error}", path.display()))
        };
        fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("table-{}-{count}.parquet", std::process::id()));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Self(path), file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&path, error)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // What cannot be removed goes with the folder, at the end of the run.
        drop(fs::remove_file(&self.0));
    }
}
