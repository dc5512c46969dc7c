//! Looking after a store: how big it is, whether it is sound, and what can go.

mod gc;
mod usage;
mod verify;

pub use gc::{Collected, Keep};
pub use usage::{KindUsage, Usage};
pub use verify::{CorruptBlob, IncompleteArtifact, Verified};

use serde::Serialize;

/// The roots of what is kept, and their closure over references, as the common table `kept(digest)`. The
/// parameter is the number of runs whose outputs are roots, the newest first; -1 is all of them. What a killed run among them had
/// finished counts too, since the next run goes on from there.
macro_rules! kept {
    ($runs:literal) => {
        concat!(
            "WITH RECURSIVE
           kept_runs AS (SELECT run, status, started FROM runs WHERE logged = 0 ORDER BY started DESC, run DESC LIMIT ",
            $runs,
            "),
           kept(digest) AS (
             SELECT o.artifact FROM step_outputs o WHERE o.run IN (SELECT run FROM kept_runs)
             UNION SELECT artifact FROM model_versions WHERE artifact IS NOT NULL
             UNION SELECT o.artifact FROM cache k JOIN cache_outputs o ON o.fingerprint = k.fingerprint
               WHERE k.created >= (SELECT min(started) FROM kept_runs WHERE status = 'running')
             UNION SELECT r.target FROM kept JOIN artifact_references r ON r.artifact = kept.digest)"
        )
    };
}
use kept;

/// Number and length of some files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    /// How many.
    pub count: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

impl Files {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

impl FromIterator<u64> for Files {
    fn from_iter<I: IntoIterator<Item = u64>>(lengths: I) -> Self {
        let mut files = Self::default();
        lengths.into_iter().for_each(|bytes| files.add(bytes));
        files
    }
}
