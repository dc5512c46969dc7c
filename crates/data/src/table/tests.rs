//! Tables: canonical types, digests, selections, keeping and reading back.

use std::{collections::BTreeMap, path::PathBuf};

use arrow::array::{
    BooleanArray, Date32Array, DictionaryArray, Float32Array, Float64Array, Int32Array, Int64Array, LargeStringArray,
    StringArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::Int8Type;
use trainyard_core::{ColumnType, Stored};

use super::*;

fn sample() -> Table {
    Table::from_columns(vec![
        ("id".to_owned(), Arc::new(Int64Array::from(vec![Some(1), None, Some(-3), Some(4)]))),
        ("x".to_owned(), Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN), None, Some(-0.0)]))),
        ("name".to_owned(), Arc::new(StringArray::from(vec![Some("a"), Some(""), None, Some("dé")]))),
        ("ok".to_owned(), Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
        ("day".to_owned(), Arc::new(Date32Array::from(vec![Some(0), None, Some(19000), Some(-1)]))),
        ("at".to_owned(), Arc::new(TimestampNanosecondArray::from(vec![Some(1_000), Some(2_000), None, Some(-5_000)]))),
    ])
    .unwrap()
}

#[test]
fn its_digest_is_pinned() {
    // A change here renames every kept table: bump the version in `digest.rs` and say so.
    assert_eq!(sample().digest().to_string(), "8bc13a69a0aed7fb44e65a9e8de56b859d8f07277093af8b8d31cc2a30460ff9");
}

#[test]
fn its_digest_does_not_see_batches_or_what_lies_under_nulls() {
    let table = sample();
    let pieces: Vec<RecordBatch> = (0..4).flat_map(|row| table.slice(row, 1).batches().unwrap()).collect();
    assert_eq!(pieces.len(), 4);
    let again = Table::new(Arc::clone(table.arrow_schema()), pieces).unwrap();
    assert_eq!(again.digest(), table.digest());

    let nulls = arrow::buffer::NullBuffer::from(vec![true, false]);
    let hidden = |under: i64, nan: f64, text: &str| {
        let whole = Int64Array::new(vec![1, under].into(), Some(nulls.clone()));
        let real = Float64Array::from(vec![nan, 1.0]);
        let texts = StringArray::from(vec!["a", text]);
        let texts = StringArray::new(texts.offsets().clone(), texts.values().clone(), Some(nulls.clone()));
        Table::from_columns(vec![
            ("i".to_owned(), Arc::new(whole) as ArrayRef),
            ("f".to_owned(), Arc::new(real)),
            ("t".to_owned(), Arc::new(texts)),
        ])
        .unwrap()
        .digest()
    };
    assert_eq!(hidden(0, f64::NAN, ""), hidden(99, f64::from_bits(f64::NAN.to_bits() | 7), "under"));
}

#[test]
fn its_digest_sees_names_types_order_and_values() {
    let table = |name: &str, array: ArrayRef| Table::from_columns(vec![(name.to_owned(), array)]).unwrap().digest();
    let ints = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let texts = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let base = table("a", ints(vec![1, 2]));
    assert_ne!(base, table("b", ints(vec![1, 2])));
    assert_ne!(base, table("a", ints(vec![2, 1])));
    assert_ne!(base, table("a", Arc::new(Float64Array::from(vec![1.0, 2.0]))));
    assert_ne!(table("a", texts(vec!["ab", "c"])), table("a", texts(vec!["a", "bc"])));
    assert_ne!(table("a", texts(vec![""])), table("a", Arc::new(StringArray::from(vec![None::<&str>]))));
    assert_ne!(table("a", ints(vec![])), table("a", ints(vec![0])));
}

