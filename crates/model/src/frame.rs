//! Table columns as raw feature columns.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::cast,
    datatypes::DataType,
};
use trainyard_data::{DataError, Table, columns::numbers};
use trainyard_learn::{Frame, FrameColumn, Values};

/// The columns `names` of `table` as raw feature columns: numbers and booleans (0 and 1) become numbers, dates and
/// timestamps become moments (seconds since 1970), both with NaN where missing; everything else becomes a category of its
/// text.
///
/// # Errors
/// `unknown-column`, or `wrong-type` for a column that has no text form.
pub fn frame(table: &Table, names: &[String]) -> Result<Frame, DataError> {
    let columns = names
        .iter()
        .map(|name| Ok(FrameColumn { name: name.clone(), values: values(name, &table.column(name)?)? }))
        .collect::<Result<_, DataError>>()?;
    Ok(Frame { columns, rows: table.row_count() })
}

/// The columns of `batch` as raw feature columns, as [`frame`].
///
/// # Errors
/// `wrong-type` for a column that has no text form.
pub fn batch_frame(batch: &RecordBatch) -> Result<Frame, DataError> {
    let columns = batch
        .schema_ref()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, array)| Ok(FrameColumn { name: field.name().clone(), values: values(field.name(), array)? }))
        .collect::<Result<_, DataError>>()?;
    Ok(Frame { columns, rows: batch.num_rows() })
}

fn values(name: &str, array: &ArrayRef) -> Result<Values, DataError> {
    if let Ok(numbers) = numbers(array) {
        return Ok(match array.data_type() {
            DataType::Timestamp(..) | DataType::Date32 => Values::Moment(numbers),
            _ => Values::Number(numbers),
        });
    }
    if array.data_type() == &DataType::Null {
        return Ok(Values::Number(vec![f64::NAN; array.len()]));
    }
    let texts = cast(array, &DataType::Utf8).map_err(|_| {
        DataError::new(
            "wrong-type",
            format!("column `{name}` is {}, which no feature can be made of", array.data_type()),
        )
    })?;
    let texts = texts.as_string::<i32>();
    // Levels in the order of their texts, so that the order of rows does not matter.
    let mut levels: BTreeMap<&str, u32> = texts.iter().flatten().map(|text| (text, 0)).collect();
    for (code, level) in (0..).zip(levels.values_mut()) {
        *level = code;
    }
    let codes = texts.iter().map(|text| text.map_or(Values::MISSING, |text| levels[text])).collect();
    Ok(Values::Category { codes, levels: levels.into_keys().map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, StringArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn every_type_has_its_form() {
        let table = Table::from_columns(vec![
            ("flag".to_owned(), Arc::new(BooleanArray::from(vec![Some(true), None])) as ArrayRef),
            ("text".to_owned(), Arc::new(StringArray::from(vec![Some("b"), Some("a")])) as ArrayRef),
            ("when".to_owned(), Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, 0])) as ArrayRef),
        ])
        .unwrap();
        let frame = frame(&table, &["flag".to_owned(), "text".to_owned(), "when".to_owned()]).unwrap();
        let Values::Number(flag) = &frame.columns[0].values else { panic!("a flag is a number") };
        assert!(flag[0] == 1.0 && flag[1].is_nan());
        assert_eq!(
            frame.columns[1].values,
            Values::Category { codes: vec![1, 0], levels: vec!["a".to_owned(), "b".to_owned()] }
        );
        assert_eq!(frame.columns[2].values, Values::Moment(vec![1.5, 0.0]));
    }
}
