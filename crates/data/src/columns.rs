//! Work on whole columns: renaming, casting, finding those that say nothing, finding repeated rows and values.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hasher as _},
    path::Path,
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    compute::{can_cast_types, cast, filter_record_batch},
    datatypes::{DataType, Float64Type, Schema, TimeUnit},
    row::{RowConverter, SortField},
};
use rayon::prelude::*;
use trainyard_core::ColumnType;

use crate::{DataError, Gather, Table, column_type, read::value};

/// The Arrow type that holds values of `column_type`; none for [`ColumnType::Other`].
#[must_use]
pub const fn arrow_type(column_type: ColumnType) -> Option<DataType> {
    Some(match column_type {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Float => DataType::Float64,
        ColumnType::Text => DataType::Utf8,
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::Other => return None,
    })
}

/// The table with columns renamed; a name that is no key of `names` stays.
///
/// # Errors
/// `duplicate-column` when two columns would share a name.
pub fn rename(table: &Table, names: &BTreeMap<String, String>) -> Result<Table, DataError> {
    table.renamed(|name| names.get(name).map_or(name, String::as_str).to_owned())
}

/// The table with columns cast, and for each how many values did not fit and became missing. A large result lies in a
/// file in `folder`.
///
/// # Errors
/// `unknown-column`; `bad-cast` when no value of the one type can become the other.
pub fn cast_columns(
    table: &Table,
    types: &BTreeMap<String, ColumnType>,
    folder: &Path,
) -> Result<(Table, Vec<(String, usize)>), DataError> {
    let schema = table.arrow_schema();
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    let (mut casts, mut lost) = (Vec::new(), Vec::new());
    for (name, &to) in types {
        let position = schema.index_of(name).map_err(|_| DataError::unknown_column(name, table.names()))?;
        let from = schema.field(position).data_type();
        let Some(target) = arrow_type(to) else {
            return Err(DataError::new("bad-cast", format!("`{name}` cannot be cast to `{to}`")));
        };
        if *from == target {
            continue;
        }
        if !can_cast_types(from, &target) {
            let message = format!("`{name}` is {} and cannot become {to}", column_type(from));
            return Err(DataError::new("bad-cast", message));
        }
        fields[position] = Arc::new(fields[position].as_ref().clone().with_data_type(target.clone()));
        casts.push((position, target));
        lost.push((name.clone(), 0));
    }
    if casts.is_empty() {
        return Ok((table.clone(), lost));
    }
    let schema = Arc::new(Schema::new(fields));
    let mut gather = Gather::new(&schema, folder)?;
    for batch in table.scan() {
        let mut arrays = batch?.columns().to_vec();
        for ((position, target), (_, lost)) in casts.iter().zip(&mut lost) {
            let done = cast(&arrays[*position], target)?;
            *lost += done.null_count().saturating_sub(arrays[*position].null_count());
            arrays[*position] = done;
        }
        gather.push(&RecordBatch::try_new(Arc::clone(&schema), arrays)?)?;
    }
    Ok((gather.finish()?, lost))
}

/// The rows that are not among `rows` (ascending, distinct). A large result lies in a file in `folder`.
///
/// # Errors
/// As [`Gather::push`] and [`Table::batches`].
pub fn without(table: &Table, rows: &[u32], folder: &Path) -> Result<Table, DataError> {
    let mut gather = Gather::new(table.arrow_schema(), folder)?;
    let (mut start, mut rest) = (0, rows);
    for batch in table.scan() {
        let batch = batch?;
        let end = start + batch.num_rows();
        let (here, later) = rest.split_at(rest.partition_point(|row| (*row as usize) < end));
        if here.is_empty() {
            gather.push(&batch)?;
        } else {
            let mut keep = vec![true; batch.num_rows()];
            here.iter().for_each(|row| keep[*row as usize - start] = false);
            gather.push(&filter_record_batch(&batch, &BooleanArray::from(keep))?)?;
        }
        (start, rest) = (end, later);
    }
    gather.finish()
}

