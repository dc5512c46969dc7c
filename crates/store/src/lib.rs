//! What trainyard keeps: blobs named by the digest of their bytes, and a catalog of what happened.
//!
//! A store is a folder:
//! ```text
//! <root>/catalog.db      SQLite (WAL): runs, artifacts, cache, lineage, metrics, models, aliases, trials, users, audit
//! <root>/blobs/ab/cdef…  bytes by BLAKE3 digest, read-only
//! <root>/tmp/            files being written
//! <root>/locks/          one file per piece of work being done, by fingerprint
//! <root>/checkpoints/   what unfinished work goes on from, by fingerprint and name
//! <root>/corrupt/        blobs whose bytes no longer match their name
//! <root>/in-use.lock     held shared by runs, exclusively by `gc`
//! ```
//! Blobs come first and the catalog row after, so that a process killed at any moment leaves at most rubbish that
//! [`Store::gc`] sweeps up. The store knows no meaning: kinds, outlines and records are kept as the engine hands them
//! over. Reading is on [`Store`]; what must not run beside a garbage collection is on [`Session`].

mod blobs;
mod catalog;
mod checkpoints;
mod claim;
mod error;
mod keep;
mod maintenance;
mod presence;
#[cfg(test)]
mod sample;
mod session;
mod store;
pub mod tracking;

pub use blobs::{BlobWriter, Blobs, Soundness};
pub use catalog::listing::{LastMetric, ListedRun, ModelMark, NamedExperiment, RunList, StepMark};
pub use catalog::rows::{
    ArtifactRow, CacheRow, DeploymentRow, FileRow, Hit, InputRow, LastFingerprint, LineageRow, MetricRow, ModelRow,
    RunRow, StepRow, VersionRow,
};
pub use catalog::{
    access::{SessionRow, TokenRow, UserRow},
    audit::{AuditEntry, AuditRow},
};
pub use claim::Claim;
pub use error::StoreError;
pub use keep::Keeping;
pub use maintenance::{Collected, CorruptBlob, Files, IncompleteArtifact, Keep, KindUsage, Usage, Verified};
pub use session::Session;
pub use store::{Mode, Store};
