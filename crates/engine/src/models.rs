//! The registered models as a step may see and change them, over the store.

use trainyard_core::{Artifact, Deployment, Digest, Registry, StepError, step::Models};
use trainyard_store::{Session, Store};

use crate::{backlog::Backlog, clock};

/// The models during a run.
pub(crate) struct RunModels<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) backlog: &'a Backlog,
    pub(crate) run: &'a str,
    pub(crate) store: &'a Store,
    pub(crate) registry: &'a Registry,
}

impl Models for RunModels<'_> {
    fn register(&self, name: &str, model: Digest, about: serde_json::Value) -> Result<u64, StepError> {
        // The model may have been fitted a moment ago: a version must never point at what is not yet kept.
        self.backlog.settle();
        Ok(self.session.register_version(name, &model, self.run, &about, clock::now())?)
    }

    fn set_alias(&self, name: &str, alias: &str, version: u64) -> Result<(), StepError> {
        Ok(self.session.set_alias(name, alias, version)?)
    }

    fn resolve(&self, name: &str, alias: &str) -> Result<Option<(u64, Digest)>, StepError> {
        Ok(self.session.resolve(name, alias)?)
    }

    fn load(&self, model: &Digest) -> Result<Artifact, StepError> {
        crate::load(self.store, self.registry, *model)
    }

    fn deployments(&self, name: &str) -> Result<Vec<Option<Deployment>>, StepError> {
        deployments(self.store, name)
    }

    fn deploy(&self, name: &str, deployment: &Deployment, reason: &str) -> Result<(), StepError> {
        Ok(self.store.deploy(name, Some(deployment), reason)?)
    }
}

fn deployments(store: &Store, name: &str) -> Result<Vec<Option<Deployment>>, StepError> {
    Ok(store.deployments(name)?.into_iter().map(|row| row.deployment).collect())
}

/// The models while nothing runs: to be looked at.
pub(crate) struct SeenModels<'a>(pub(crate) &'a Store);

impl Models for SeenModels<'_> {
    fn register(&self, _name: &str, _model: Digest, _about: serde_json::Value) -> Result<u64, StepError> {
        Err(only_looking())
    }

    fn set_alias(&self, _name: &str, _alias: &str, _version: u64) -> Result<(), StepError> {
        Err(only_looking())
    }

    fn resolve(&self, name: &str, alias: &str) -> Result<Option<(u64, Digest)>, StepError> {
        Ok(self.0.resolve(name, alias)?)
    }

    fn deployments(&self, name: &str) -> Result<Vec<Option<Deployment>>, StepError> {
        deployments(self.0, name)
    }
}

fn only_looking() -> StepError {
    StepError::new("not-running", "models are registered in a run only")
}
