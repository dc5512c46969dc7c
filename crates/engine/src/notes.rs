//! What a step at work keeps for itself, over the store.

use trainyard_core::{Digest, StepError, step::Notes, trial::Trial};
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