#[test]
fn types_become_canonical() {
    let table = Table::from_columns(vec![
        ("i32".to_owned(), Arc::new(Int32Array::from(vec![1])) as ArrayRef),
        ("f32".to_owned(), Arc::new(Float32Array::from(vec![0.5]))),
        ("small".to_owned(), Arc::new(UInt64Array::from(vec![7]))),
        ("large".to_owned(), Arc::new(UInt64Array::from(vec![u64::MAX]))),
        ("text".to_owned(), Arc::new(LargeStringArray::from(vec!["t"]))),
        ("choice".to_owned(), Arc::new(["a"].into_iter().collect::<DictionaryArray<Int8Type>>())),
        ("at".to_owned(), Arc::new(TimestampNanosecondArray::from(vec![1_500]).with_timezone("+02:00"))),
        ("none".to_owned(), Arc::new(arrow::array::NullArray::new(1))),
    ])
    .unwrap();
    let types: Vec<ColumnType> = table.schema().columns.iter().map(|column| column.column_type).collect();
    use ColumnType as T;
    assert_eq!(types, [T::Integer, T::Float, T::Integer, T::Float, T::Text, T::Text, T::Timestamp, T::Text]);
    let same = Table::from_columns(vec![("i32".to_owned(), Arc::new(Int64Array::from(vec![1])))]).unwrap();
    assert_eq!(table.select(&["i32".to_owned()]).unwrap(), same);
    assert!(format!("{}", table.column("at").unwrap().data_type()).contains("UTC"));
}

#[test]
fn rows_and_columns_are_picked() {
    let table = sample();
    let picked = table.take(&[3, 0, 3]).unwrap();
    assert_eq!(picked.row_count(), 3);
    let ids = picked.column("id").unwrap();
    assert_eq!(ids.as_ref(), &Int64Array::from(vec![4, 1, 4]) as &dyn Array);
    assert_eq!(table.take(&[4]).unwrap_err().code, "bad-table");

    let kept = table.filter(&BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])).unwrap();
    assert_eq!(kept, table.take(&[0, 3]).unwrap());
    assert_eq!(table.filter(&BooleanArray::from(vec![true])).unwrap_err().code, "bad-table");

    let error = table.select(&["nam".to_owned()]).unwrap_err();
    assert_eq!(error.help.as_deref(), Some("did you mean `name`?"));
    assert_eq!(table.select(&["id".to_owned(), "id".to_owned()]).unwrap_err().code, "duplicate-column");

    let more = table.with_column("y", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))).unwrap();
    assert_eq!(more.names().last(), Some("y"));
    let replaced = more.with_column("id", Arc::new(Int64Array::from(vec![9, 9, 9, 9]))).unwrap();
    assert_eq!((replaced.column_count(), replaced.names().next()), (7, Some("id")));
    assert_eq!(table.with_column("z", Arc::new(Int64Array::from(vec![1]))).unwrap_err().code, "bad-table");

    let halves = [table.slice(0, 3), table.slice(3, 99)];
    assert_eq!(Table::stack(&halves).unwrap(), table);
    assert_eq!(Table::stack(&[table, picked.select(&["id".to_owned()]).unwrap()]).unwrap_err().code, "bad-table");
}

#[test]
fn equal_names_are_refused() {
    let column = || ("a".to_owned(), Arc::new(Int64Array::from(vec![1])) as ArrayRef);
    let error = Table::from_columns(vec![column(), column()]).unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("duplicate-column", "more than one column is named `a`",)
    );
}

fn through_parquet(table: &Table, corrupt: impl Fn(&mut Vec<u8>)) -> Result<Arc<dyn Value>, StepError> {
    let mut bytes = Vec::new();
    codec::encode_parquet(table, &mut bytes).unwrap();
    corrupt(&mut bytes);
    let folder = std::env::temp_dir().join(format!("trainyard-data-{}-{}", std::process::id(), table.digest().short()));
    std::fs::create_dir_all(&folder).unwrap();
    let file: PathBuf = folder.join("table.parquet");
    std::fs::write(&file, bytes).unwrap();
    let stored = Stored {
        digest: table.digest(),
        files: BTreeMap::from([("table.parquet".to_owned(), file)]),
        references: Vec::new(),
        read: &|path| std::fs::read(path),
        load: &|_| Err(StepError::new("none", "none")),
    };
    let value = (TABLE_CODEC.decode)(&stored);
    std::fs::remove_dir_all(&folder).unwrap();
    value
}

#[test]
fn parquet_keeps_the_digest() {
    let many: Vec<f64> = (0..300_000).map(|row| f64::from(row) / 7.0).collect();
    let names: Vec<String> = (0..300_000).map(|row| format!("name {}", row % 1000)).collect();
    let large = Table::from_columns(vec![
        ("x".to_owned(), Arc::new(Float64Array::from(many)) as ArrayRef),
        ("name".to_owned(), Arc::new(StringArray::from(names))),
    ])
    .unwrap();
    for table in [sample(), sample().slice(0, 0), large] {
        let again = through_parquet(&table, |_| {}).unwrap();
        assert_eq!(again.digest(), table.digest());
        assert_eq!(again.rows(), Some(table.row_count() as u64));
    }
}

