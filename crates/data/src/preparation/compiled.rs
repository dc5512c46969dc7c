//! A preparation compiled once for the columns that are wanted of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::{can_cast_types, cast},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use trainyard_core::{ColumnType, problem::nearest};

use super::{Operation, Preparation, SourceColumn, conform::conform};
use crate::{
    columns::arrow_type,
    contract::cast_exactly,
    error::DataError,
    sql,
    table::{batch_of, column_type, field},
};

/// The way from records of the source to some columns of the table, compiled once: it reads only the source columns that
/// those need, and does to each record by itself what was done to the table's rows.
#[derive(Clone, Debug)]
pub struct Compiled {
    reads: Vec<Read>,
    stages: Vec<Stage>,
    outputs: Vec<String>,
    schema: SchemaRef,
}

/// A source column that is read.
#[derive(Clone, Debug)]
struct Read {
    column: SourceColumn,
    /// True when nothing is computed from it: a number is then a number, whole or not.
    plain: bool,
}

/// An operation on the columns that are needed.
#[derive(Clone, Debug)]
enum Stage {
    Columns(Vec<Pick>),
    Types(BTreeMap<String, DataType>),
    Sql(sql::Compiled),
}

#[derive(Clone, Debug)]
struct Pick {
    from: String,
    to: String,
    cast: Option<DataType>,
}

/// The columns between two operations; the type is not known of one that only the data tell.
type Columns = Vec<(String, Option<DataType>)>;

impl Compiled {
    /// The way to these columns of the table that `preparation` leads to, in that order.
    ///
    /// # Errors
    /// `unknown-column` when the table has no such column, or an operation needs one that is not there; `bad-cast`; what
    /// planning a query reports; `not-row-local` for a query that mixes rows.
    pub fn new(preparation: &Preparation, outputs: &[String]) -> Result<Self, DataError> {
        let (stages, columns) = forward(preparation)?;
        if let Some(missing) = outputs.iter().find(|name| place(&columns, name).is_none()) {
            return Err(DataError::unknown_column(missing, columns.iter().map(|(name, _)| name.as_str())));
        }
        let fields: Vec<Field> = outputs
            .iter()
            .filter_map(|name| place(&columns, name))
            .map(|at| field(&columns[at].0, columns[at].1.clone().unwrap_or(DataType::Binary)))
            .collect();
        let (stages, wanted) = backward(stages, outputs)?;
        let computed = computed_from(&stages, &wanted);
        let reads = preparation
            .source
            .iter()
            .filter(|column| wanted.contains(&column.column.name))
            .map(|column| Read { plain: !computed.contains(&column.column.name), column: column.clone() });
        Ok(Self { reads: reads.collect(), stages, outputs: outputs.to_vec(), schema: Arc::new(Schema::new(fields)) })
    }

    /// The names of the source columns that it reads, in the source's order.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().map(|read| read.column.column.name.as_str())
    }

    /// The source columns from which nothing is computed: a number in one may be whole or not.
    pub fn plain(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().filter(|read| read.plain).map(|read| read.column.column.name.as_str())
    }

    /// The columns that come out. A number that was whole in every row of the table may come out as a float.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The source column that an output is, be it under another name; none where it is computed or cast.
    #[must_use]
    pub fn origin(&self, output: &str) -> Option<&SourceColumn> {
        let mut name = output.to_owned();
        for stage in self.stages.iter().rev() {
            match stage {
                Stage::Columns(picks) => name = picks.iter().find(|pick| pick.to == name)?.from.clone(),
                Stage::Types(_) => {}
                Stage::Sql(query) => name = query.origin(&name)?,
            }
        }
        self.reads.iter().map(|read| &read.column).find(|column| column.column.name == name)
    }

    /// The source column whose values an output has, unchanged and of the same type, be it under another name.
    #[must_use]
    pub fn handed_on(&self, output: &str) -> Option<&SourceColumn> {
        let mut name = output.to_owned();
        for stage in self.stages.iter().rev() {
            match stage {
                Stage::Columns(picks) => {
                    let pick = picks.iter().find(|pick| pick.to == name)?;
                    if pick.cast.is_some() {
                        return None;
                    }
                    name.clone_from(&pick.from);
                }
                Stage::Types(types) if types.contains_key(&name) => return None,
                Stage::Types(_) => {}
                Stage::Sql(query) => name = query.origin(&name)?,
            }
        }
        self.reads.iter().map(|read| &read.column).find(|column| column.column.name == name)
    }

    /// Whether records of these columns can be prepared.
    ///
    /// # Errors
    /// `missing-column` naming all that are absent.
    pub fn require<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), DataError> {
        let found: Vec<&str> = names.into_iter().collect();
        let absent: Vec<&str> = self.reads().filter(|name| !found.contains(name)).collect();
        if absent.is_empty() { Ok(()) } else { Err(missing(&absent, &found)) }
    }

    /// The columns that come of these records of the source, one row for each. Source columns are found by name; those
    /// that are not needed may be absent, and any others are left alone. A value may come in another type that says the
    /// same: a whole number for a float, a date as ISO 8601 text.
    ///
    /// # Errors
    /// `missing-column` naming all that are absent; `wrong-type` for a value that is not of its column's type;
    /// `sql-failed` when one cannot be computed.
    pub fn apply(&self, records: &RecordBatch) -> Result<RecordBatch, DataError> {
        self.apply_from(records, 0)
    }

    /// The same where `first` records came before, so that errors count from the first of all.
    ///
    /// # Errors
    /// As [`Compiled::apply`].
    pub fn apply_from(&self, records: &RecordBatch, first: usize) -> Result<RecordBatch, DataError> {
        let rows = records.num_rows();
        if self.reads().any(|name| records.column_by_name(name).is_none()) {
            self.require(records.schema_ref().fields().iter().map(|field| field.name().as_str()))?;
        }
        let mut columns: Vec<(String, ArrayRef)> = Vec::with_capacity(self.reads.len());
        for read in &self.reads {
            let name = &read.column.column.name;
            if let Some(array) = records.column_by_name(name) {
                columns.push((name.clone(), conform(array, &read.column, read.plain, first)?));
            }
        }
        for stage in &self.stages {
            columns = stage.apply(columns, rows)?;
        }
        let arrays: Vec<ArrayRef> = self
            .outputs
            .iter()
            .filter_map(|output| columns.iter().find(|(name, _)| name == output))
            .map(|(_, array)| Arc::clone(array))
            .collect();
        batch(&self.schema, arrays, rows)
    }
}

