//! Bytes kept under the BLAKE3 digest of themselves, each blob a read-only file.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use trainyard_core::digest::Digest;

use crate::error::StoreError;

/// Bytes gathered before they are hashed and written.
const BUFFER: usize = 256 * 1024;

/// The blobs of a store.
#[derive(Clone, Debug)]
pub struct Blobs {
    root: PathBuf,
}

/// What verifying a blob found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// Its bytes have the digest they are named by.
    Sound {
        /// Its length.
        bytes: u64,
    },
    /// It is not there.
    Missing,
    /// Its bytes are others, or cannot be read.
    Corrupt {
        /// Where it was moved to, out of everyone's way; nowhere when the store cannot be written.
        moved: Option<PathBuf>,
    },
}

impl Blobs {
    /// The blobs of the store in `root`.
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The path of the blob of that digest, whether it is there or not.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.to_string();
        let (shard, rest) = hex.split_at(2);
        self.folder().join(shard).join(rest)
    }

    /// True when the blob is there and has that many bytes. They are not read.
    #[must_use]
    pub fn has(&self, digest: &Digest, bytes: u64) -> bool {
        fs::metadata(self.path(digest)).is_ok_and(|found| found.is_file() && found.len() == bytes)
    }

    /// Its bytes.
    ///
    /// # Errors
    /// `missing-blob` when it is not there; `store-io`.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let path = self.path(digest);
        fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => missing(digest),
            _ => StoreError::io("read", &path, &error),
        })
    }

    /// Hashes the blob again. A corrupt one is moved to `<root>/corrupt/`, so that from now on it counts as missing.
    ///
    /// # Errors
    /// When a corrupt blob can neither stay nor be moved for a reason other than a store that cannot be written.
    pub fn verify(&self, digest: &Digest) -> Result<Soundness, StoreError> {
        let path = self.path(digest);
        match hash_of(&path) {
            Ok((found, bytes)) if found == *digest => Ok(Soundness::Sound { bytes }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Soundness::Missing),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(StoreError::io("read", &path, &error)),
            // An unreadable sector is as bad as a wrong one.
            Ok(_) | Err(_) => Ok(Soundness::Corrupt { moved: self.set_aside(digest, &path)? }),
        }
    }

    /// A new blob to write into.
    pub(crate) fn writer(&self) -> Result<BlobWriter, StoreError> {
        let (temporary, file) = Temporary::new(&self.tmp())?;
        let hashing = Hashing { file, hasher: blake3::Hasher::new(), bytes: 0 };
        let writer = BufWriter::with_capacity(BUFFER, hashing);
        Ok(BlobWriter { blobs: self.clone(), writer, temporary, failure: None })
    }

    /// Keeps bytes; writes nothing when they are already there.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if !self.has(&digest, bytes.len() as u64) {
            let mut writer = self.writer()?;
            writer.write_all(bytes).map_err(|error| StoreError::io("write", &writer.temporary.0, &error))?;
            writer.finish()?;
        }
        Ok(digest)
    }

    /// Keeps a file that never changes again: by another name for it where the file system allows that, else by a copy.
    /// Writes nothing when its bytes, whose digest is `digest` if known, are already there.
    pub(crate) fn adopt(&self, path: &Path, digest: Option<Digest>) -> Result<(Digest, u64), StoreError> {
        let told = |error| StoreError::io("read", path, &error);
        let bytes = fs::metadata(path).map_err(told)?.len();
        if let Some(digest) = digest.filter(|digest| self.has(digest, bytes)) {
            return Ok((digest, bytes));
        }
        let temporary = Temporary::link(&self.tmp(), path)?;
        let told = |error| StoreError::io("write", &temporary.0, &error);
        let file = File::open(&temporary.0).map_err(told)?;
        let digest = match digest {
            Some(digest) => digest,
            None => hash_of(&temporary.0).map_err(told)?.0,
        };
        file.set_permissions(fs::Permissions::from_mode(0o444)).map_err(told)?;
        self.place(temporary, &file, &digest, bytes)?;
        Ok((digest, bytes))
    }

    /// Every blob on disk with its length. Files that are no blobs are left out.
    pub(crate) fn all(&self) -> Result<BTreeMap<Digest, u64>, StoreError> {
        let mut all = BTreeMap::new();
        for shard in list(&self.folder())? {
            let name = shard.file_name();
            let (Some(first), true) = (name.to_str(), shard.path().is_dir()) else { continue };
            for blob in list(&shard.path())? {
                let digest = blob.file_name().to_str().and_then(|rest| format!("{first}{rest}").parse().ok());
                // One that vanishes meanwhile was another process's to remove.
                if let (Some(digest), Ok(found)) = (digest, blob.metadata()) {
                    all.insert(digest, found.len());
                }
            }
        }
        Ok(all)
    }

    /// Removes a blob; one that is gone already is fine.
    pub(crate) fn remove(&self, digest: &Digest) -> Result<(), StoreError> {
        remove_file(&self.path(digest))
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(crate) fn corrupt(&self) -> PathBuf {
        self.root.join("corrupt")
    }

    fn set_aside(&self, digest: &Digest, path: &Path) -> Result<Option<PathBuf>, StoreError> {
        let folder = self.corrupt();
        let aside = folder.join(digest.to_string());
        match fs::create_dir_all(&folder).and_then(|()| fs::rename(path, &aside)) {
            Ok(()) => Ok(Some(aside)),
            Err(error) => match StoreError::io("move", path, &error) {
                error if error.code == "store-read-only" => Ok(None),
                error => Err(error),
            },
        }
    }

    fn place(&self, temporary: Temporary, file: &File, digest: &Digest, bytes: u64) -> Result<(), StoreError> {
        if self.has(digest, bytes) {
            return Ok(());
        }
        let path = self.path(digest);
        let told = |error| StoreError::io("write", &path, &error);
        file.sync_all().map_err(told)?;
        let shard = self.folder().join(&digest.to_string()[..2]);
        if !shard.is_dir() {
            fs::create_dir_all(&shard).map_err(told)?;
            sync_folder(&self.folder()).map_err(told)?;
        }
        fs::rename(&temporary.0, &path).map_err(told)?;
        temporary.moved();
        // Without this a power cut could take the name away again although the catalog tells of it.
        sync_folder(&shard).map_err(told)
    }
}

