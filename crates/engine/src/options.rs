//! How a plan is to be run.

use std::collections::BTreeSet;

/// How a plan is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The run's id, as [`crate::run_id`] makes them; a new one when absent.
    pub run: Option<String>,
    /// Steps that run although their results may be found.
    pub force: BTreeSet<String>,
    /// Only this step and those it takes from, however far away.
    pub until: Option<String>,
    /// Steps at once, and the processors there are; at least 1. No result depends on it.
    pub threads: usize,
    /// The memory, in bytes, that steps which say how much they want may have at once; no limit when absent.
    pub memory: Option<u64>,
}

impl Default for Options {
    /// Everything, as many steps at once as there are processors.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { run: None, force: BTreeSet::new(), until: None, threads, memory: None }
    }
}
