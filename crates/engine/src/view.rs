//! What is needed to look a step up without running it: shared by a run, `plan` and `explain`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock},
};

use trainyard_core::{
    Context, Digest, Plan, PlannedStep, StepError,
    step::{Models, Monitor, NoNotes},
};
use trainyard_store::{Hit, Store, StoreError};

use crate::{
    clock,
    fingerprint::{Fingerprint, InputDigests},
    ledger::Ledger,
    load::Loader,
    secrets::guard_step,
};

/// How finished work is looked up: in the catalog, or in what a run fetched from it at once.
pub(crate) type Lookup<'a> = &'a (dyn Fn(&Digest) -> Result<Option<Hit>, StoreError> + Sync);

/// A plan over a store, to be looked at.
pub(crate) struct View<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) store: &'a Store,
    pub(crate) lookup: Lookup<'a>,
    pub(crate) models: &'a dyn Models,
    pub(crate) loader: Loader<'a>,
    pub(crate) ledger: Ledger,
    /// The run's id; empty when nothing runs.
    pub(crate) run: &'a str,
    /// The fingerprint of each step of the pipeline when it was last looked up, from before this run.
    last: OnceLock<BTreeMap<String, Digest>>,
}

impl<'a> View<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        store: &'a Store,
        loader: Loader<'a>,
        lookup: Lookup<'a>,
        models: &'a dyn Models,
        wanted: &[bool],
    ) -> Self {
        Self { plan, store, lookup, models, loader, ledger: Ledger::new(plan, wanted), run: "", last: OnceLock::new() }
    }

    /// The fingerprint of a step whose inputs are known; a panic in the step's code is its error.
    pub(crate) fn fingerprint(&self, step: &PlannedStep, inputs: InputDigests) -> Result<Fingerprint, StepError> {
        guard_step(step, || Fingerprint::of(step, inputs))
    }

    /// The digest of the fingerprint that the step had when it was last looked up.
    pub(crate) fn last(&self, step: &str) -> Option<Digest> {
        // A catalog that cannot be read knows nothing of the past; the run itself will say so.
        self.last.get_or_init(|| self.store.last_fingerprints(&self.plan.name).unwrap_or_default()).get(step).copied()
    }

    /// That fingerprint itself.
    pub(crate) fn last_fingerprint(&self, step: &str) -> Option<Fingerprint> {
        let fields = self.store.fields(&self.last(step)?).ok()??;
        serde_json::from_value(fields).ok()
    }

    /// Calls `ask` with a context for looking, not working.
    pub(crate) fn asking<T>(&self, step: &PlannedStep, ask: impl FnOnce(&Context<'_>) -> T) -> T {
        ask(&Context {
            setting: &step.setting,
            // Whoever only looks has nothing to write down.
            scratch: self.store.root(),
            held: self.store.root(),
            step: &step.name,
            pipeline: &self.plan.name,
            run: self.run,
            threads: 1,
            models: self.models,
            notes: &NoNotes,
            uses: &NoNotes,
            monitor: &Silent,
            warnings: &Mutex::default(),
        })
    }
}

struct Silent;

impl Monitor for Silent {
    fn progress(&self, _done: u64, _total: u64, _note: &str) {}
    fn log(&self, _line: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn now(&self) -> i64 {
        clock::now()
    }
}