/// The columns that hold one value only, missing counted as a value. A table of fewer than two rows has none.
///
/// # Errors
/// When a column cannot be compared.
pub fn constant(table: &Table) -> Result<Vec<String>, DataError> {
    if table.row_count() < 2 {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for name in table.names() {
        let array = table.column(name)?;
        if hashes(std::slice::from_ref(&array), array.len())?.windows(2).all(|pair| pair[0] == pair[1]) {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

/// Pairs of number columns (earlier, later, correlation) whose absolute Pearson correlation over the rows where both
/// are finite is at least `threshold`.
///
/// # Errors
/// When a column cannot be read.
pub fn near_duplicates(table: &Table, threshold: f64) -> Result<Vec<(String, String, f64)>, DataError> {
    let numbers: Vec<(String, Vec<f64>)> = table
        .schema()
        .columns
        .iter()
        .filter(|column| column.column_type.is_number())
        .map(|column| Ok((column.name.clone(), numbers(&table.column(&column.name)?)?)))
        .collect::<Result<_, DataError>>()?;
    let pairs: Vec<(usize, usize)> =
        (0..numbers.len()).flat_map(|first| (first + 1..numbers.len()).map(move |second| (first, second))).collect();
    Ok(pairs
        .into_par_iter()
        .filter_map(|(first, second)| {
            let correlation = correlation(&numbers[first].1, &numbers[second].1)?;
            (correlation.abs() >= threshold).then(|| (numbers[first].0.clone(), numbers[second].0.clone(), correlation))
        })
        .collect())
}

/// A number, boolean, date or timestamp column as floats; missing is NaN, moments are seconds since 1970.
///
/// # Errors
/// `wrong-type` for a column of another type.
pub fn numbers(array: &ArrayRef) -> Result<Vec<f64>, DataError> {
    let seconds = match array.data_type() {
        DataType::Timestamp(_, _) => 1e-6,
        DataType::Date32 => 86_400.0,
        _ => 1.0,
    };
    let whole = match array.data_type() {
        DataType::Timestamp(_, _) => cast(array, &DataType::Int64)?,
        DataType::Date32 => cast(array, &DataType::Int32)?,
        DataType::Int64 | DataType::Float64 | DataType::Boolean => Arc::clone(array),
        other => {
            let message = format!("expected numbers, found {}", column_type(other));
            return Err(DataError::new("wrong-type", message));
        }
    };
    let floats = cast(&whole, &DataType::Float64)?;
    let floats = floats.as_primitive::<Float64Type>();
    if floats.null_count() == 0 {
        return Ok(floats.values().iter().map(|value| value * seconds).collect());
    }
    Ok(floats.iter().map(|value| value.map_or(f64::NAN, |value| value * seconds)).collect())
}

/// What [`numbers`] gives for a cell of a date or timestamp column that was written as `text`.
#[must_use]
pub fn number_of_moment(text: &str, column_type: ColumnType) -> Option<f64> {
    let text = text.as_bytes();
    let day = value::date(text);
    let micros = || day.map(|day| i64::from(day) * value::DAY).or_else(|| Some(value::timestamp(text)?.0));
    if column_type == ColumnType::Date {
        let day = day.map(i64::from).or_else(|| Some(micros()?.div_euclid(value::DAY)));
        return day.map(|day| day as f64 * 86_400.0);
    }
    micros().map(|micros| micros as f64 * 1e-6)
}

/// A code a row for the column's values: equal values, equal codes; missing is a value of its own.
///
/// # Errors
/// `unknown-column`, or when the column has no text form.
pub fn codes(table: &Table, name: &str) -> Result<Vec<u32>, DataError> {
    let texts = cast(&table.column(name)?, &DataType::Utf8)?;
    let mut known: HashMap<Option<&str>, u32> = HashMap::new();
    let mut codes = Vec::with_capacity(texts.len());
    for text in texts.as_string::<i32>() {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        codes.push(*known.entry(text).or_insert(next));
    }
    Ok(codes)
}

/// Pearson's correlation over the rows where both are finite; none when one of them does not vary there.
#[must_use]
pub fn correlation(first: &[f64], second: &[f64]) -> Option<f64> {
    let pairs = || first.iter().zip(second).filter(|(a, b)| a.is_finite() && b.is_finite());
    #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
    let count = pairs().count() as f64;
    if count < 2.0 {
        return None;
    }
    let (sum_a, sum_b) = pairs().fold((0.0, 0.0), |(sum_a, sum_b), (a, b)| (sum_a + a, sum_b + b));
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let (mut cross, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (a, b) in pairs() {
        let (a, b) = (a - mean_a, b - mean_b);
        cross += a * b;
        square_a += a * a;
        square_b += b * b;
    }
    let scale = (square_a * square_b).sqrt();
    (scale > 0.0).then(|| cross / scale)
}

/// The rows that equal an earlier row in every column, ascending.
///
/// # Errors
/// When a column cannot be compared.
pub fn repeated_rows(table: &Table) -> Result<Vec<u32>, DataError> {
    let hashes = table.map_batches(|batch| hashes(batch.columns(), batch.num_rows()))?;
    Ok(repeats(hashes.iter().flatten().copied(), |_| true))
}

/// The rows whose value in the column stands in an earlier row already, ascending; missing values are left alone.
///
/// # Errors
/// `unknown-column`, or when the column cannot be compared.
pub fn repeated_values(table: &Table, name: &str) -> Result<Vec<u32>, DataError> {
    let array = table.column(name)?;
    let hashes = hashes(std::slice::from_ref(&array), array.len())?;
    Ok(repeats(hashes.into_iter(), |row| array.is_valid(row)))
}

/// The rows whose values in these columns together stand in an earlier row already, ascending; rows that lack one of
/// them are left alone.
///
/// # Errors
/// `unknown-column`, or when the columns cannot be compared.
pub fn repeated_keys(table: &Table, names: &[String]) -> Result<Vec<u32>, DataError> {
    let keyed = table.select(names)?;
    let keys = keyed.map_batches(|batch| {
        let lacks = |row: usize| batch.columns().iter().any(|array| array.is_null(row));
        let hashes = hashes(batch.columns(), batch.num_rows())?;
        Ok(hashes.into_iter().enumerate().map(|(row, hash)| (!lacks(row)).then_some(hash)).collect::<Vec<_>>())
    })?;
    let mut seen = HashSet::new();
    Ok((0_u32..)
        .zip(keys.into_iter().flatten())
        .filter(|(_, key)| key.is_some_and(|key| !seen.insert(key)))
        .map(|(row, _)| row)
        .collect())
}

fn repeats(hashes: impl Iterator<Item = u128>, counts: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut seen = HashSet::new();
    (0_u32..)
        .zip(hashes)
        .filter(|&(row, hash)| counts(row as usize) && !seen.insert(hash))
        .map(|(row, _)| row)
        .collect()
}

/// 128 bits of each row: equal rows are equal, and two different rows collide with a chance below 10⁻²⁰ at a billion.
fn hashes(columns: &[ArrayRef], rows: usize) -> Result<Vec<u128>, DataError> {
    if columns.is_empty() {
        return Ok(vec![0; rows]);
    }
    let fields = columns.iter().map(|array| SortField::new(array.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let rows = converter.convert_columns(columns)?;
    Ok(rows
        .iter()
        .map(|row| {
            let half = |salt: u64| {
                let mut hasher = DefaultHasher::new();
                hasher.write_u64(salt);
                hasher.write(row.data());
                hasher.finish()
            };
            (u128::from(half(1)) << 64) | u128::from(half(2))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    fn table() -> Table {
        Table::from_columns(vec![
            ("a".to_owned(), Arc::new(Float64Array::from(vec![1.0, 2.0, 1.0, 4.0])) as ArrayRef),
            ("b".to_owned(), Arc::new(Float64Array::from(vec![2.0, 4.0, 2.0, 8.0])) as ArrayRef),
            ("c".to_owned(), Arc::new(StringArray::from(vec!["x", "12", "x", "7.5"])) as ArrayRef),
            ("d".to_owned(), Arc::new(Int64Array::from(vec![7, 7, 7, 7])) as ArrayRef),
        ])
        .unwrap()
    }

    #[test]
    fn finds_what_says_nothing() {
        assert_eq!(constant(&table()).unwrap(), ["d"]);
        let found = near_duplicates(&table(), 0.999).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("a", "b"));
        assert_eq!(repeated_rows(&table()).unwrap(), [2]);
        assert_eq!(repeated_values(&table(), "c").unwrap(), [2]);
        assert_eq!(repeated_keys(&table(), &["a".to_owned(), "c".to_owned()]).unwrap(), [2]);
        assert!(repeated_keys(&table(), &["a".to_owned(), "e".to_owned()]).is_err());
    }

    #[test]
    fn casting_counts_what_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let to = |name: &str| BTreeMap::from([(name.to_owned(), ColumnType::Float)]);
        let (cast, lost) = cast_columns(&table(), &to("c"), folder.path()).unwrap();
        assert_eq!(lost, [("c".to_owned(), 2)]);
        assert_eq!(cast.schema().column("c").unwrap().column_type, ColumnType::Float);
        assert_eq!(cast_columns(&table(), &to("a"), folder.path()).unwrap(), (table(), Vec::new()));
        assert_eq!(cast_columns(&table(), &to("e"), folder.path()).unwrap_err().code, "unknown-column");
    }

    #[test]
    fn renames_and_leaves_out() {
        let renamed = rename(&table(), &BTreeMap::from([("a".to_owned(), "z".to_owned())])).unwrap();
        assert_eq!(renamed.names().collect::<Vec<_>>(), ["z", "b", "c", "d"]);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(without(&table(), &[0, 3], folder.path()).unwrap().row_count(), 2);
        assert!(rename(&table(), &BTreeMap::from([("a".to_owned(), "b".to_owned())])).is_err());
    }
}
