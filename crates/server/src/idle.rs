//! For tests: a server's surroundings where nothing runs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use trainyard_core::{Digest, Problem, profile::Profile, record::RunRecord};
use trainyard_store::{Mode, Store};

use crate::{Events, Files, Findings, Job, Order, Pipeline, Rows, Site, Workshop};

struct Idle;

fn nothing<T>() -> Result<T, Problem> {
    Err(Problem::error("not-started-here", "nothing runs here"))
}

impl Workshop for Idle {
    fn pipelines(&self) -> Result<Vec<PathBuf>, Problem> {
        Ok(Vec::new())
    }

    fn pipeline(&self, _: &Path, _: &BTreeMap<String, String>) -> Result<Pipeline, Problem> {
        nothing()
    }

    fn findings(&self, _: &RunRecord) -> Findings {
        Findings::default()
    }

    fn rows(&self, _: &Digest, _: usize, _: usize) -> Result<Rows, Problem> {
        nothing()
    }

    fn profile(&self, _: &Digest) -> Result<Profile, Problem> {
        nothing()
    }

    fn start(&self, _: &Order) -> Result<String, Problem> {
        nothing()
    }

    fn cancel(&self, _: &str, _: &str) -> Result<(), Problem> {
        nothing()
    }

    fn log(&self, _: &str) -> Option<String> {
        None
    }

    fn job(&self, _: &str) -> Option<Job> {
        None
    }

    fn mlflow_files(&self, _: &str, _: u64) -> Result<Files, Problem> {
        Ok(Arc::default())
    }
}

/// The surroundings of a server over a store in `folder`.
pub(crate) fn site(folder: &Path, store: Store) -> Arc<Site> {
    Arc::new(Site {
        reader: Store::open(folder, Mode::Read).unwrap(),
        store,
        workshop: Box::new(Idle),
        version: "0",
        stopping: Arc::default(),
        events: Events::default(),
    })
}
