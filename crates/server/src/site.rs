//! What every route works with.

use std::{collections::BTreeMap, path::PathBuf};

use trainyard_core::Problem;
use trainyard_store::Store;

/// A server's surroundings.
pub struct Site {
    /// Where what is told is kept.
    pub store: Store,
    /// A second connection to the same store, so that reading never waits for a writer.
    pub reader: Store,
    /// What the program around can do.
    pub workshop: Box<dyn Workshop>,
    /// The version it tells.
    pub version: &'static str,
}

/// What a server needs others for: pipelines and their runs, models in other forms.
pub trait Workshop: Send + Sync + 'static {
    /// The pipeline files of the project.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn pipelines(&self) -> Result<Vec<PathBuf>, Problem>;

    /// A registered version as the files of an MLflow model directory, by their path in it.
    ///
    /// # Errors
    /// When it is gone or cannot be written so.
    fn mlflow_files(&self, name: &str, version: u64) -> Result<BTreeMap<String, Vec<u8>>, Problem>;
}
