//! A model at work: its package, and what is known of it before a request comes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use trainyard_core::{ColumnType, evaluation::Task};
use trainyard_data::DataError;
use trainyard_model::Package;

use crate::metrics::ModelMetrics;

/// What a column's cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A number; true and false count as 1 and 0.
    Number,
    /// A date or a moment.
    Moment,
    /// A text.
    Text,
}

/// A source column that a request may name.
#[derive(Clone, Debug)]
pub(crate) struct InputColumn {
    /// Its name, exactly as in the data.
    pub(crate) name: String,
    /// Its type in the training data.
    pub(crate) column_type: ColumnType,
    pub(crate) cell: Cell,
    /// Whether the model reads it: a column that is not needed may be left out, and is skipped.
    pub(crate) needed: bool,
}

/// The outputs that a request can ask for, the prediction first.
#[derive(Clone, Debug)]
pub(crate) struct OutputColumn {
    pub(crate) name: &'static str,
    /// Its datatype in the Open Inference Protocol.
    pub(crate) datatype: &'static str,
    /// Values a row.
    pub(crate) width: usize,
}

/// A loaded version of a model.
#[derive(Debug)]
pub(crate) struct Served {
    /// The model's name.
    pub name: String,
    /// The version.
    pub version: u64,
    pub(crate) version_text: String,
    pub(crate) package: Arc<Package>,
    pub(crate) inputs: Vec<InputColumn>,
    pub(crate) outputs: Vec<OutputColumn>,
    places: HashMap<String, usize>,
    pub(crate) metrics: ModelMetrics,
    /// When it was last asked, in milliseconds since the server started.
    last_used: AtomicU64,
}

impl Served {
    /// A package as version `version` of model `name`.
    ///
    /// # Errors
    /// `wrong-type` for a column that no request can carry.
    pub(crate) fn new(name: &str, version: u64, package: Arc<Package>) -> Result<Self, DataError> {
        let needed: std::collections::BTreeSet<String> = package.features.inputs().into_iter().collect();
        let mut inputs = Vec::new();
        for column in &package.signature.inputs {
            let cell = match column.column_type {
                ColumnType::Boolean | ColumnType::Integer | ColumnType::Float => Cell::Number,
                ColumnType::Date | ColumnType::Timestamp => Cell::Moment,
                ColumnType::Text => Cell::Text,
                ColumnType::Other if !needed.contains(&column.name) => Cell::Text,
                ColumnType::Other => {
                    let message = format!("column `{}` is of a type that no request can carry", column.name);
                    return Err(DataError::new("wrong-type", message));
                }
            };
            inputs.push(InputColumn {
                name: column.name.clone(),
                column_type: column.column_type,
                cell,
                needed: needed.contains(&column.name),
            });
        }
        let places = inputs.iter().enumerate().map(|(place, input)| (input.name.clone(), place)).collect();
        let outputs = outputs(&package);
        let metrics = ModelMetrics::default();
        let version_text = version.to_string();
        let last_used = AtomicU64::new(0);
        Ok(Self { name: name.to_owned(), version, version_text, package, inputs, outputs, places, metrics, last_used })
    }

    /// The place of the input of that name. Requests mostly name columns in one order, so `expected` is tried first.
    pub(crate) fn place(&self, name: &str, expected: usize) -> Option<usize> {
        match self.inputs.get(expected) {
            Some(input) if input.name == name => Some(expected),
            _ => self.places.get(name).copied(),
        }
    }

    pub(crate) fn touch(&self, now: u64) {
        self.last_used.store(now, Ordering::Relaxed);
    }

    pub(crate) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }

    /// What a person or a program may want to know about it, for metadata.
    pub(crate) fn facts(&self) -> BTreeMap<&'static str, String> {
        let signature = &self.package.signature;
        let mut facts = BTreeMap::from([
            ("estimator", self.package.estimator.clone()),
            ("task", signature.task.name().to_owned()),
            ("trained_by", self.package.provenance.trained_by.clone()),
        ]);
        if !signature.target.is_empty() {
            facts.insert("target", signature.target.clone());
        }
        facts
    }
}

fn outputs(package: &Package) -> Vec<OutputColumn> {
    let classes = package.signature.classes.len();
    let classified = matches!(package.signature.task, Task::Binary | Task::Multiclass);
    let datatype = match package.signature.task {
        Task::Binary | Task::Multiclass => "BYTES",
        Task::Clustering => "INT64",
        Task::Regression | Task::Ranking | Task::Anomaly => "FP64",
    };
    let mut outputs = vec![OutputColumn { name: "prediction", datatype, width: 1 }];
    if classified {
        outputs.push(OutputColumn { name: "probabilities", datatype: "FP64", width: classes });
    }
    if package.conformal.is_some() && package.signature.task == Task::Regression {
        outputs.push(OutputColumn { name: "interval_low", datatype: "FP64", width: 1 });
        outputs.push(OutputColumn { name: "interval_high", datatype: "FP64", width: 1 });
    } else if package.conformal.is_some() && classified {
        outputs.push(OutputColumn { name: "set", datatype: "BOOL", width: classes });
    }
    outputs
}
