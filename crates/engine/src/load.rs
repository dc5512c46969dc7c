//! Reads artifacts back from the store. What does not match its name is `broken-artifact`, never a wrong value.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use trainyard_core::{Artifact, Digest, Registry, StepError, Stored, Value};
use trainyard_store::{ArtifactRow, Soundness, Store};

use crate::guard::guard;

/// How far artifacts may refer to one another; a catalog that was tampered with could make them go in circles.
const DEEPEST: usize = 64;

/// Reads an artifact from the store.
///
/// # Errors
/// `broken-artifact` when the store does not have it, or no longer has what was put there; whatever its codec reports.
pub fn load(store: &Store, registry: &Registry, digest: Digest) -> Result<Artifact, StepError> {
    Loader::new(store, registry).load(&digest)
}

/// Loads artifacts and remembers those still in use, so that two who want the same share it.
pub(crate) struct Loader<'a> {
    store: &'a Store,
    registry: &'a Registry,
    in_use: Mutex<BTreeMap<Digest, Weak<dyn Value>>>,
    /// Artifacts whose blobs are sound and yet do not decode.
    undecodable: Mutex<BTreeSet<Digest>>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(store: &'a Store, registry: &'a Registry) -> Self {
        Self { store, registry, in_use: Mutex::default(), undecodable: Mutex::default() }
    }

    /// The artifact, from memory if someone has it, otherwise from the store.
    ///
    /// # Errors
    /// As [`load`].
    pub(crate) fn load(&self, digest: &Digest) -> Result<Artifact, StepError> {
        self.load_at(digest, 0)
    }

    /// Notes a value that was made here.
    pub(crate) fn remember(&self, digest: Digest, value: &Arc<dyn Value>) {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, Arc::downgrade(value));
    }

    /// True when the store's encoding of it turned out to be of no use, so that it must be encoded anew.
    pub(crate) fn is_undecodable(&self, digest: &Digest) -> bool {
        self.undecodable.lock().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }

    /// The value, if someone has it in memory.
    pub(crate) fn recall(&self, digest: &Digest) -> Option<Arc<dyn Value>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner).get(digest)?.upgrade()
    }

    fn load_at(&self, digest: &Digest, depth: usize) -> Result<Artifact, StepError> {
        if let Some(value) = self.recall(digest) {
            return Ok(Artifact { digest: *digest, value });
        }
        let broken = |what: &str| StepError::new("broken-artifact", format!("artifact {} {what}", digest.short()));
        if depth > DEEPEST {
            return Err(broken("refers to others without end"));
        }
        let row = self.store.artifact(digest)?.ok_or_else(|| broken("is not in the store"))?;
        self.verify(&row)?;
        let codec = self
            .registry
            .codec(row.kind)
            .ok_or_else(|| broken(&format!("is a {}, which this program cannot read", row.kind)))?;
        let stored = Stored {
            digest: *digest,
            files: self.store.files(&row),
            references: row.references.clone(),
            read: &|path| std::fs::read(path),
            load: &|other| self.load_at(other, depth + 1),
        };
        let decoded = guard(|| (codec.decode)(&stored)).and_then(|value| {
            let is_other = value.kind() != row.kind;
            if is_other { Err(broken(&format!("is not the {} that it is kept as", row.kind))) } else { Ok(value) }
        });
        // What it refers to may be what is broken; to write this one anew does no harm then.
        let value = decoded.inspect_err(|_| {
            self.undecodable.lock().unwrap_or_else(PoisonError::into_inner).insert(*digest);
        })?;
        self.remember(*digest, &value);
        Ok(Artifact { digest: *digest, value })
    }

    /// A blob whose bytes changed may still decode; so they are hashed first. A corrupt one is set aside, which makes
    /// room for a sound one.
    fn verify(&self, row: &ArtifactRow) -> Result<(), StepError> {
        for file in &row.files {
            let what = match self.store.blobs().verify(&file.blob)? {
                Soundness::Sound { .. } => continue,
                Soundness::Missing => "is gone",
                Soundness::Corrupt { .. } => "is corrupt",
            };
            let artifact = row.digest.short();
            return Err(StepError::new(
                "broken-artifact",
                format!("file `{}` of artifact {artifact} {what}", file.name),
            ));
        }
        Ok(())
    }
}