#[test]
fn a_corrupt_file_is_an_error() {
    let table = sample();
    for at in [0, 4, 20, 60, 200] {
        let result = through_parquet(&table, |bytes| bytes[at] ^= 0x55);
        if let Ok(value) = result {
            assert_eq!(value.digest(), table.digest());
        }
    }
    assert_eq!(through_parquet(&table, |bytes| bytes.truncate(100)).unwrap_err().code, "broken-artifact");
}

#[test]
fn a_table_in_a_file_is_the_table_in_memory() {
    let long: Vec<Option<String>> =
        (0..70_000).map(|row| (row % 7 > 0).then(|| format!("a longer text {}", row % 11))).collect();
    let table = Table::from_columns(vec![
        (
            "x".to_owned(),
            Arc::new((0..70_000).map(|row| (row % 3 > 0).then_some(f64::from(row))).collect::<Float64Array>())
                as ArrayRef,
        ),
        ("long".to_owned(), Arc::new(StringArray::from(long))),
        ("short".to_owned(), Arc::new((0..70_000).map(|row| Some(["a", "", "dé"][row % 3])).collect::<StringArray>())),
        ("id".to_owned(), Arc::new((0..70_000).map(|row| Some(format!("{row}"))).collect::<StringArray>())),
        ("ok".to_owned(), Arc::new((0..70_000).map(|row| Some(row % 5 == 0)).collect::<BooleanArray>())),
    ])
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    crate::write::write(&table, &path).unwrap();
    let held = folder.path().join("held");
    let file = Table::copied(&path, || None, &held).unwrap().unwrap();
    std::fs::write(&path, "the original may change").unwrap();
    assert!(file.is_in_file());
    assert_eq!(file.digest(), table.digest());
    assert_eq!(file.slice(65_000, 3_000).digest(), table.slice(65_000, 3_000).digest());
    let names = ["ok".to_owned(), "x".to_owned()];
    let (some, wanted) = (file.select(&names).unwrap(), table.select(&names).unwrap());
    assert!(some.is_in_file());
    assert_eq!(some.slice(10, 65_536).digest(), wanted.slice(10, 65_536).digest());
    assert_eq!(some.batches().unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 70_000);
    let renamed = |table: &Table| table.renamed(|name| format!("new {name}")).unwrap();
    assert_eq!(renamed(&some), renamed(&wanted));
    for rows in [&[0, 3, 69_999][..], &[5, 5, 2], &[]] {
        assert_eq!(file.take(rows).unwrap(), table.take(rows).unwrap(), "{rows:?}");
    }
    let keep: BooleanArray = (0..70_000).map(|row| Some(row % 10_000 == 7)).collect();
    assert_eq!(file.filter(&keep).unwrap(), table.filter(&keep).unwrap());
    let twice = Table::stack(&[file.clone(), file.clone()]).unwrap();
    assert_eq!(twice, Table::stack(&[table.clone(), table.clone()]).unwrap());
    let column = || file.column("short").unwrap();
    assert_eq!(file.with_column("again", column()).unwrap(), table.with_column("again", column()).unwrap());
    let scanned: Vec<RecordBatch> = file.scan().collect::<Result<_, _>>().unwrap();
    assert_eq!(Table::new(Arc::clone(table.arrow_schema()), scanned).unwrap(), table);
    drop((file, some, twice));
    assert_eq!(std::fs::read_dir(&held).unwrap().count(), 0, "the private copy goes with the table");
}

#[test]
fn a_large_table_goes_to_a_file_as_it_comes() {
    let table = sample();
    let folder = tempfile::tempdir().unwrap();
    let gathered = |most: u64| {
        let mut gather = Gather::with_most(table.arrow_schema(), folder.path(), most).unwrap();
        for row in 0..4 {
            table.slice(row, 1).batches().unwrap().iter().for_each(|batch| gather.push(batch).unwrap());
        }
        gather.finish().unwrap()
    };
    for (most, in_file) in [(0, true), (100, true), (1 << 20, false)] {
        let again = gathered(most);
        assert_eq!(again.is_in_file(), in_file);
        assert_eq!(again, table);
    }
    let none = Gather::new(table.arrow_schema(), folder.path()).unwrap().finish().unwrap();
    assert_eq!(none, table.slice(0, 0));
}