/// The source columns that records lack, with the name that each may have been meant to have.
fn missing(absent: &[&str], found: &[&str]) -> DataError {
    let names: Vec<String> = absent.iter().map(|name| format!("`{name}`")).collect();
    let what = if absent.len() == 1 { "column" } else { "columns" };
    let error = DataError::new("missing-column", format!("the records lack {what} {}", names.join(", ")));
    let near: Vec<String> = absent
        .iter()
        .filter_map(|name| {
            let found = nearest(name, found.iter().copied())?;
            Some(format!("`{found}` for `{name}`"))
        })
        .collect();
    if near.is_empty() {
        return error.help("records must have the columns of the source that the model was trained from");
    }
    error.help(format!("is {}?", near.join(", ")))
}

fn place(columns: &Columns, name: &str) -> Option<usize> {
    columns.iter().position(|(known, _)| known == name)
}

/// The operations for all columns, and the columns that come out.
fn forward(preparation: &Preparation) -> Result<(Vec<Stage>, Columns), DataError> {
    let mut columns: Columns =
        preparation.source.iter().map(|column| (column.column.name.clone(), column.arrow_type())).collect();
    let mut stages = Vec::with_capacity(preparation.operations.len());
    for operation in &preparation.operations {
        let unknown = |name: &str, columns: &Columns| {
            DataError::unknown_column(name, columns.iter().map(|(name, _)| name.as_str()))
        };
        match operation {
            Operation::Columns(picked) => {
                let mut next = Vec::with_capacity(picked.len());
                let mut picks = Vec::with_capacity(picked.len());
                for one in picked {
                    let at = place(&columns, &one.from).ok_or_else(|| unknown(&one.from, &columns))?;
                    let target = one.cast.map(|to| castable(&one.from, columns[at].1.as_ref(), to)).transpose()?;
                    next.push((one.name().to_owned(), target.clone().or_else(|| columns[at].1.clone())));
                    picks.push(Pick { from: one.from.clone(), to: one.name().to_owned(), cast: target });
                }
                columns = next;
                stages.push(Stage::Columns(picks));
            }
            Operation::Types(types) => {
                let mut targets = BTreeMap::new();
                for (name, to) in types {
                    let at = place(&columns, name).ok_or_else(|| unknown(name, &columns))?;
                    let target = castable(name, columns[at].1.as_ref(), *to)?;
                    columns[at].1 = Some(target.clone());
                    targets.insert(name.clone(), target);
                }
                stages.push(Stage::Types(targets));
            }
            Operation::Sql { table, query } => {
                let fields: Vec<Field> =
                    columns.iter().filter_map(|(name, data_type)| Some(field(name, data_type.clone()?))).collect();
                let compiled = sql::Compiled::new(query, table, &Arc::new(Schema::new(fields)))?;
                let compiled = compiled.ok_or_else(|| {
                    DataError::new("not-row-local", "the query mixes rows, so it says nothing about a single record")
                })?;
                let out = compiled.schema().fields().iter();
                columns = out.map(|field| (field.name().clone(), Some(field.data_type().clone()))).collect();
                stages.push(Stage::Sql(compiled));
            }
        }
    }
    Ok((stages, columns))
}

