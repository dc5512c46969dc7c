//! Empty folders lent to running steps.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use trainyard_core::StepError;
use trainyard_store::Store;

/// The scratch folders of a run, all gone when it is dropped.
pub(crate) struct Scratch {
    root: PathBuf,
    count: AtomicUsize,
    /// Folders that came back empty, as nearly all do: making and removing one is the dearest part of a small step.
    empty: Mutex<Vec<PathBuf>>,
}

impl Scratch {
    /// Folders for a run; none is made before it is asked for.
    pub(crate) fn new(store: &Store, run: &str) -> Self {
        let root = store.root().join("tmp").join(format!("run-{run}"));
        // A step may start a program in another folder, for which a relative path would be wrong.
        let root = std::path::absolute(&root).unwrap_or(root);
        Self { root, count: AtomicUsize::new(0), empty: Mutex::default() }
    }

    /// Where files lie from which values are read; not made before there is one.
    pub(crate) fn held(&self) -> PathBuf {
        self.root.join("held")
    }

    /// An empty folder.
    ///
    /// # Errors
    /// `io` when none can be made.
    pub(crate) fn lend(&self) -> Result<Lent<'_>, StepError> {
        let empty = self.empty.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(folder) = empty {
            return Ok(Lent { scratch: self, folder });
        }
        let folder = self.root.join(self.count.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir_all(&folder)
            .map_err(|error| StepError::new("io", format!("cannot make the folder `{}`: {error}", folder.display())))?;
        Ok(Lent { scratch: self, folder })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.root.exists() {
            // What cannot be removed is not worth a failure.
            fs::remove_dir_all(&self.root).ok();
        }
    }
}

/// A folder that is emptied and given back when dropped.
pub(crate) struct Lent<'a> {
    scratch: &'a Scratch,
    folder: PathBuf,
}

impl Lent<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if fs::read_dir(&self.folder).is_ok_and(|mut entries| entries.next().is_none()) {
            let mut empty = self.scratch.empty.lock().unwrap_or_else(PoisonError::into_inner);
            empty.push(std::mem::take(&mut self.folder));
        } else {
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}
