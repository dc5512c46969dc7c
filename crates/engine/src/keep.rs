//! Keeps what steps made: on a thread of its own, beside the next step's work.
//!
//! Files first, each durable, then one transaction for all that waited; only then does another run find the work.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use trainyard_core::{
    StepError,
    record::{ErrorRecord, RunRecord, StepRecord},
};
use trainyard_store::{ArtifactRow, CacheRow, Session, StepRow, StoreError};

use crate::{
    backlog::{Job, Work},
    clock,
    events::Event,
    guard::guard,
    ledger::Ledger,
    load::Loader,
};

/// Writes jobs to the store.
pub(crate) struct Keep<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) ledger: &'a Ledger,
    pub(crate) loader: &'a Loader<'a>,
    /// The run without its steps.
    pub(crate) run: &'a RunRecord,
    pub(crate) events: &'a (dyn Fn(Event) + Sync),
    /// Set once something cannot be kept: no further step starts.
    pub(crate) stop: &'a AtomicBool,
    /// The first failure to write the records themselves.
    pub(crate) unrecorded: Mutex<Option<StoreError>>,
}

impl Keep<'_> {
    /// Keeps everything that the jobs hold, and records their steps. What cannot be kept fails its step.
    pub(crate) fn write(&self, jobs: Vec<Job>) {
        let steps: Vec<usize> = jobs.iter().map(Job::step).collect();
        // A panic here must not leave everyone waiting for what is never written.
        let written = guard(|| {
            self.write_all(&steps, jobs);
            Ok(())
        });
        if let Err(error) = written {
            steps.iter().for_each(|step| self.fail(*step, &error));
        }
    }

    fn write_all(&self, steps: &[usize], jobs: Vec<Job>) {
        let works = jobs.into_iter().filter_map(|job| if let Job::Keep(work) = job { Some(*work) } else { None });
        let mut rows = Vec::new();
        let mut claims = Vec::new();
        for work in works {
            let step = work.step;
            match guard(|| self.keep(work)) {
                Ok((row, claim)) => {
                    rows.extend(row.map(|row| (step, row)));
                    claims.extend(claim);
                }
                Err(error) => self.fail(step, &error),
            }
        }
        self.put(rows);
        // Only now may others look for it.
        drop(claims);
        if let Err(error) = self.record(steps) {
            self.stop.store(true, Ordering::Relaxed);
            self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    fn keep(&self, work: Work) -> Result<(Option<CacheRow>, Option<trainyard_store::Claim>), StepError> {
        let mut outputs: BTreeMap<String, ArtifactRow> = BTreeMap::new();
        for (port, artifact) in &work.outputs {
            let (digest, value) = (artifact.digest, &*artifact.value);
            let anew = self.loader.is_undecodable(&digest);
            let row = if anew { self.session.keep_anew(digest, value) } else { self.session.keep(digest, value) };
            outputs.insert(port.clone(), row?);
        }
        if !work.reusable {
            outputs.values().try_for_each(|row| self.session.put_artifact(row))?;
            return Ok((None, work.claim));
        }
        let row = CacheRow {
            fingerprint: work.fingerprint,
            uses: work.uses.to_owned(),
            fields: work.fields,
            inputs: work.inputs,
            outputs,
            warnings: work.warnings,
            created: clock::now(),
        };
        Ok((Some(row), work.claim))
    }

    fn put(&self, rows: Vec<(usize, CacheRow)>) {
        let (steps, rows): (Vec<usize>, Vec<CacheRow>) = rows.into_iter().unzip();
        if rows.is_empty() || self.session.put_cached(&rows).is_ok() {
            return;
        }
        // One bad row must not take the others with it.
        for (step, row) in steps.into_iter().zip(rows) {
            if let Err(error) = self.session.put_cached(&[row]) {
                self.fail(step, &error.into());
            }
        }
    }

    fn record(&self, steps: &[usize]) -> Result<(), StoreError> {
        type Ended = (usize, Arc<StepRecord>, Option<serde_json::Value>);
        let ended: Vec<Ended> = steps
            .iter()
            .filter_map(|step| self.ledger.ending(*step).map(|(ending, _)| (*step, ending.record, ending.fields)))
            .collect();
        let rows: Vec<StepRow<'_>> = ended
            .iter()
            .map(|(position, record, fields)| StepRow { position: *position, record, fields: fields.as_ref() })
            .collect();
        self.session.record_steps(self.run, &rows)
    }

    fn fail(&self, step: usize, error: &StepError) {
        self.stop.store(true, Ordering::Relaxed);
        let message = format!("its result could not be kept: {}", error.message);
        if let Some((ending, _)) = self.ledger.ending(step) {
            (self.events)(Event::StepLog { step: ending.record.name.clone(), line: message.clone() });
        }
        let error = ErrorRecord {
            code: error.code.clone(),
            message,
            help: error.help.clone(),
            problems: error.problems.clone(),
        };
        self.ledger.fail(step, error);
    }
}
