//! What programs log: experiments, their runs, metrics, parameters, tags, files, models.
//!
//! A pipeline's run and a run that some script logged are rows of one table, and so are their metrics: whoever searches
//! finds both. Metrics are written as they come, one row a call, and folded into series every moment
//! ([`crate::Store::fold_metrics`]); whoever reads folds first.

mod datasets;
mod experiments;
mod files;
mod logged_models;
mod metrics;
mod pipelines;
mod registry;
mod runs;
mod search;
mod tags;
mod uploads;

pub use datasets::{Dataset, RunModel, UsedDataset};
pub use experiments::Experiment;
pub use files::FileEntry;
pub use logged_models::{LoggedModel, ModelPoint};
pub(crate) use metrics::{MetricLog, bits};
pub use metrics::{Point, Points};
pub use registry::{NewVersion, RegisteredModel, RegisteredVersion};
pub use runs::{Batch, NewRun, TrackedRun};
pub use search::{Comparison, Condition, Field, Order, Search, Test, View};
pub use tags::Tagged;

use crate::error::StoreError;

/// JSON text made by the catalog itself.
pub type JsonText = String;

/// What has no such name.
fn unknown(code: &'static str, what: &str, name: impl std::fmt::Display) -> StoreError {
    StoreError::new(code, format!("there is no {what} `{name}`"))
}

#[cfg(test)]
mod tests;
