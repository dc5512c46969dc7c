//! The columns of a request as Arrow arrays: for a model's preparation, and for the request log.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    },
    datatypes::{Field, Schema},
};
use trainyard_core::ColumnType;
use trainyard_data::DataError;
use trainyard_learn::{Frame, Values};

use crate::model::Served;

/// The columns of `frame`, which are those of the model's slots, as records of the source.
///
/// # Errors
/// `bad-table` when they do not make a table.
pub(crate) fn batch(model: &Served, frame: &Frame) -> Result<RecordBatch, DataError> {
    let columns = model.slots.iter().zip(&frame.columns);
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns
        .map(|(slot, column)| {
            let array = array(&column.values, slot.column_type, slot.utc);
            (Field::new(&slot.name, array.data_type().clone(), true), array)
        })
        .unzip();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(frame.rows));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
}

/// The values as a column of that type; moments in UTC where `utc` says so. A number in an integer column that is not whole
/// makes it a float column: nothing is rounded.
pub(crate) fn array(values: &Values, column_type: ColumnType, utc: bool) -> ArrayRef {
    let numbers: Vec<Option<f64>> = match values {
        Values::Number(values) | Values::Moment(values) => {
            values.iter().map(|value| Some(*value).filter(|value| !value.is_nan())).collect()
        }
        Values::Category { codes, levels } => {
            let texts = codes.iter().map(|code| levels.get(*code as usize).map(String::as_str));
            return Arc::new(texts.collect::<StringArray>());
        }
    };
    // Whole numbers beyond these are not told apart by a float, and a cast would bend them.
    let whole = |number: &Option<f64>| number.is_none_or(|n| n.fract() == 0.0 && n.abs() <= 9_007_199_254_740_992.0);
    match column_type {
        ColumnType::Boolean => {
            Arc::new(numbers.iter().map(|number| number.map(|n| n != 0.0)).collect::<BooleanArray>())
        }
        ColumnType::Integer if numbers.iter().all(whole) => {
            Arc::new(numbers.iter().map(|number| number.map(|n| n as i64)).collect::<Int64Array>())
        }

        ColumnType::Date => {
            let days = numbers.iter().map(|number| number.map(|n| (n / 86_400.0).floor() as i32));
            Arc::new(days.collect::<Date32Array>())
        }
        ColumnType::Timestamp => {
            let micros = numbers.iter().map(|number| number.map(|n| (n * 1e6).round() as i64));
            let moments = micros.collect::<TimestampMicrosecondArray>();
            Arc::new(if utc { moments.with_timezone("UTC") } else { moments })
        }
        ColumnType::Integer | ColumnType::Float | ColumnType::Text | ColumnType::Other => {
            Arc::new(Float64Array::from(numbers))
        }
    }
}
