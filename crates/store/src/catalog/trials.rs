//! The trials of searches over hyperparameters.

use std::collections::BTreeMap;

use trainyard_core::{digest::Digest, trial::Trial};

use super::{Argument, named, parsed, text};
use crate::{error::StoreError, store::Store};

const PUT_TRIAL: &str = "BEGIN IMMEDIATE;
     INSERT OR REPLACE INTO trials (fingerprint, study, number, state, value, seconds, record)
       SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6 FROM jsonb_each(?);
     COMMIT";

const FORGET_TRIALS: &str = "BEGIN IMMEDIATE;
     DELETE FROM trials WHERE fingerprint IN (SELECT value->>0 FROM jsonb_each(?));
     COMMIT";

impl Store {
    /// The trials of each of the steps with these fingerprints, by study and number; a step without any is left out.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn trials(&self, fingerprints: &[Digest]) -> Result<BTreeMap<Digest, Vec<Trial>>, StoreError> {
        let sql = "SELECT fingerprint, record FROM trials WHERE fingerprint IN (SELECT value FROM json_each(?1))
                   ORDER BY fingerprint, study, number";
        let mut found: BTreeMap<Digest, Vec<Trial>> = BTreeMap::new();
        for row in self.catalog.rows(sql, &[&text(&fingerprints)?])? {
            found.entry(named(&row, "fingerprint")?).or_default().push(parsed(&row, "record")?);
        }
        Ok(found)
    }

    pub(crate) fn put_trial(&self, fingerprint: &Digest, trial: &Trial) -> Result<(), StoreError> {
        self.must_write()?;
        let value = trial.value.filter(|value| value.is_finite());
        let row = (fingerprint, &trial.study, trial.number, trial.state, value, trial.seconds, text(trial)?);
        self.catalog.script(PUT_TRIAL, &[Argument::rows([row])?]).map(drop)
    }

    pub(crate) fn forget_trials(&self, fingerprint: &Digest) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.script(FORGET_TRIALS, &[Argument::rows([(fingerprint,)])?]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;
    use trainyard_core::trial::TrialState;

    use super::*;
    use crate::{
        maintenance::Keep,
        sample::{never, store},
    };

    fn trial(study: &str, number: u32, value: f64) -> Trial {
        Trial {
            study: study.to_owned(),
            number,
            params: BTreeMap::from([("learning_rate".to_owned(), json!(0.1 + 0.2))]),
            state: TrialState::Complete,
            metric: String::new(),
            loss: None,
            value: Some(value),
            folds: vec![1.0 / 3.0, f64::MIN_POSITIVE],
            reports: vec![(1, 0.5)],
            fitted: json!({"trees": 17}),
            why: None,
            seconds: 0.25,
        }
    }

    #[test]
    fn trials_are_kept_bit_by_bit_by_study_and_number_until_forgotten() {
        let (_folder, store) = store();
        let session = store.session(&never).unwrap();
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        for trial in [trial("", 10, 0.1), trial("", 9, 0.2), trial("fold 1", 0, 0.3), trial("", 9, 0.1 + 0.7)] {
            session.record_trial(&one, &trial).unwrap();
        }
        session.record_trial(&other, &trial("", 0, 1.0)).unwrap();
        let found = store.trials(&[one, Digest::of(b"none")]).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[&one], [trial("", 9, 0.1 + 0.7), trial("", 10, 0.1), trial("fold 1", 0, 0.3)]);
        session.forget_trials(&one).unwrap();
        assert_eq!(store.trials(&[one, other]).unwrap().into_keys().collect::<Vec<_>>(), [other]);
        drop(session);
        store.gc(Keep::All, false).unwrap();
        assert!(store.trials(&[other]).unwrap().is_empty(), "no step that is kept had these");
    }

    #[test]
    fn recording_a_trial_takes_under_a_millisecond() {
        let (_folder, store) = store();
        let session = store.session(&never).unwrap();
        let fingerprint = Digest::of(b"one");
        let started = Instant::now();
        for number in 0..300 {
            session.record_trial(&fingerprint, &trial("", number, f64::from(number))).unwrap();
        }
        let each = started.elapsed().as_secs_f64() / 300.0;
        println!("{:.3} ms a trial", each * 1e3);
        // Ten times what it takes where nothing else runs.
        assert!(each < 0.005, "{each} s");
    }
}
