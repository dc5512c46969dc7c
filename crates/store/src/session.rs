//! A run's stay in the store: while it lasts, nothing is collected.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Mutex, PoisonError},
};

use trainyard_core::{artifact::Value, digest::Digest, record::RunRecord, step::StepError, trial::Trial};

use crate::{
    blobs::BlobWriter,
    catalog::{
        cache::RawHit,
        rows::{ArtifactRow, CacheRow, Hit, MetricRow, StepRow},
    },
    claim::Claim,
    error::StoreError,
    keep::Keeping,
    presence::Presence,
    store::Store,
};

/// A stay in the store, from [`Store::session`]: everything that keeps something is done within one, so that a
/// collection never sees blobs whose catalog row is still to come. Usable from many threads; reads go through to the
/// [`Store`].
#[derive(Debug)]
pub struct Session<'a> {
    pub(crate) store: &'a Store,
    /// Hits of the last run of a pipeline, fetched at once. Rows stay valid as nothing is collected meanwhile, and
    /// each use looks whether the blobs are still there.
    preloaded: Mutex<HashMap<Digest, RawHit>>,
    /// Artifacts known to be in the catalog: saves writing them again at each step that passes one on.
    known: Mutex<HashMap<Digest, ArtifactRow>>,
    _presence: Presence,
}

impl Deref for Session<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.store
    }
}

impl<'a> Session<'a> {
    pub(crate) fn new(store: &'a Store, presence: Presence) -> Self {
        Self { store, preloaded: Mutex::default(), known: Mutex::default(), _presence: presence }
    }

