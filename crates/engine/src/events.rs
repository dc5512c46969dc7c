//! What a run tells while it goes on: enough to drive bars on a terminal, lines in a pipe, and a live page.

use serde::Serialize;
use trainyard_core::{
    Warning,
    record::{RunRecord, StepRecord},
};

/// Something that happened in a run. Events of one step come in order; those of different steps may interleave.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run has an id and is in the catalog.
    RunStarted {
        /// Its id.
        run: String,
        /// The pipeline's name.
        pipeline: String,
        /// Names of the steps in plan order.
        steps: Vec<String>,
    },
    /// A step began its work; one that is found in the cache or skipped only finishes.
    StepStarted {
        /// Its name.
        step: String,
        /// What it is.
        uses: String,
        /// Why it was not found in the cache.
        why: String,
    },
    /// A step got further. At most twenty a second, and always the last.
    StepProgress {
        /// Its name.
        step: String,
        /// Units done.
        done: u64,
        /// Units in all; 0 when not known.
        total: u64,
        /// A few words such as `rmse 3.1`.
        note: String,
    },
    /// A step wrote a line.
    StepLog {
        /// Its name.
        step: String,
        /// The line.
        line: String,
    },
    /// A step has something the user should know. Comes before the step's end, which repeats it.
    Warning {
        /// Its name.
        step: String,
        /// What.
        warning: Warning,
    },
    /// A step ended, however it did. Its outputs are in memory and may still be on their way to the store.
    StepFinished {
        /// Its record.
        record: Box<StepRecord>,
    },
    /// The run ended and everything it made is in the store.
    RunFinished {
        /// Its record.
        record: Box<RunRecord>,
    },
}
