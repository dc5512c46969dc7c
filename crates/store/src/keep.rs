//! Writes the files of an encoded value as blobs.

use std::{io::Write, path::Path};

use trainyard_core::{artifact::Keeper, digest::Digest, step::StepError};

use crate::{catalog::rows::FileRow, error::StoreError, session::Session};

/// Collects the blobs and references of one value; [`Session::keep`] drives it.
#[derive(Debug)]
pub struct Keeping<'a> {
    session: &'a Session<'a>,
    files: Vec<FileRow>,
    references: Vec<Digest>,
}

impl<'a> Keeping<'a> {
    /// Nothing collected yet.
    #[must_use]
    pub const fn new(session: &'a Session<'a>) -> Self {
        Self { session, files: Vec::new(), references: Vec::new() }
    }

    fn must_be_new(&self, name: &str) -> Result<(), StoreError> {
        if self.files.iter().any(|file| file.name == name) {
            return Err(StoreError::new("store-io", format!("file `{name}` is written twice")));
        }
        Ok(())
    }

    /// The files, each durable, and the references.
    #[must_use]
    pub fn into_parts(self) -> (Vec<FileRow>, Vec<Digest>) {
        (self.files, self.references)
    }
}

impl Keeper for Keeping<'_> {
    fn file(
        &mut self,
        name: &str,
        write: &mut dyn FnMut(&mut (dyn Write + Send)) -> Result<(), StepError>,
    ) -> Result<(), StepError> {
        self.must_be_new(name)?;
        let mut writer = self.session.blob_writer()?;
        if let Err(error) = write(&mut writer) {
            // A codec wraps a full disk in words of its own.
            return Err(writer.failure().cloned().map_or(error, StepError::from));
        }
        let (blob, bytes) = writer.finish()?;
        self.files.push(FileRow { name: name.to_owned(), blob, bytes });
        Ok(())
    }

    fn adopt(&mut self, name: &str, path: &Path, digest: Option<Digest>) -> Result<(), StepError> {
        self.must_be_new(name)?;
        let (blob, bytes) = self.session.blobs().adopt(path, digest)?;
        self.files.push(FileRow { name: name.to_owned(), blob, bytes });
        Ok(())
    }

    fn reference(&mut self, digest: Digest) {
        self.references.push(digest);
    }
}
