//! Where the server learns which models there are: whoever starts it says how.

use std::{collections::BTreeMap, sync::Arc};

use trainyard_core::{Deployment, Problem};
use trainyard_model::Package;

/// A registered model as the server needs to know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registered {
    /// Its name.
    pub name: String,
    /// Its versions, ascending.
    pub versions: Vec<u64>,
    /// Its aliases and the versions they point at.
    pub aliases: BTreeMap<String, u64>,
    /// What stands behind its name; by default the champion or, where there is none, the newest version.
    pub deployment: Option<Deployment>,
}

impl Registered {
    /// What stands behind the bare name; none where there is no version.
    #[must_use]
    pub fn deployment(&self) -> Option<Deployment> {
        let newest = self.aliases.get("champion").or_else(|| self.versions.last());
        self.deployment.clone().or_else(|| newest.map(|version| Deployment::of(*version)))
    }
}

/// The catalog behind a server.
pub trait Source: Send + Sync + 'static {
    /// A number that is another one after any change that others made.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn state(&self) -> Result<u64, Problem>;

    /// All registered models by name.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn models(&self) -> Result<Vec<Registered>, Problem>;

    /// The package of a version.
    ///
    /// # Errors
    /// When it is gone, broken or of a newer format.
    fn load(&self, name: &str, version: u64) -> Result<Arc<Package>, Problem>;

    /// Records that the name stands for something else now, and why.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    fn deploy(&self, name: &str, deployment: &Deployment, reason: &str) -> Result<(), Problem>;
}
