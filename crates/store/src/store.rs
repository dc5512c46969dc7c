//! The store as a whole: its folder, opening and closing it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    blobs::Blobs,
    catalog::{Catalog, rows::ArtifactRow},
    error::StoreError,
    presence::Presence,
    session::Session,
    tracking::MetricLog,
};

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reading and writing; made if there is none.
    Write,
    /// Reading only; works in a folder that cannot be written.
    Read,
}

/// An open store. Usable from many threads; many processes may have it open at once.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    mode: Mode,
    blobs: Blobs,
    pub(crate) catalog: Catalog,
    pub(crate) metric_log: Arc<MetricLog>,
}

impl Store {
    /// Opens the store in the folder `root`; with [`Mode::Write`], makes it or brings it to this version first.
    ///
    /// # Errors
    /// `store-not-found` (when reading), `store-too-new`, `store-too-old` (when reading), `store-read-only`,
    /// `store-broken` when the catalog is not one, `disk-full`, `store-io`.
    pub fn open(root: &Path, mode: Mode) -> Result<Self, StoreError> {
        let blobs = Blobs::at(root);
        let catalog = match mode {
            Mode::Read => Catalog::open_to_read(root)?,
            Mode::Write => {
                let corner = root.join("in-use.lock");
                if !corner.exists() {
                    for folder in ["blobs", "tmp", "locks"] {
                        let folder = root.join(folder);
                        fs::create_dir_all(&folder).map_err(|error| StoreError::io("make", &folder, &error))?;
                    }
                }
                // Fails at once where nothing can be written, rather than in the middle of a run.
                Presence::probe(&corner)?;
                Catalog::open_to_write(root)?
            }
        };
        // Another process may have left some when it was killed.
        let metric_log = Arc::new(MetricLog::unfolded(mode == Mode::Write));
        Ok(Self { root: root.to_owned(), mode, blobs, catalog, metric_log })
    }

    /// Closes it and waits until its files are released. Dropping it also releases them, a little later.
    ///
    /// # Errors
    /// When the catalog's last write fails.
    pub fn close(self) -> Result<(), StoreError> {
        self.catalog.close()
    }

    /// Leaves it open until the process ends, for a command that ends right now: closing would write the catalog's log
    /// into its file and wait for the disk. Nothing is lost; the next opening goes on with the log.
    pub fn leave(self) {
        self.catalog.leave();
    }

    /// The folder it is in.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What it was opened for.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The blobs: paths, reading, verifying.
    #[must_use]
    pub const fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Starts a stay during which nothing is collected; waits while a collection is going on.
    ///
    /// # Errors
    /// `cancelled` once `cancelled` says so; `store-read-only` when opened for reading or not writable.
    pub fn session(&self, cancelled: &dyn Fn() -> bool) -> Result<Session<'_>, StoreError> {
        self.must_write()?;
        Ok(Session::new(self, Presence::shared(&self.presence(), cancelled)?))
    }

    /// Whether anyone is at work in the store: a run, or for a moment someone else. What is recorded as under way while
    /// nobody is has died. True where that cannot be told.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.mode == Mode::Read || Presence::alone(&self.presence()).is_err()
    }

    /// The path of each file of an artifact.
    #[must_use]
    pub fn files(&self, row: &ArtifactRow) -> std::collections::BTreeMap<String, PathBuf> {
        row.files.iter().map(|file| (file.name.clone(), self.blobs.path(&file.blob))).collect()
    }

    /// True when every file of the artifact is there at its length. Its bytes are not read.
    #[must_use]
    pub fn is_whole(&self, row: &ArtifactRow) -> bool {
        row.files.iter().all(|file| self.blobs.has(&file.blob, file.bytes))
    }

    pub(crate) fn must_write(&self) -> Result<(), StoreError> {
        match self.mode {
            Mode::Write => Ok(()),
            Mode::Read => Err(StoreError::read_only(&self.root)),
        }
    }

    pub(crate) fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    pub(crate) fn presence(&self) -> PathBuf {
        self.root.join("in-use.lock")
    }
}