fn castable(name: &str, from: Option<&DataType>, to: ColumnType) -> Result<DataType, DataError> {
    let refuse = |found: String| DataError::new("bad-cast", format!("`{name}` is {found} and cannot become {to}"));
    let target = arrow_type(to).ok_or_else(|| refuse("of a type".to_owned()))?;
    match from {
        Some(from) if can_cast_types(from, &target) => Ok(target),
        Some(from) => Err(refuse(column_type(from).to_string())),
        None => Err(refuse(ColumnType::Other.to_string())),
    }
}

/// The same operations for what the outputs need, and the source columns needed.
fn backward(stages: Vec<Stage>, outputs: &[String]) -> Result<(Vec<Stage>, BTreeSet<String>), DataError> {
    let mut wanted: BTreeSet<String> = outputs.iter().cloned().collect();
    let mut needed = Vec::with_capacity(stages.len());
    for stage in stages.into_iter().rev() {
        let stage = match stage {
            Stage::Columns(mut picks) => {
                picks.retain(|pick| wanted.contains(&pick.to));
                wanted = picks.iter().map(|pick| pick.from.clone()).collect();
                Stage::Columns(picks)
            }
            Stage::Types(mut types) => {
                types.retain(|name, _| wanted.contains(name));
                Stage::Types(types)
            }
            Stage::Sql(query) => {
                let query = query.only(&wanted.into_iter().collect::<Vec<_>>())?;
                wanted = query.reads().fields().iter().map(|field| field.name().clone()).collect();
                Stage::Sql(query)
            }
        };
        needed.push(stage);
    }
    needed.reverse();
    Ok((needed, wanted))
}

/// The source columns that something is computed from, or that are cast to anything but a float.
fn computed_from(stages: &[Stage], source: &BTreeSet<String>) -> BTreeSet<String> {
    // Where the columns between two operations come from, as long as they were only handed on.
    let mut plain: Vec<(String, String)> = source.iter().map(|name| (name.clone(), name.clone())).collect();
    let mut computed = BTreeSet::new();
    let bends = |to: &DataType| *to != DataType::Float64;
    for stage in stages {
        match stage {
            Stage::Columns(picks) => {
                let mut next = Vec::new();
                for pick in picks {
                    for (_, origin) in plain.iter().filter(|(name, _)| *name == pick.from) {
                        if pick.cast.as_ref().is_some_and(bends) {
                            computed.insert(origin.clone());
                        }
                        next.push((pick.to.clone(), origin.clone()));
                    }
                }
                plain = next;
            }
            Stage::Types(types) => {
                let bent = plain.iter().filter(|(name, _)| types.get(name).is_some_and(bends));
                computed.extend(bent.map(|(_, origin)| origin.clone()));
            }
            Stage::Sql(query) => {
                let used = query.computed_from();
                computed.extend(plain.iter().filter(|(name, _)| used.contains(name)).map(|(_, origin)| origin.clone()));
                let outputs = query.schema().fields().iter();
                plain = outputs
                    .filter_map(|field| {
                        let from = query.origin(field.name())?;
                        let (_, origin) = plain.iter().find(|(name, _)| *name == from)?;
                        Some((field.name().clone(), origin.clone()))
                    })
                    .collect();
            }
        }
    }
    computed
}

impl Stage {
    fn apply(&self, columns: Vec<(String, ArrayRef)>, rows: usize) -> Result<Vec<(String, ArrayRef)>, DataError> {
        match self {
            Self::Columns(picks) => picks
                .iter()
                .filter_map(|pick| {
                    let (_, array) = columns.iter().find(|(name, _)| *name == pick.from)?;
                    let array = match &pick.cast {
                        Some(target) if target != array.data_type() => cast(array, target).map_err(DataError::from),
                        _ => Ok(Arc::clone(array)),
                    };
                    Some(array.map(|array| (pick.to.clone(), array)))
                })
                .collect(),
            Self::Types(types) => columns
                .into_iter()
                .map(|(name, array)| match types.get(&name) {
                    Some(target) if target != array.data_type() => Ok((name, cast_exactly(&array, target)?)),
                    _ => Ok((name, array)),
                })
                .collect(),
            Self::Sql(query) => {
                let fields: Vec<Field> =
                    columns.iter().map(|(name, array)| field(name, array.data_type().clone())).collect();
                let arrays = columns.into_iter().map(|(_, array)| array).collect();
                let out = query.apply(&batch_of(&Arc::new(Schema::new(fields)), arrays, rows)?)?;
                let names = out.schema_ref().fields().iter().map(|field| field.name().clone());
                Ok(names.zip(out.columns().iter().cloned()).collect())
            }
        }
    }
}

/// A batch of these columns, of which a number may be a float where it was whole in the table.
fn batch(expected: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, DataError> {
    if expected.fields().iter().zip(&arrays).all(|(field, array)| field.data_type() == array.data_type()) {
        return batch_of(expected, arrays, rows);
    }
    let pairs = expected.fields().iter().zip(&arrays);
    let fields: Vec<Field> = pairs.map(|(old, array)| field(old.name(), array.data_type().clone())).collect();
    batch_of(&Arc::new(Schema::new(fields)), arrays, rows)
}
