//! What a file holds now, as a digest of its bytes.

use std::{fs::File, io::Read, path::Path};

use trainyard_core::Digest;

use crate::error::DataError;

/// Bytes read at a time: large enough that BLAKE3 works on all processors.
const CHUNK: usize = 8 << 20;

/// The digest of a file's bytes, whatever its size; hashed in parallel.
///
/// # Errors
/// `file-not-found` with the nearest name, `io`.
pub fn content_digest(file: &Path) -> Result<Digest, DataError> {
    let failed = |error: std::io::Error| DataError::file(file, &error);
    let mut reader = File::open(file).map_err(failed)?;
    let length = reader.metadata().map_err(failed)?.len();
    let mut buffer = vec![0; usize::try_from(length).unwrap_or(CHUNK).clamp(1, CHUNK)];
    let mut hasher = blake3::Hasher::new();
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match reader.read(&mut buffer[filled..]).map_err(failed)? {
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
        assert_eq!(content_digest(&folder.path().join("byte")).unwrap_err().code, "file-not-found");
    }
}
