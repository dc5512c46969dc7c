//! What is known of an artifact before it exists: enough to find a misspelt column before anything runs.

use serde::{Deserialize, Serialize};

use crate::{artifact::Kind, evaluation::Task, schema::Schema};

/// What is known of an artifact before (and after) it is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Outline {
    /// A table.
    Table {
        /// Its columns.
        schema: Schema,
    },
    /// A table cut into parts.
    Split {
        /// The columns of the table that was split.
        schema: Schema,
        /// The column to predict, if the split names one.
        target: Option<String>,
        /// The column that keeps rows together, if the split names one.
        group: Option<String>,
        /// The column that orders rows in time, if the split names one.
        time: Option<String>,
        /// The names of its parts, such as `train`, `validation`, `test`.
        parts: Vec<String>,
    },
    /// A fitted model package.
    Model {
        /// The column it predicts; empty for a model that needs none.
        target: String,
        /// What it predicts; not known where only the data can tell.
        task: Option<Task>,
        /// The raw columns it reads.
        features: Vec<String>,
        /// The estimator's name, such as `gradient-boosting`.
        estimator: String,
    },
    /// Models judged against actual values.
    Evaluation {
        /// The judged models' step names.
        models: Vec<String>,
        /// What they predict; not known where only the data can tell.
        task: Option<Task>,
        /// The metrics measured.
        metrics: Vec<String>,
    },
    /// Statistics of a table.
    Profile,
    /// A registered model version.
    Release {
        /// The registered model's name.
        name: String,
    },
    /// A document of any other sort.
    Document,
}

impl Outline {
    /// The kind of artifact it outlines.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Table { .. } => Kind::Table,
            Self::Split { .. } => Kind::Split,
            Self::Model { .. } => Kind::Model,
            Self::Evaluation { .. } => Kind::Evaluation,
            Self::Profile => Kind::Profile,
            Self::Release { .. } => Kind::Release,
            Self::Document => Kind::Document,
        }
    }

    /// The columns, where it is a table or a split of one.
    #[must_use]
    pub const fn schema(&self) -> Option<&Schema> {
        match self {
            Self::Table { schema } | Self::Split { schema, .. } => Some(schema),
            _ => None,
        }
    }
}
