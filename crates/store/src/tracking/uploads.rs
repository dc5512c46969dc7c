//! Files that come in parts: each part is a blob; in the end they become one.

use std::io::{self, Write as _};

use trainyard_core::digest::Digest;

use super::{files::checked, unknown};
use crate::{
    catalog::{Bind, column, named},
    error::StoreError,
    session::Session,
    store::Store,
};

impl Store {
    /// Begins an upload under an id that only the uploader knows.
    ///
    /// # Errors
    /// `bad-file-path`; when the catalog cannot be written.
    pub fn begin_upload(&self, id: &str, path: &str, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        let sql = "INSERT INTO uploads (id, path, created) VALUES (?, ?, ?)";
        self.catalog.bound(sql, &[id.into(), checked(path)?.into(), now.into()]).map(drop)
    }

    /// True for an upload that has begun and not ended.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn has_upload(&self, id: &str) -> Result<bool, StoreError> {
        Ok(!self.catalog.bound("SELECT id FROM uploads WHERE id = ?", &[id.into()])?.is_empty())
    }

    /// Ends an upload without a file.
    ///
    /// # Errors
    /// `unknown-upload`; when the catalog cannot be written.
    pub fn abort_upload(&self, id: &str) -> Result<(), StoreError> {
        self.must_write()?;
        let gone = self.catalog.bound("DELETE FROM uploads WHERE id = ? RETURNING id", &[id.into()])?;
        if gone.is_empty() { Err(unknown("unknown-upload", "upload", id)) } else { Ok(()) }
    }
}

impl Session<'_> {
    /// Adds a part of an upload that is a blob already; one of that number is replaced.
    ///
    /// # Errors
    /// `unknown-upload`; when the catalog cannot be written.
    pub fn put_part(&self, id: &str, number: u32, blob: &Digest, bytes: u64) -> Result<(), StoreError> {
        let known = self.store.catalog.bound("SELECT id FROM uploads WHERE id = ?", &[id.into()])?;
        if known.is_empty() {
            return Err(unknown("unknown-upload", "upload", id));
        }
        let sql = "INSERT INTO upload_parts (upload, number, blob, bytes) VALUES (?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET blob = excluded.blob, bytes = excluded.bytes";
        let bytes = Bind::Integer(i64::try_from(bytes).unwrap_or(i64::MAX));
        let arguments = [id.into(), i64::from(number).into(), Bind::Text(blob.to_string()), bytes];
        self.store.catalog.bound(sql, &arguments).map(drop)
    }

    /// Puts the parts of an upload together, in the order of their numbers, and keeps the file.
    ///
    /// # Errors
    /// `unknown-upload`; `missing-upload-part` where one of `parts` is not there; when something cannot be read or written.
    pub fn finish_upload(&self, id: &str, path: &str, parts: &[u32], now: i64) -> Result<(), StoreError> {
        let begun = self.store.catalog.bound("SELECT path FROM uploads WHERE id = ?", &[id.into()])?;
        let begun = begun.first().ok_or_else(|| unknown("unknown-upload", "upload", id))?;
        if column::<&str>(begun, "path")? != path {
            return Err(unknown("unknown-upload", "upload", id));
        }
        let sql = "SELECT number, blob FROM upload_parts WHERE upload = ? ORDER BY number";
        let kept = self.store.catalog.bound(sql, &[id.into()])?;
        let numbers: Vec<i64> = kept.iter().map(|row| column(row, "number")).collect::<Result<_, _>>()?;
        let mut wanted: Vec<i64> = parts.iter().map(|number| i64::from(*number)).collect();
        wanted.sort_unstable();
        if numbers != wanted {
            let what = format!("the upload has the parts {numbers:?} and not {wanted:?}");
            return Err(StoreError::new("missing-upload-part", what).help("send the missing parts, then complete it"));
        }
        let mut writer = self.blob_writer()?;
        for row in &kept {
            let blob: Digest = named(row, "blob")?;
            let part = self.store.blobs().path(&blob);
            let mut file = std::fs::File::open(&part).map_err(|error| StoreError::io("read", &part, &error))?;
            io::copy(&mut file, &mut writer).map_err(|error| StoreError::io("copy", &part, &error))?;
        }
        writer.flush().map_err(|error| StoreError::io("write", &self.store.blobs().folder(), &error))?;
        let (blob, bytes) = writer.finish()?;
        self.put_file(path, &blob, bytes, now)?;
        self.store.abort_upload(id)
    }
}
