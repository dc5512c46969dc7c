//! One type for each sort of value, so that a column from CSV and the same column from Parquet are equal.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array},
    compute::{self, CastOptions, cast_with_options},
    datatypes::{DataType, Schema, SchemaRef, TimeUnit, UInt64Type},
};
use rayon::prelude::*;
use trainyard_core::ColumnType;

use super::{batch_of, field};
use crate::error::DataError;

/// What a plan calls a column of this Arrow type, canonical or not.
#[must_use]
pub fn column_type(data_type: &DataType) -> ColumnType {
    match canonical_type(data_type) {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int64 => ColumnType::Integer,
        DataType::Float64 => ColumnType::Float,
        DataType::Utf8 => ColumnType::Text,
        DataType::Date32 => ColumnType::Date,
        DataType::Timestamp(..) => ColumnType::Timestamp,
        _ => ColumnType::Other,
    }
}

/// The canonical type for a type; a UInt64 column becomes Float64 instead when a value does not fit.
fn canonical_type(data_type: &DataType) -> DataType {
    use DataType as T;
    match data_type {
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => T::Int64,
        T::Float16 | T::Float32 | T::Float64 => T::Float64,
        T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => T::Float64,
        // A column without any value has no type of its own.
        T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Null => T::Utf8,
        T::Date32 | T::Date64 => T::Date32,
        T::Timestamp(_, zone) => T::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into())),
        T::Dictionary(_, values) => canonical_type(values),
        T::RunEndEncoded(_, values) => canonical_type(values.data_type()),
        other => other.clone(),
    }
}

/// The columns in canonical types, none of which is UInt64: its canonical type depends on its values.
pub(crate) fn schema(schema: &Schema) -> Schema {
    let fields = schema.fields().iter();
    Schema::new(fields.map(|old| field(old.name(), canonical_type(old.data_type()))).collect::<Vec<_>>())
}

/// A piece of the column `name`, which is not UInt64, in its canonical type.
pub(crate) fn piece(name: &str, array: &ArrayRef) -> Result<ArrayRef, DataError> {
    let (_, mut pieces) = canonical_column(name, array.data_type(), vec![Arc::clone(array)])?;
    Ok(pieces.pop().expect("a column of one piece stays one"))
}

/// The same rows under a canonical schema of as many columns, none of which is UInt64 in the batch.
pub(super) fn batch(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, DataError> {
    let pairs = schema.fields().iter().zip(batch.columns());
    let columns = pairs.map(|(field, array)| piece(field.name(), array)).collect::<Result<_, _>>()?;
    batch_of(schema, columns, batch.num_rows())
}

/// The same rows in canonical types under a canonical schema.
pub(super) fn canonical(
    schema: &Schema,
    batches: Vec<RecordBatch>,
) -> Result<(SchemaRef, Vec<RecordBatch>), DataError> {
    for batch in &batches {
        fits(schema, batch)?;
    }
    let columns: Vec<(DataType, Vec<ArrayRef>)> = (0..schema.fields().len())
        .into_par_iter()
        .map(|position| {
            let arrays = batches.iter().map(|batch| Arc::clone(batch.column(position))).collect();
            canonical_column(schema.field(position).name(), schema.field(position).data_type(), arrays)
        })
        .collect::<Result<_, _>>()?;
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .zip(&columns)
        .map(|(old, (data_type, _))| field(old.name(), data_type.clone()))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batches = batches
        .iter()
        .enumerate()
        .map(|(index, batch)| {
            let arrays = columns.iter().map(|(_, arrays)| Arc::clone(&arrays[index])).collect();
            batch_of(&schema, arrays, batch.num_rows())
        })
        .collect::<Result<_, _>>()?;
    Ok((schema, batches))
}

fn fits(schema: &Schema, batch: &RecordBatch) -> Result<(), DataError> {
    if batch.num_columns() != schema.fields().len() {
        return Err(DataError::new(
            "bad-table",
            format!("a batch has {} columns where the table has {}", batch.num_columns(), schema.fields().len()),
        ));
    }
    let pairs = schema.fields().iter().zip(batch.columns());
    match pairs.into_iter().find(|(field, array)| field.data_type() != array.data_type()) {
        None => Ok(()),
        Some((field, array)) => Err(DataError::new(
            "bad-table",
            format!(
                "column `{}` is {} in one batch and {} in another",
                field.name(),
                field.data_type(),
                array.data_type()
            ),
        )),
    }
}

fn canonical_column(
    name: &str,
    data_type: &DataType,
    arrays: Vec<ArrayRef>,
) -> Result<(DataType, Vec<ArrayRef>), DataError> {
    let mut target = canonical_type(data_type);
    if target == *data_type {
        return Ok((target, arrays));
    }
    let whole = |array: &ArrayRef| array.as_primitive_opt::<UInt64Type>().and_then(largest).unwrap_or(0);
    if *data_type == DataType::UInt64 && arrays.iter().any(|array| whole(array) > i64::MAX as u64) {
        target = DataType::Float64;
    }
    // Not `safe`: a value that does not fit must be an error, never a silent null.
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let arrays = arrays
        .iter()
        .map(|array| cast_with_options(array, &target, &options))
        .collect::<Result<_, _>>()
        .map_err(|error| DataError::new("bad-table", format!("column `{name}` of type {data_type}: {error}")))?;
    Ok((target, arrays))
}

fn largest(array: &UInt64Array) -> Option<u64> {
    compute::max(array)
}