    /// Fetches at once what the last run of `pipeline` found or made, so that [`Session::find_cached`] answers from
    /// memory. Returns how many entries were fetched.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn preload(&self, pipeline: &str) -> Result<usize, StoreError> {
        let hits = self.store.raw_hits_of(pipeline)?;
        let count = hits.len();
        lock(&self.preloaded).extend(hits);
        Ok(count)
    }

    /// The finished work of that fingerprint, if it is there with every blob it needs, its references' included.
    /// An entry that lacks one is removed and counts as a miss.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn find_cached(&self, fingerprint: &Digest) -> Result<Option<Hit>, StoreError> {
        let raw = lock(&self.preloaded).remove(fingerprint);
        let hit = match raw {
            Some(raw) => {
                let hit = self.store.whole_hit(fingerprint, &raw)?;
                if hit.is_some() {
                    lock(&self.preloaded).insert(*fingerprint, raw);
                }
                hit
            }
            None => self.store.find_cached(fingerprint)?,
        };
        if let Some(hit) = &hit {
            let mut known = lock(&self.known);
            for row in hit.outputs.values().filter(|row| !known.contains_key(&row.digest)).collect::<Vec<_>>() {
                known.insert(row.digest, row.clone());
            }
        }
        Ok(hit)
    }

    /// Keeps finished work and its outputs, all in one transaction. Entries of the same fingerprint are replaced.
    ///
    /// # Errors
    /// `missing-blob` when an output's blob is not in the store; otherwise when the catalog cannot be written.
    pub fn put_cached(&self, rows: &[CacheRow]) -> Result<(), StoreError> {
        let known: Vec<Digest> = {
            let known = lock(&self.known);
            let outputs = rows.iter().flat_map(|row| row.outputs.values());
            outputs.filter(|row| known.get(&row.digest) == Some(*row)).map(|row| row.digest).collect()
        };
        self.store.put_cached(rows, &known.into_iter().collect())?;
        let mut preloaded = lock(&self.preloaded);
        rows.iter().for_each(|row| drop(preloaded.remove(&row.fingerprint)));
        drop(preloaded);
        let mut known = lock(&self.known);
        known.extend(rows.iter().flat_map(|row| row.outputs.values()).map(|row| (row.digest, row.clone())));
        Ok(())
    }

    /// Writes the value's files as blobs (nothing when the store already holds the artifact whole) and returns the row
    /// for [`Session::put_cached`] or [`Session::put_artifact`]. The artifacts it refers to must be kept too.
    ///
    /// # Errors
    /// What the value's `encode` reports; `disk-full`, `store-read-only` and the like.
    pub fn keep(&self, digest: Digest, value: &dyn Value) -> Result<ArtifactRow, StepError> {
        let known = lock(&self.known).get(&digest).cloned();
        let known = match known {
            Some(row) if self.store.is_whole(&row) => Some(row),
            _ => self.store.artifact(&digest)?,
        };
        if let Some(row) = known {
            lock(&self.known).insert(digest, row.clone());
            return Ok(row);
        }
        self.keep_anew(digest, value)
    }

    /// The same for a value whose files in the store, sound as they are, cannot be decoded: writes them anew. The row
    /// then takes the place of the one in the catalog.
    ///
    /// # Errors
    /// As [`Session::keep`].
    pub fn keep_anew(&self, digest: Digest, value: &dyn Value) -> Result<ArtifactRow, StepError> {
        let mut keeping = Keeping::new(self);
        value.encode(&mut keeping)?;
        let outline = serde_json::to_string(&value.outline())
            .map_err(|error| StepError::new("store-io", format!("cannot write the outline: {error}")))?;
        let (files, references) = keeping.into_parts();
        Ok(ArtifactRow {
            digest,
            kind: value.kind(),
            outline,
            rows: value.rows(),
            bytes: value.bytes(),
            files,
            references,
        })
    }

    /// Puts artifacts into the catalog that no finished work stands for, such as the evaluation of a refused gate.
    ///
    /// # Errors
    /// `missing-blob` when a blob is not in the store; otherwise when the catalog cannot be written.
    pub fn put_artifact(&self, row: &ArtifactRow) -> Result<(), StoreError> {
        self.store.put_artifacts(std::slice::from_ref(row))?;
        lock(&self.known).insert(row.digest, row.clone());
        Ok(())
    }

    /// A new blob to write into; it exists once [`BlobWriter::finish`] returned.
    ///
    /// # Errors
    /// When its temporary file cannot be made.
    pub fn blob_writer(&self) -> Result<BlobWriter, StoreError> {
        self.store.blobs().writer()
    }

    /// Keeps bytes as a blob; writes nothing when it is already there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        self.store.blobs().put(bytes)
    }

    /// Waits until no one else, in this process or another, does the work of that fingerprint. Look it up again
    /// afterwards: the other may have finished it.
    ///
    /// # Errors
    /// `cancelled` once `cancelled` says so; otherwise when the lock file cannot be made.
    pub fn claim(&self, fingerprint: &Digest, cancelled: &dyn Fn() -> bool) -> Result<Claim, StoreError> {
        Claim::wait(&self.store.locks(), fingerprint, cancelled)
    }

    /// Notes that a run has started; its steps come with [`Session::record_steps`]. `run.steps` is not looked at.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn start_run(&self, run: &RunRecord) -> Result<(), StoreError> {
        self.store.put_run(run)
    }

    /// Records finished steps of a run, all in one transaction; those of the same name are replaced. Of a run that is
    /// killed later, these can be shown.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn record_steps(&self, run: &RunRecord, steps: &[StepRow<'_>]) -> Result<(), StoreError> {
        self.store.put_steps(run, steps)?;
        self.store.track_steps(run, steps)
    }

    /// Records how a run ended (all but `run.steps`, which [`Session::record_steps`] takes).
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn finish_run(&self, run: &RunRecord) -> Result<(), StoreError> {
        self.store.put_run(run)
    }

    /// Records what evaluations of a run measured.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn record_metrics(&self, run: &str, metrics: &[MetricRow]) -> Result<(), StoreError> {
        self.store.put_metrics(run, metrics)
    }

    /// Records a trial of the step with that fingerprint; one of the same study and number is replaced.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn record_trial(&self, fingerprint: &Digest, trial: &Trial) -> Result<(), StoreError> {
        self.store.put_trial(fingerprint, trial)
    }

    /// Removes the trials of the step with that fingerprint: it is to be done anew.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn forget_trials(&self, fingerprint: &Digest) -> Result<(), StoreError> {
        self.store.forget_trials(fingerprint)
    }

    /// Registers the model artifact under `name`: the version that already holds it, or the next one. The artifact
    /// must be in the catalog already.
    ///
    /// # Errors
    /// `artifact-not-kept` when it is not; otherwise when the catalog cannot be written.
    pub fn register_version(
        &self,
        name: &str,
        artifact: &Digest,
        run: &str,
        about: &serde_json::Value,
        created: i64,
    ) -> Result<u64, StoreError> {
        self.store.put_version(name, artifact, run, about, created)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
