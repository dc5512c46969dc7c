//! What a model reads of the records as they come from the source.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use trainyard_core::Column;
use trainyard_data::{
    DataError, Table,
    preparation::{Compiled, Preparation, SourceColumn},
};

/// A column of the records that a model predicts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceField {
    /// The column.
    #[serde(flatten)]
    pub column: SourceColumn,
    /// True when records must have it; any other column may be absent and is not looked at.
    pub needed: bool,
    /// The model's own name for it, where the model reads its values unchanged. A model all of whose columns are read so
    /// needs no preparation, and none is compiled for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_as: Option<String>,
}

impl SourceField {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.column.column.name
    }

    /// A needed column, of which no more than name and type is known.
    #[must_use]
    pub fn needed(column: &Column) -> Self {
        let read_as = Some(column.name.clone());
        Self { column: SourceColumn { column: column.clone(), utc: false, unit: None }, needed: true, read_as }
    }
}

/// What has to be done to a record before its model columns are there, and the source's columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// None where the model reads the source's columns as they are.
    pub preparation: Option<Preparation>,
    /// The source's columns in its order, without those that say nothing but the target.
    pub fields: Vec<SourceField>,
}

impl Source {
    /// That of a model which learned the column `target` of `table` from its columns `inputs`. Where records of the
    /// table's source cannot be prepared by themselves, the table is taken for the source.
    ///
    /// # Errors
    /// `target-in-features` when an input is the target under another name, or computed from it: at prediction time
    /// nobody knows it.
    pub fn of(table: &Table, inputs: &[String], target: &str) -> Result<Self, DataError> {
        let preparation = table.since_source();
        let Ok(compiled) = Compiled::new(&preparation, inputs) else {
            return Ok(Self::itself(table, inputs, target));
        };
        let needed: BTreeSet<&str> = compiled.reads().collect();
        let of_target = [target.to_owned()];
        let aim = if target.is_empty() { None } else { Compiled::new(&preparation, &of_target).ok() };
        if let Some(origin) = aim.as_ref().and_then(|aim| aim.origin(target)).map(|origin| &origin.column.name)
            && needed.contains(origin.as_str())
        {
            let leak = |input: &&String| {
                Compiled::new(&preparation, std::slice::from_ref(*input))
                    .is_ok_and(|compiled| compiled.reads().any(|name| name == origin))
            };
            let leaks: Vec<String> = inputs.iter().filter(leak).map(|name| format!("`{name}`")).collect();
            let is = if leaks.len() == 1 { "is" } else { "are" };
            let message = format!(
                "{} {is} made of the target `{target}`, which nobody knows at prediction time",
                leaks.join(", ")
            );
            return Err(DataError::new("target-in-features", message)
                .help("leave it out with `features: {exclude: […]}`, or do not compute it"));
        }
        let of_target: BTreeSet<&str> = aim.iter().flat_map(Compiled::reads).collect();
        let read_as: BTreeMap<&str, &str> = inputs
            .iter()
            .filter_map(|input| Some((compiled.handed_on(input)?.column.name.as_str(), input.as_str())))
            .collect();
        let fields = preparation
            .source
            .iter()
            .map(|column| SourceField {
                needed: needed.contains(column.column.name.as_str()),
                read_as: read_as.get(column.column.name.as_str()).map(|input| (*input).to_owned()),
                column: column.clone(),
            })
            .filter(|field| field.needed || !of_target.contains(field.name()))
            .collect();
        let preparation = (!preparation.operations.is_empty()).then_some(preparation);
        Ok(Self { preparation, fields })
    }

    /// The table as the source.
    fn itself(table: &Table, inputs: &[String], target: &str) -> Self {
        let columns = Preparation::of_source(table.arrow_schema()).source.into_iter();
        let fields = columns
            .filter(|column| column.column.name != target)
            .map(|column| {
                let needed = inputs.contains(&column.column.name);
                SourceField { needed, read_as: needed.then(|| column.column.name.clone()), column }
            })
            .collect();
        Self { preparation: None, fields }
    }
}
