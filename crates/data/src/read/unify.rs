//! Files of one schema as one table.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, new_null_array},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Schema, SchemaRef, TimeUnit},
};

use super::value::ValueType;
use crate::{
    error::DataError,
    table::{Table, batch_of, column_type, field},
};

/// The names and types of one file's columns. A column without any value has Arrow's null type, which goes with every
/// other.
pub(super) struct Heading {
    file: PathBuf,
    pub(super) names: Vec<String>,
    pub(super) types: Vec<DataType>,
}

impl Heading {
    pub(super) fn inferred(file: &Path, names: Vec<String>, types: &[ValueType]) -> Self {
        Self { file: file.to_owned(), names, types: types.iter().copied().map(arrow_type).collect() }
    }

    /// That of a file that knows its own types.
    pub(super) fn of_table(file: &Path, table: &Table) -> Self {
        Self {
            file: file.to_owned(),
            names: table.names().map(str::to_owned).collect(),
            types: table.arrow_schema().fields().iter().map(|field| field.data_type().clone()).collect(),
        }
    }
}

/// The columns of one file.
pub(super) struct Columns {
    heading: Heading,
    batches: Vec<Vec<ArrayRef>>,
}

impl Columns {
    pub(super) fn new(file: &Path, names: Vec<String>, types: &[ValueType], batches: Vec<Vec<ArrayRef>>) -> Self {
        Self { heading: Heading::inferred(file, names, types), batches }
    }

    /// The columns of a file that knows its own types.
    pub(super) fn of_table(file: &Path, table: &Table) -> Result<Self, DataError> {
        let batches = table.batches()?.iter().map(|batch| batch.columns().to_vec()).collect();
        Ok(Self { heading: Heading::of_table(file, table), batches })
    }
}

/// The Arrow type of inferred values.
pub(super) fn arrow_type(value_type: ValueType) -> DataType {
    match value_type {
        ValueType::Unknown => DataType::Null,
        ValueType::Boolean => DataType::Boolean,
        ValueType::Integer => DataType::Int64,
        ValueType::Float => DataType::Float64,
        ValueType::Date => DataType::Date32,
        ValueType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ValueType::TimestampUtc => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ValueType::Text => DataType::Utf8,
    }
}

/// The type that holds both, if one does without loss of what was written.
fn join(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType as T;
    let naive = T::Timestamp(TimeUnit::Microsecond, None);
    match (one, other) {
        (same, also) if same == also => Some(same.clone()),
        (T::Null, known) | (known, T::Null) => Some(known.clone()),
        (T::Int64, T::Float64) | (T::Float64, T::Int64) => Some(T::Float64),
        (T::Date32, moment) | (moment, T::Date32) if *moment == naive => Some(naive),
        _ => None,
    }
}

/// The rows of all files one below the other. Columns may stand in another order than in the first file.
///
/// # Errors
/// As [`Unified::of`].
pub(super) fn unify(files: &[Columns]) -> Result<Table, DataError> {
    let unified = Unified::of(files.iter().map(|file| &file.heading))?;
    let batches = files.iter().enumerate();
    let batches = batches.flat_map(|(number, file)| file.batches.iter().map(move |arrays| (number, arrays)));
    let batches = batches.map(|(number, arrays)| unified.batch(number, arrays)).collect::<Result<_, _>>()?;
    Table::new(unified.schema, batches)
}

/// The columns that files have in common.
pub(super) struct Unified {
    schema: SchemaRef,
    /// Where each column stands in each file.
    orders: Vec<Vec<usize>>,
}

impl Unified {
    /// The columns of these files.
    ///
    /// # Errors
    /// `different-schemas` naming every file and column at odds with the first file's.
    pub(super) fn of<'a>(files: impl IntoIterator<Item = &'a Heading>) -> Result<Self, DataError> {
        let mut files = files.into_iter().peekable();
        let Some(first) = files.peek().copied() else {
            return Err(DataError::new("file-not-found", "no file to read"));
        };
        let (names, mut types) = (&first.names, first.types.clone());
        let wanted = positions(names);
        let (mut odd, mut orders) = (Vec::new(), Vec::new());
        for columns in files {
            let file = columns.file.display();
            let known = positions(&columns.names);
            let missing = names.iter().filter(|name| !known.contains_key(name.as_str()));
            odd.extend(missing.map(|name| format!("`{file}` lacks column `{name}`")));
            let extra = columns.names.iter().filter(|name| !wanted.contains_key(name.as_str()));
            odd.extend(extra.map(|name| format!("`{file}` has one more column, `{name}`")));
            let mut order = Vec::with_capacity(names.len());
            for (name, joined) in names.iter().zip(&mut types) {
                let Some(position) = known.get(name.as_str()).copied() else { continue };
                order.push(position);
                match join(joined, &columns.types[position]) {
                    Some(wider) => *joined = wider,
                    None => odd.push(format!(
                        "column `{name}` is {} in `{file}` and {} before",
                        column_type(&columns.types[position]),
                        column_type(joined)
                    )),
                }
            }
            orders.push(order);
        }
        if !odd.is_empty() {
            return Err(DataError::new(
                "different-schemas",
                format!("files differ from the first, `{}`: {}", first.file.display(), odd.join("; ")),
            )
            .help("read them separately, or declare `types`"));
        }
        // A column without any value in any file is text.
        let types = types.into_iter().map(|joined| if joined == DataType::Null { DataType::Utf8 } else { joined });
        let fields: Vec<_> = names.iter().zip(types).map(|(name, data_type)| field(name, data_type)).collect();
        Ok(Self { schema: Arc::new(Schema::new(fields)), orders })
    }

    pub(super) const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Some rows of the file of that number, whose columns these are.
    ///
    /// # Errors
    /// `bad-table`.
    pub(super) fn batch(&self, file: usize, columns: &[ArrayRef]) -> Result<RecordBatch, DataError> {
        let rows = columns.first().map_or(0, |array| array.len());
        let pairs = self.orders[file].iter().zip(self.schema.fields());
        let arrays = pairs.map(|(position, field)| converted(&columns[*position], field.data_type()));
        batch_of(&self.schema, arrays.collect::<Result<_, _>>()?, rows)
    }
}

fn positions(names: &[String]) -> HashMap<&str, usize> {
    names.iter().enumerate().map(|(position, name)| (name.as_str(), position)).collect()
}

fn converted(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, DataError> {
    if array.data_type() == data_type {
        return Ok(Arc::clone(array));
    }
    if *array.data_type() == DataType::Null {
        return Ok(new_null_array(data_type, array.len()));
    }
    Ok(cast_with_options(array, data_type, &CastOptions { safe: false, ..CastOptions::default() })?)
}
