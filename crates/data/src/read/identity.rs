//! What a file holds now, as a digest of its bytes.
//!
//! A run asks several times. The answer is remembered as long as the system says that nobody has touched the file: same
//! file, size and times of change. A file touched within the clock's grain before it was hashed could change again
//! without a trace, so only the digest of one that has been left alone for a while is remembered.

use std::{
    collections::HashMap,
    fs::{File, Metadata},
    io::Read,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use trainyard_core::Digest;

use crate::error::DataError;

/// Bytes read at a time: they stay in the processor's cache until they are hashed, and are enough for all processors.
const CHUNK: usize = 1 << 20;

/// Files larger than this are hashed in larger pieces.
const LARGE: u64 = 64 << 20;

/// A file that nobody touched for so long does not change within one tick of the file system's clock.
const SETTLED: Duration = Duration::from_secs(2);

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    file: (u64, u64),
    size: u64,
    changed: [i64; 4],
}

impl State {
    fn of(meta: &Metadata) -> Self {
        let changed = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
        Self { file: (meta.dev(), meta.ino()), size: meta.size(), changed }
    }

    /// Nobody touched it for a while before `now`.
    fn is_settled(&self, now: SystemTime) -> bool {
        let Some(limit) = now.checked_sub(SETTLED).and_then(|limit| limit.duration_since(SystemTime::UNIX_EPOCH).ok())
        else {
            return false;
        };
        let limit = i64::try_from(limit.as_secs()).unwrap_or(0);
        self.changed[0] < limit && self.changed[2] < limit
    }
}

static KNOWN: LazyLock<Mutex<HashMap<State, Digest>>> = LazyLock::new(Mutex::default);

/// The digest of a file's bytes, whatever its size; hashed in parallel.
///
/// # Errors
/// `file-not-found` with the nearest name, `io`.
pub fn content_digest(file: &Path) -> Result<Digest, DataError> {
    let failed = |error: std::io::Error| DataError::file(file, &error);
    let reader = File::open(file).map_err(failed)?;
    let before = State::of(&reader.metadata().map_err(failed)?);
    if let Some(known) = known(&before) {
        return Ok(known);
    }
    let now = SystemTime::now();
    let digest = hash(&reader, before.size).map_err(failed)?;
    if before.is_settled(now) && State::of(&reader.metadata().map_err(failed)?) == before {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(before, digest);
    }
    Ok(digest)
}

/// The digest of a file's bytes if they have been hashed and nobody touched the file since.
pub(crate) fn remembered(file: &Path) -> Option<Digest> {
    known(&State::of(&file.metadata().ok()?))
}

fn known(state: &State) -> Option<Digest> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(state).copied()
}

fn hash(mut reader: &File, size: u64) -> std::io::Result<Digest> {
    let chunk = if size > LARGE { 8 * CHUNK } else { CHUNK };
    let mut buffer = vec![0; usize::try_from(size).unwrap_or(chunk).clamp(1, chunk)];
    let mut hasher = blake3::Hasher::new();
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match reader.read(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            return Ok(Digest::from_bytes(*hasher.finalize().as_bytes()));
        }
        // Below this, waking other threads costs more than it saves.
        if filled > 128 << 10 {
            hasher.update_rayon(&buffer[..filled]);
        } else {
            hasher.update(&buffer[..filled]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_blake3_of_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bytes");
        let bytes: Vec<u8> = (0..CHUNK + 12_345).map(|index| (index % 251) as u8).collect();
        std::fs::write(&file, &bytes).unwrap();
        assert_eq!(content_digest(&file).unwrap(), Digest::of(&bytes));
        assert_eq!(remembered(&file), None, "it was written just now");
        assert_eq!(content_digest(&folder.path().join("byte")).unwrap_err().code, "file-not-found");
    }

    #[test]
    fn is_remembered_until_the_file_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bytes");
        std::fs::write(&file, "one").unwrap();
        let state = State::of(&file.metadata().unwrap());
        let later = SystemTime::now() + Duration::from_secs(60);
        assert!(!state.is_settled(SystemTime::now()) && state.is_settled(later));
        KNOWN.lock().unwrap().insert(state, Digest::of(b"pretended"));
        assert_eq!(content_digest(&file).unwrap(), Digest::of(b"pretended"));
        std::fs::write(&file, "two").unwrap();
        let old = std::fs::FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
        File::options().write(true).open(&file).unwrap().set_times(old).unwrap();
        assert_eq!(content_digest(&file).unwrap(), Digest::of(b"two"), "the time of change cannot be set");
    }
}
