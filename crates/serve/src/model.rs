//! A model at work: its package, and what is known of it before a request comes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use trainyard_core::{ColumnType, evaluation::Task};
use trainyard_data::{DataError, preparation::Preparation};
use trainyard_model::{Package, Scorer};

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
    /// Its place among the columns that are filled; a column that the model does not need may be left out, and is skipped.
    pub(crate) slot: Option<usize>,
}

/// A column that a request fills.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// Its name in the source.
    pub(crate) name: String,
    /// What the rows call it: the model's name for it, where the model reads the source's columns as they are.
    pub(crate) filled_as: String,
    pub(crate) column_type: ColumnType,
    /// Whether its moments are in UTC.
    pub(crate) utc: bool,
    pub(crate) cell: Cell,
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
    pub(crate) scorer: Scorer,
    /// All columns of the source, in its order, but the target.
    pub(crate) inputs: Vec<InputColumn>,
    /// Those of them that the model needs.
    pub(crate) slots: Vec<Slot>,
    /// True when something is computed from the source's columns before the model reads them.
    pub(crate) prepares: bool,
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
    /// `wrong-type` for a column that no request can carry; `broken-artifact`.
    pub(crate) fn new(name: &str, version: u64, package: Arc<Package>) -> Result<Self, DataError> {
        let model_columns = package.features.inputs();
        // Column by column as the model calls them, where they are nothing but the source's under other names.
        let read_as = |column: &String| {
            let field = package.signature.source.iter().find(|field| field.read_as.as_ref() == Some(column))?;
            Some((field.name().to_owned(), column.clone()))
        };
        let handed_on: Option<Vec<(String, String)>> = model_columns.iter().map(read_as).collect();
        let prepares = handed_on.is_none();
        let order = match handed_on {
            Some(order) => order,
            None => package.intake()?.reads().map(|name| (name.to_owned(), name.to_owned())).collect(),
        };
        let mut slots = Vec::with_capacity(order.len());
        for (name, filled_as) in order {
            let field = package.signature.source.iter().find(|field| field.name() == name).ok_or_else(|| {
                DataError::new("broken-artifact", format!("the package reads a column `{name}` that it does not name"))
            })?;
            let column_type = field.column.column.column_type;
            let cell = match column_type {
                ColumnType::Boolean | ColumnType::Integer | ColumnType::Float => Cell::Number,
                ColumnType::Date | ColumnType::Timestamp => Cell::Moment,
                ColumnType::Text => Cell::Text,
                ColumnType::Other => {
                    let message = format!("column `{name}` is of a type that no request can carry");
                    return Err(DataError::new("wrong-type", message));
                }
            };
            slots.push(Slot { name, filled_as, column_type, utc: field.column.utc, cell });
        }
        let inputs: Vec<InputColumn> = package
            .signature
            .source
            .iter()
            .map(|field| InputColumn {
                name: field.name().to_owned(),
                column_type: field.column.column.column_type,
                slot: slots.iter().position(|slot| slot.name == field.name()),
            })
            .collect();
        let places = inputs.iter().enumerate().map(|(place, input)| (input.name.clone(), place)).collect();
        let outputs = outputs(&package);
        let scorer = Scorer::new(package)?;
        let metrics = ModelMetrics::default();
        let version_text = version.to_string();
        let last_used = AtomicU64::new(0);
        Ok(Self {
            name: name.to_owned(),
            version,
            version_text,
            scorer,
            inputs,
            slots,
            prepares,
            outputs,
            places,
            metrics,
            last_used,
        })
    }

    pub(crate) fn package(&self) -> &Package {
        self.scorer.package()
    }

    /// The place of the input of that name. Requests mostly name columns in one order, so `expected` is tried first.
    pub(crate) fn place(&self, name: &str, expected: usize) -> Option<usize> {
        match self.inputs.get(expected) {
            Some(input) if input.name == name => Some(expected),
            _ => self.places.get(name).copied(),
        }
    }

    /// Whether records may hold that column although the model predicts it, or something made of it.
    pub(crate) fn is_target(&self, name: &str) -> bool {
        let of_source = |source: &Preparation| source.source.iter().any(|column| column.column.name == name);
        name == self.package().signature.target || self.package().preparation.as_ref().is_some_and(of_source)
    }

    pub(crate) fn touch(&self, now: u64) {
        self.last_used.store(now, Ordering::Relaxed);
    }

    pub(crate) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }

    /// What a person or a program may want to know about it, for metadata.
    pub(crate) fn facts(&self) -> BTreeMap<&'static str, String> {
        let signature = &self.package().signature;
        let mut facts = BTreeMap::from([
            ("estimator", self.package().estimator.clone()),
            ("task", signature.task.name().to_owned()),
            ("trained_by", self.package().provenance.trained_by.clone()),
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
