//! What a step at work keeps for itself, over the store.

use trainyard_core::{
    Digest, StepError,
    step::{Notes, Uses},
    trial::Trial,
};
use trainyard_store::Session;

/// The notes of the step with that fingerprint.
pub(crate) struct RunNotes<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) fingerprint: &'a Digest,
}

impl Notes for RunNotes<'_> {
    fn trials(&self) -> Result<Vec<Trial>, StepError> {
        Ok(self.session.trials(&[*self.fingerprint])?.remove(self.fingerprint).unwrap_or_default())
    }

    fn record(&self, trial: &Trial) -> Result<(), StepError> {
        Ok(self.session.record_trial(self.fingerprint, trial)?)
    }

    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, StepError> {
        Ok(self.session.load_checkpoint(self.fingerprint, name)?)
    }

    fn save(&self, name: &str, bytes: &[u8]) -> Result<(), StepError> {
        Ok(self.session.save_checkpoint(self.fingerprint, name, bytes)?)
    }
}

impl Uses for RunNotes<'_> {
    fn of(&self, artifact: &Digest, uses: &str) -> Result<Vec<serde_json::Value>, StepError> {
        let mut work = self.session.work_on(artifact, uses)?;
        work.remove(self.fingerprint);
        Ok(work.into_values().map(|mut fields| fields["params"].take()).collect())
    }
}
