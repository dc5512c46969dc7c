//! What is known of every step so far: how it ended, and its values while a later step may still want them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use trainyard_core::{
    Plan, Value,
    record::{ErrorRecord, StepRecord, StepStatus},
};

use crate::fingerprint::Fingerprint;

/// How a step ended.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    /// What is shown of it.
    pub(crate) record: Arc<StepRecord>,
    /// The fields of its fingerprint, where the catalog may not know them yet.
    pub(crate) fields: Option<serde_json::Value>,
    /// True when its `when:` said no, or that of a step before it: those after it may do without.
    pub(crate) absent: bool,
}

/// Endings and values of all steps, by number.
pub(crate) struct Ledger {
    slots: Vec<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    ending: Option<Ending>,
    /// How often it ended: 2 once it was made again because what the store had of it was broken.
    endings: u32,
    /// Why it must be made although it is found.
    redo: Option<String>,
    /// Its fingerprint from the look before the run, with the reason for the miss.
    missed: Option<(Fingerprint, String)>,
    values: BTreeMap<String, Arc<dyn Value>>,
    /// Steps after it that have not ended.
    followers: usize,
    /// Held while a value is loaded, so that two steps that want it load it once.
    loading: Arc<Mutex<()>>,
}

/// What to do about a value that cannot be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mend {
    /// Its step must run again.
    Redo,
    /// Its step is being, or has just been, made again: try once more.
    Retry,
    /// Its step has been made again and the value still cannot be loaded.
    Hopeless,
}

impl Ledger {
    /// A ledger for the `wanted` steps of a plan.
    pub(crate) fn new(plan: &Plan, wanted: &[bool]) -> Self {
        let mut slots: Vec<Slot> = Vec::new();
        slots.resize_with(plan.steps.len(), Slot::default);
        for (number, step) in plan.steps.iter().enumerate() {
            if wanted[number] {
                step.inputs.values().flatten().for_each(|source| slots[source.step].followers += 1);
            }
        }
        Self { slots: slots.into_iter().map(Mutex::new).collect() }
    }

    /// How the step ended and how often it has, if it has.
    pub(crate) fn ending(&self, step: usize) -> Option<(Ending, u32)> {
        let slot = self.slot(step);
        slot.ending.clone().map(|ending| (ending, slot.endings))
    }

    /// Notes how the step ended, and its values where it has them in memory.
    pub(crate) fn end(&self, step: usize, ending: Ending, values: BTreeMap<String, Arc<dyn Value>>) {
        let mut slot = self.slot(step);
        slot.ending = Some(ending);
        slot.endings += 1;
        slot.redo = None;
        slot.values = if slot.followers > 0 { values } else { BTreeMap::new() };
    }

    /// One follower fewer that may want the step's values; with the last, they are let go.
    pub(crate) fn release(&self, step: usize) {
        let mut slot = self.slot(step);
        slot.followers = slot.followers.saturating_sub(1);
        if slot.followers == 0 {
            slot.values.clear();
        }
    }

    /// One follower more: it ended before and is made again.
    pub(crate) fn hold(&self, step: usize) {
        self.slot(step).followers += 1;
    }

    /// The value in memory, if it is there.
    pub(crate) fn value(&self, step: usize, port: &str) -> Option<Arc<dyn Value>> {
        self.slot(step).values.get(port).cloned()
    }

    /// Keeps a loaded value in memory for the other followers.
    pub(crate) fn put_value(&self, step: usize, port: &str, value: &Arc<dyn Value>) {
        let mut slot = self.slot(step);
        if slot.followers > 1 {
            slot.values.insert(port.to_owned(), Arc::clone(value));
        }
    }

    /// The lock under which the step's values are loaded.
    pub(crate) fn loading(&self, step: usize) -> Arc<Mutex<()>> {
        Arc::clone(&self.slot(step).loading)
    }

    /// A value that the step made could not be loaded, by someone who had seen it end `endings` times.
    pub(crate) fn mend(&self, step: usize, endings: u32, why: String) -> Mend {
        let mut slot = self.slot(step);
        if slot.endings != endings || slot.redo.is_some() {
            return Mend::Retry;
        }
        if slot.endings > 1 {
            return Mend::Hopeless;
        }
        slot.redo = Some(why);
        Mend::Redo
    }

    /// Why the step must be made although it may be found.
    pub(crate) fn redo(&self, step: usize) -> Option<String> {
        self.slot(step).redo.clone()
    }

    /// Notes that the step was looked up and not found.
    pub(crate) fn put_missed(&self, step: usize, fingerprint: Fingerprint, why: String) {
        self.slot(step).missed = Some((fingerprint, why));
    }

    /// What [`Ledger::put_missed`] noted, once.
    pub(crate) fn take_missed(&self, step: usize) -> Option<(Fingerprint, String)> {
        self.slot(step).missed.take()
    }

    /// The step did its work but it could not be kept.
    pub(crate) fn fail(&self, step: usize, error: ErrorRecord) {
        let mut slot = self.slot(step);
        if let Some(ending) = &mut slot.ending {
            let record = Arc::make_mut(&mut ending.record);
            record.status = StepStatus::Failed;
            record.error = Some(error);
            record.outputs.clear();
        }
    }

    fn slot(&self, step: usize) -> MutexGuard<'_, Slot> {
        self.slots[step].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
