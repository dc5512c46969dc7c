//! Runs a checked plan: fingerprint → find → run → keep → record.
//!
//! Reading order: [`Fingerprint`] says what decides a result; `run_step` is the sentence above, for one step; `run`
//! looks everything up first and leaves the rest to `schedule`, a small pool of threads; `keep` writes results to the
//! store beside the next step's work. `foresee` tells what a run would do, for [`preview()`] and [`explain()`].
//!
//! Knows no step by name: the caller hands over the registry. Prints nothing: the caller is told [`Event`]s.

mod attempt;
mod backlog;
mod clock;
mod cost;
mod error;
mod events;
mod explain;
mod find;
mod fingerprint;
mod foresee;
mod guard;
mod inputs;
mod keep;
mod ledger;
mod load;
mod models;
mod monitor;
mod notes;
mod options;
mod preview;
mod process;
mod record;
mod run;
mod run_step;
mod schedule;
mod scratch;
mod secrets;
mod select;
mod view;

pub use clock::run_id;
pub use error::EngineError;
pub use events::Event;
pub use explain::{Explanation, explain};
pub use fingerprint::{Change, Fingerprint, InputDigests, VERSION, changes};
pub use load::load;
pub use options::Options;
pub use preview::{PreviewStatus, PreviewStep, preview};
pub use run::run;
