//! Files that clients keep: blobs under paths. A path is a name in the catalog and nothing on the disk, so that none can
//! lead out of the store.

use std::{collections::BTreeMap, path::PathBuf};

use trainyard_core::digest::Digest;

use crate::{
    catalog::{Bind, column, named},
    error::StoreError,
    session::Session,
    store::Store,
};

/// An entry of a folder of kept files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name in the folder.
    pub name: String,
    /// Its length; none for a folder.
    pub bytes: Option<u64>,
}

/// Longest path that is kept, in bytes.
const LONGEST: usize = 4096;

/// A path as it is kept: parts with `/` between, none of them empty, `.` or `..`.
///
/// # Errors
/// `bad-file-path` for any other.
pub(super) fn checked(path: &str) -> Result<&str, StoreError> {
    let sound = path.len() <= LONGEST
        && !path.contains(['\0', '\\'])
        && path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.starts_with('~'));
    if sound {
        return Ok(path);
    }
    let shown: String = path.chars().filter(|character| !character.is_control()).take(80).collect();
    Err(StoreError::new("bad-file-path", format!("`{shown}` is no path of a kept file"))
        .help("write names with `/` between, without `..`"))
}

impl Session<'_> {
    /// Keeps a blob that is in the store under a path; a file of that path is replaced.
    ///
    /// # Errors
    /// `bad-file-path`; when the catalog cannot be written.
    pub fn put_file(&self, path: &str, blob: &Digest, bytes: u64, now: i64) -> Result<(), StoreError> {
        let path = checked(path)?;
        let sql = "INSERT INTO files (path, blob, bytes, created) VALUES (?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET blob = excluded.blob, bytes = excluded.bytes, created = excluded.created";
        let bytes = Bind::Integer(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.store.catalog.bound(sql, &[path.into(), Bind::Text(blob.to_string()), bytes, now.into()]).map(drop)
    }
}

impl Store {
    /// Where the bytes of a kept file are, and how many.
    ///
    /// # Errors
    /// `bad-file-path`; when the catalog cannot be read.
    pub fn file(&self, path: &str) -> Result<Option<(PathBuf, u64)>, StoreError> {
        let rows = self.catalog.bound("SELECT blob, bytes FROM files WHERE path = ?", &[checked(path)?.into()])?;
        let found = rows.first().map(|row| {
            let blob: Digest = named(row, "blob")?;
            Ok((self.blobs().path(&blob), u64::try_from(column::<i64>(row, "bytes")?).unwrap_or(0)))
        });
        found.transpose()
    }

    /// What is in a folder of kept files, by name; nothing where there is no such folder.
    ///
    /// # Errors
    /// `bad-file-path`; when the catalog cannot be read.
    pub fn folder(&self, path: &str) -> Result<Vec<FileEntry>, StoreError> {
        let (low, high) = below(path)?;
        let sql = "SELECT path, bytes FROM files WHERE path >= ? AND path < ? ORDER BY path";
        let rows = self.catalog.bound(sql, &[Bind::from(&low), Bind::from(&high)])?;
        let mut entries: BTreeMap<String, Option<u64>> = BTreeMap::new();
        for row in &rows {
            let path: &str = column(row, "path")?;
            let Some(rest) = path.strip_prefix(&low) else { continue };
            match rest.split_once('/') {
                Some((folder, _)) => entries.insert(folder.to_owned(), None),
                None => {
                    let bytes = u64::try_from(column::<i64>(row, "bytes")?).unwrap_or(0);
                    entries.insert(rest.to_owned(), Some(bytes))
                }
            };
        }
        Ok(entries.into_iter().map(|(name, bytes)| FileEntry { name, bytes }).collect())
    }

    /// Removes a kept file, or a folder with all that is in it; says how many files went. Their blobs go with the next
    /// `store gc`.
    ///
    /// # Errors
    /// `bad-file-path`; when the catalog cannot be written.
    pub fn remove_files(&self, path: &str) -> Result<u64, StoreError> {
        self.must_write()?;
        let (low, high) = below(path)?;
        let sql = "DELETE FROM files WHERE path = ? OR (path >= ? AND path < ?) RETURNING path";
        let gone = self.catalog.bound(sql, &[path.into(), Bind::from(&low), Bind::from(&high)])?;
        Ok(gone.len() as u64)
    }
}

/// The paths below a folder are those from the first up to the second.
fn below(path: &str) -> Result<(String, String), StoreError> {
    let path = checked(path)?;
    // `0` is the character after `/`.
    Ok((format!("{path}/"), format!("{path}0")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_nowhere_else() {
        for path in ["a", "1/run/artifacts/a b.txt", "ü/…", "a..b/..c"] {
            assert_eq!(checked(path).unwrap(), path);
        }
        let long = "a/".repeat(3000) + "b";
        for path in ["", "/", "/a", "a/", "a//b", "..", "a/../b", "a/./b", "a\0b", "a\\b", "~/a", long.as_str()] {
            assert_eq!(checked(path).unwrap_err().code, "bad-file-path", "{path}");
        }
    }
}
