//! The package of a registered model version.

use std::sync::Arc;

use trainyard_core::{Problem, digest::Digest};
use trainyard_model::Package;
use trainyard_steps::REGISTRY;
use trainyard_store::{Store, StoreError};

/// The package that version `version` of `name` is, kept as `digest`.
pub(crate) fn package(store: &Store, name: &str, version: u64, digest: Digest) -> Result<Arc<Package>, Problem> {
    let artifact = trainyard_engine::load(store, &REGISTRY, digest)
        .map_err(|error| Problem { help: error.help, ..Problem::error(error.code, error.message) })?;
    artifact
        .value
        .into_any()
        .downcast::<Package>()
        .map_err(|_| Problem::error("broken-artifact", format!("version {version} of `{name}` is no model package")))
}

/// What a version is kept as.
pub(crate) fn digest(store: &Store, name: &str, version: u64) -> Result<Digest, Problem> {
    let found = store.resolve(name, &version.to_string()).map_err(problem)?;
    found.map(|(_, digest)| digest).ok_or_else(|| {
        Problem::error("unknown-version", format!("the model `{name}` has no version {version} any more"))
    })
}

/// A version by its number.
pub(crate) fn version(store: &Store, name: &str, version: u64) -> Result<Arc<Package>, Problem> {
    package(store, name, version, digest(store, name, version)?)
}

/// What the store says, as a problem.
pub(crate) fn problem(error: StoreError) -> Problem {
    Problem { help: error.help, ..Problem::error(error.code, error.message) }
}
