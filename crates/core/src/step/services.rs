//! What a step may ask of the program that runs it: to watch it, the registered models, its own notes, what others used.

use crate::{artifact::Artifact, deployment::Deployment, digest::Digest, step::StepError, trial::Trial};

/// Told how a step gets on; says whether it should stop.
pub trait Monitor: Sync {
    /// `done` of `total` units are done; `note` is a few words such as `rmse 3.1`.
    fn progress(&self, done: u64, total: u64, note: &str);
    /// A line of log.
    fn log(&self, line: &str);
    /// True once the run is cancelled or the step's time is up.
    fn cancelled(&self) -> bool;
    /// Milliseconds since 1970.
    fn now(&self) -> i64;
}

/// The registered models, as a step may see and change them.
pub trait Models: Sync {
    /// Registers the model artifact under `name`: the version that already holds this artifact, or the next one.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    fn register(&self, name: &str, model: Digest, about: serde_json::Value) -> Result<u64, StepError>;
    /// Points `alias` of model `name` at `version`.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    fn set_alias(&self, name: &str, alias: &str, version: u64) -> Result<(), StepError>;
    /// The version and model artifact that `alias` of model `name` points at.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn resolve(&self, name: &str, alias: &str) -> Result<Option<(u64, Digest)>, StepError>;
    /// The model artifact of that digest.
    ///
    /// # Errors
    /// When it is not in the store or cannot be read, or while models can only be looked at.
    fn load(&self, model: &Digest) -> Result<Artifact, StepError> {
        Err(StepError::new("not-running", format!("model {model} can be loaded in a run only")))
    }
    /// What stood behind the name of the served model, the newest first; none where it was the champion.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn deployments(&self, _name: &str) -> Result<Vec<Option<Deployment>>, StepError> {
        Ok(Vec::new())
    }
    /// Makes the name of a served model stand for something else.
    ///
    /// # Errors
    /// When a version is not there or the catalog cannot be written, and while models can only be looked at.
    fn deploy(&self, name: &str, _deployment: &Deployment, _reason: &str) -> Result<(), StepError> {
        Err(StepError::new("not-running", format!("model `{name}` can be deployed in a run only")))
    }
}

/// What a step at work keeps for itself, so that the same work, broken off by a killed process, goes on where it was.
/// All of it belongs to the step's fingerprint: other work never sees it. Checkpoints are gone once the work is done;
/// trials stay to be shown, and are found again only by work that was not finished.
///
/// A result must be the same whether anything was found here or not.
pub trait Notes: Sync {
    /// The trials recorded so far, by study and number.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn trials(&self) -> Result<Vec<Trial>, StepError>;
    /// Records a trial; one of the same study and number is replaced.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    fn record(&self, trial: &Trial) -> Result<(), StepError>;
    /// The checkpoint of that name (letters, digits, `-`, `.`), if there is one.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, StepError>;
    /// Keeps a checkpoint in place of the one of that name: all of it or, when killed meanwhile, what was there before.
    ///
    /// # Errors
    /// When it cannot be written.
    fn save(&self, name: &str, bytes: &[u8]) -> Result<(), StepError>;
}

/// What work, in any run on this store, has taken in: so that the repeated use of data that should be used once can be
/// counted.
pub trait Uses: Sync {
    /// The parameters of every other piece of work by the step `uses` that took in `artifact` and came to a result, be
    /// it refused by a gate. Work of one fingerprint counts once.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn of(&self, artifact: &Digest, uses: &str) -> Result<Vec<serde_json::Value>, StepError>;
}

/// Nothing is kept and nothing known: for a step that runs outside the engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNotes;

impl Uses for NoNotes {
    fn of(&self, _: &Digest, _: &str) -> Result<Vec<serde_json::Value>, StepError> {
        Ok(Vec::new())
    }
}

impl Notes for NoNotes {
    fn trials(&self) -> Result<Vec<Trial>, StepError> {
        Ok(Vec::new())
    }
    fn record(&self, _: &Trial) -> Result<(), StepError> {
        Ok(())
    }
    fn load(&self, _: &str) -> Result<Option<Vec<u8>>, StepError> {
        Ok(None)
    }
    fn save(&self, _: &str, _: &[u8]) -> Result<(), StepError> {
        Ok(())
    }
}