/// A blob being written. Dropped without [`BlobWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    writer: BufWriter<Hashing>,
    temporary: Temporary,
    failure: Option<StoreError>,
}

impl BlobWriter {
    /// Why the last write failed, if one did: says more than the error that came back through a codec.
    #[must_use]
    pub const fn failure(&self) -> Option<&StoreError> {
        self.failure.as_ref()
    }

    /// Makes the blob durable under the digest of its bytes; returns that and its length.
    ///
    /// # Errors
    /// `disk-full`, `store-read-only`, `store-io`.
    pub fn finish(self) -> Result<(Digest, u64), StoreError> {
        let Self { blobs, writer, temporary, .. } = self;
        let hashing = writer.into_inner().map_err(|error| StoreError::io("write", &temporary.0, error.error()))?;
        let digest = Digest::from_bytes(*hashing.hasher.finalize().as_bytes());
        blobs.place(temporary, &hashing.file, &digest, hashing.bytes)?;
        Ok((digest, hashing.bytes))
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes).inspect_err(|error| {
            self.failure = Some(StoreError::io("write", &self.temporary.0, error));
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nobody can see the file yet, so a flush has no one to serve.
        Ok(())
    }
}

#[derive(Debug)]
struct Hashing {
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that is removed unless it was moved away.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Temporary {
    fn new(folder: &Path) -> Result<(Self, File), StoreError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{count}", process::id()));
            // Read-only from the start: the mode binds later openings, not this one.
            match OpenOptions::new().write(true).create_new(true).mode(0o444).open(&path) {
                Ok(file) => return Ok((Self(path), file)),
                // Left by a dead process of the same number, or a live one in another container.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => {
                    fs::create_dir_all(folder).map_err(|error| StoreError::io("make", folder, &error))?;
                }
                Err(error) => return Err(StoreError::io("write", &path, &error)),
            }
        }
    }

    /// A new name for the file at `path`, or for a copy of it where it cannot have another.
    fn link(folder: &Path, path: &Path) -> Result<Self, StoreError> {
        let (temporary, mut file) = Self::new(folder)?;
        // A name that is taken cannot be linked to.
        remove_file(&temporary.0)?;
        if fs::hard_link(path, &temporary.0).is_ok() {
            return Ok(temporary);
        }
        drop(file);
        (file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o444)
            .open(&temporary.0)
            .map_err(|error| StoreError::io("write", &temporary.0, &error))?);
        let mut from = File::open(path).map_err(|error| StoreError::io("read", path, &error))?;
        io::copy(&mut from, &mut file).map_err(|error| StoreError::io("write", &temporary.0, &error))?;
        Ok(temporary)
    }

    fn moved(mut self) {
        self.0 = PathBuf::new();
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // What cannot be removed now is swept up by the next collection.
            fs::remove_file(&self.0).ok();
        }
    }
}

/// The entries of a folder; none when it is not there.
pub(crate) fn list(folder: &Path) -> Result<Vec<fs::DirEntry>, StoreError> {
    match fs::read_dir(folder).and_then(Iterator::collect) {
        Ok(entries) => Ok(entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(StoreError::io("list", folder, &error)),
    }
}

/// Removes a file; one that is gone already is fine.
pub(crate) fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, &error)),
        _ => Ok(()),
    }
}

pub(crate) fn missing(digest: &Digest) -> StoreError {
    StoreError::new("missing-blob", format!("blob {} is not in the store", digest.short()))
        .help("run the pipeline again: what is missing is made anew")
}

fn hash_of(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 4 * BUFFER];
    let mut bytes = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => return Ok((Digest::from_bytes(*hasher.finalize().as_bytes()), bytes)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        hasher.update_rayon(&buffer[..read]);
        bytes += read as u64;
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
