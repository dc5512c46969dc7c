//! Profiles against what NumPy and pandas say.

use std::sync::Arc;

use arrow::array::{BooleanArray, Date32Array, Float64Array, Int64Array, StringArray};
use trainyard_core::{ColumnType, Value};

use super::*;

fn sample() -> Table {
    Table::from_columns(vec![
        ("n".to_owned(), Arc::new(Int64Array::from(vec![Some(1), Some(0), None, Some(1), Some(1)])) as ArrayRef),
        ("x".to_owned(), Arc::new(Float64Array::from(vec![0.5, -0.0, f64::NAN, 0.5, 0.5]))),
        ("t".to_owned(), Arc::new(StringArray::from(vec![Some("é"), Some("bb"), None, Some("é"), Some("é")]))),
        ("b".to_owned(), Arc::new(BooleanArray::from(vec![true, false, true, true, true]))),
        ("d".to_owned(), Arc::new(Date32Array::from(vec![1, 2, 3, 1, 1]))),
    ])
    .unwrap()
}

#[test]
fn every_type_has_its_statistics() {
    let profile = profile(&sample()).unwrap();
    assert_eq!((profile.rows, profile.duplicate_rows), (5, 2));
    let nulls: Vec<u64> = profile.columns.iter().map(|column| column.nulls).collect();
    assert_eq!(nulls, [1, 0, 1, 0, 0]);
    let distinct: Vec<u64> = profile.columns.iter().map(|column| column.distinct).collect();
    assert_eq!(distinct, [2, 3, 2, 2, 3]);
    let [n, x, t, b, d] = &profile.columns[..] else { panic!("five columns") };
    assert_eq!(n.top, [("1".to_owned(), 3), ("0".to_owned(), 1)]);
    let x = x.number.as_ref().unwrap();
    assert_eq!((x.not_finite, x.zeros, x.max), (1, 1, 0.5));
    assert_eq!((t.lengths, t.column_type), (Some((1, 2)), ColumnType::Text));
    assert_eq!(b.top[0], ("true".to_owned(), 4));
    assert_eq!((d.top[0].clone(), d.number.as_ref().unwrap().min), (("1970-01-02".to_owned(), 3), 86_400.0));
}

#[test]
fn batches_and_threads_do_not_matter_and_json_keeps_it() {
    let table = sample();
    let pieces = (0..5).flat_map(|row| table.slice(row, 1).batches().unwrap()).collect();
    let again = Table::new(Arc::clone(table.arrow_schema()), pieces).unwrap();
    let whole = profile(&table).unwrap();
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(whole.digest(), alone.install(|| profile(&again)).unwrap().digest());
    let json = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<Profile>(&json).unwrap(), whole);
}

#[test]
fn no_rows_and_no_values_are_no_trouble() {
    let empty = profile(&sample().slice(0, 0)).unwrap();
    assert_eq!((empty.rows, empty.columns[0].distinct), (0, 0));
    let nulls = Table::from_columns(vec![("a".to_owned(), Arc::new(Float64Array::from(vec![None, None])) as ArrayRef)]);
    let nulls = profile(&nulls.unwrap()).unwrap();
    assert_eq!((nulls.columns[0].nulls, nulls.columns[0].distinct, nulls.duplicate_rows), (2, 0, 1));
}
