//! What unfinished work keeps so that it can go on: files by the work's fingerprint and a name, replaced as a whole.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::PathBuf,
};

use trainyard_core::digest::Digest;

use crate::{error::StoreError, session::Session, store::Store};

impl Store {
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.root().join("checkpoints")
    }

    /// A fingerprint's files all begin so.
    fn prefix(fingerprint: &Digest) -> String {
        format!("{fingerprint}.")
    }
}

impl Session<'_> {
    /// The checkpoint `name` of the work of that fingerprint, if there is one.
    ///
    /// # Errors
    /// `bad-name`; when it is there and cannot be read.
    pub fn load_checkpoint(&self, fingerprint: &Digest, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.checkpoint(fingerprint, name)?;
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path, &error)),
        }
    }

    /// Keeps a checkpoint in place of the one of that name. A process killed meanwhile leaves the one before.
    ///
    /// # Errors
    /// `bad-name`; when it cannot be written.
    pub fn save_checkpoint(&self, fingerprint: &Digest, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.checkpoint(fingerprint, name)?;
        let folder = self.store.checkpoints();
        fs::create_dir_all(&folder).map_err(|error| StoreError::io("make", &folder, &error))?;
        let written = tempfile::NamedTempFile::new_in(self.root().join("tmp")).and_then(|mut file| {
            file.write_all(bytes)?;
            file.as_file().sync_data()?;
            file.persist(&path).map_err(|error| error.error)
        });
        written.map(drop).map_err(|error| StoreError::io("write", &path, &error))
    }

    /// Removes all checkpoints of the work of that fingerprint: it is done.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn forget_checkpoints(&self, fingerprint: &Digest) -> Result<(), StoreError> {
        let folder = self.store.checkpoints();
        let prefix = Store::prefix(fingerprint);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(StoreError::io("list", &folder, &error)),
        };
        for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)) {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &entry.path(), &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn checkpoint(&self, fingerprint: &Digest, name: &str) -> Result<PathBuf, StoreError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if name.is_empty() || name.len() > 100 || !name.bytes().all(plain) {
            let what = format!("`{}` cannot name a checkpoint", name.escape_debug());
            return Err(StoreError::new("bad-name", what).help("use up to 100 letters, digits, `-`, `_` and `.`"));
        }
        Ok(self.store.checkpoints().join(format!("{}{name}", Store::prefix(fingerprint))))
    }
}

#[cfg(test)]
mod tests {
    use trainyard_core::digest::Digest;

    use crate::{
        maintenance::Keep,
        sample::{never, store},
    };

    #[test]
    fn checkpoints_are_replaced_found_and_forgotten_by_fingerprint() {
        let (_folder, store) = store();
        let session = store.session(&never).unwrap();
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        assert_eq!(session.load_checkpoint(&one, "trees").unwrap(), None);
        session.forget_checkpoints(&one).unwrap();
        session.save_checkpoint(&one, "trees", b"10").unwrap();
        session.save_checkpoint(&one, "trees", b"20").unwrap();
        session.save_checkpoint(&other, "trees", b"1").unwrap();
        assert_eq!(session.load_checkpoint(&one, "trees").unwrap().as_deref(), Some(b"20".as_slice()));
        session.forget_checkpoints(&one).unwrap();
        assert_eq!(session.load_checkpoint(&one, "trees").unwrap(), None);
        assert!(session.load_checkpoint(&other, "trees").unwrap().is_some());
        for name in ["", "../up", "a/b", "ä"] {
            assert_eq!(session.save_checkpoint(&one, name, b"").unwrap_err().code, "bad-name");
        }
        drop(session);
        assert_eq!(store.gc(Keep::All, false).unwrap().left_over.count, 1);
    }
}
