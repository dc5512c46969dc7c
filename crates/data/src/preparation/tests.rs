//! Preparations: records come out as the table's rows did, whatever was done, and what cannot be said of a record is not.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Float64Type, Schema},
};
use trainyard_core::{ColumnType, Digest, Keeper, Kind, StepError, Stored, Value};

use super::*;
use crate::{Table, columns, sql};

fn source(rows: usize) -> Table {
    let number =
        |seed: f64| Float64Array::from_iter_values((0..rows).map(move |row| (row as f64 * seed).fract() * 40.0));
    let site = StringArray::from_iter((0..rows).map(|row| (row % 7 != 0).then(|| ["north", "south"][row % 2])));
    let moments = TimestampMicrosecondArray::from_iter_values((0..rows).map(|row| row as i64 * 3_600_000_000));
    Table::from_columns(vec![
        ("AT".to_owned(), Arc::new(number(0.618)) as ArrayRef),
        ("count".to_owned(), Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row as i64 % 5)))),
        ("site".to_owned(), Arc::new(site)),
        ("at".to_owned(), Arc::new(moments.with_timezone("UTC"))),
        ("PE".to_owned(), Arc::new(number(0.377))),
    ])
    .unwrap()
}

fn by_sql(table: &Table, query: &str) -> Table {
    let named = [("t".to_owned(), Arc::new(table.clone()))];
    let query = sql::normalised(query).unwrap();
    sql::sql(&query, &named, &|| false).unwrap().prepared_from(table, Operation::Sql { table: "t".to_owned(), query })
}

fn picked(from: &str, to: Option<&str>, cast: Option<ColumnType>) -> Picked {
    Picked { from: from.to_owned(), to: to.map(str::to_owned), cast }
}

fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const QUERY: &str = "SELECT AT AS air, AT * AT / 3.7 + sin(AT) AS curve, count, site,
    CASE WHEN count > 2 THEN upper(site) ELSE 'few' END AS label, date_part('hour', at) AS hour, PE AS output FROM t";

#[test]
fn records_come_out_as_the_rows_did_one_or_many() {
    let table = source(1000);
    let prepared = by_sql(&table, QUERY);
    let names = named(&["curve", "label", "hour", "air", "count", "site"]);
    let compiled = Compiled::new(prepared.preparation().unwrap(), &names).unwrap();
    assert_eq!(compiled.reads().collect::<Vec<_>>(), ["AT", "count", "site", "at"], "the target is not needed");
    let expected = prepared.select(&names).unwrap();
    let records = table.batches().unwrap().remove(0);
    let whole = compiled.apply(&records).unwrap();
    assert_eq!(Table::new(whole.schema(), vec![whole]).unwrap(), expected);
    let one = |row: usize| compiled.apply(&records.slice(row, 1)).unwrap();
    let rows: Vec<RecordBatch> = (0..1000).map(one).collect();
    assert_eq!(Table::new(rows[0].schema(), rows).unwrap(), expected);
}

#[test]
fn operations_follow_each_other_and_names_are_traced_back() {
    let table = source(50);
    let query = by_sql(&table, "SELECT AT AS air, count, site, PE FROM t WHERE count > 1");
    assert!(query.row_count() < 50);
    let renamed = columns::rename(&query, &BTreeMap::from([("air".to_owned(), "temperature".to_owned())])).unwrap();
    let (cast, _) =
        columns::cast_columns(&renamed, &BTreeMap::from([("count".to_owned(), ColumnType::Text)]), Path::new("."))
            .unwrap();
    let picks = vec![
        picked("air", Some("temperature"), None),
        picked("count", None, Some(ColumnType::Text)),
        picked("site", None, None),
        picked("PE", None, None),
    ];
    let prepared = cast.prepared_from(&query, Operation::Columns(picks));
    let preparation = prepared.preparation().unwrap();
    assert_eq!(preparation.operations.len(), 2);
    let compiled = Compiled::new(preparation, &named(&["temperature", "count"])).unwrap();
    assert_eq!(compiled.origin("temperature").unwrap().column.name, "AT");
    assert_eq!(compiled.plain().collect::<Vec<_>>(), ["AT"], "a text is made of the count");
    // The filter says which rows to learn from: every record is prepared.
    let out = compiled.apply(&table.batches().unwrap()[0]).unwrap();
    assert_eq!(out.num_rows(), 50);
    assert_eq!(out.column(1).as_string::<i32>().value(4), "4");
}

#[test]
fn whole_numbers_may_come_as_floats_where_nothing_is_computed_from_them() {
    let table = source(10);
    let prepared = by_sql(&table, "SELECT count, count / 2 AS half, AT AS air FROM t");
    let record = |value: f64| {
        let fields = vec![Field::new("count", DataType::Float64, true), Field::new("AT", DataType::Int64, true)];
        let arrays: Vec<ArrayRef> =
            vec![Arc::new(Float64Array::from(vec![value])), Arc::new(Int64Array::from(vec![3]))];
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
    };
    let plain = Compiled::new(prepared.preparation().unwrap(), &named(&["count", "air"])).unwrap();
    let out = plain.apply(&record(2.5)).unwrap();
    assert_eq!(out.column(0).as_primitive::<Float64Type>().value(0), 2.5);
    assert_eq!(out.column(1).as_primitive::<Float64Type>().value(0), 3.0);
    let computed = Compiled::new(prepared.preparation().unwrap(), &named(&["half"])).unwrap();
    assert_eq!(computed.apply(&record(2.5)).unwrap_err().code, "wrong-type");
    assert_eq!(
        computed.apply(&record(4.0)).unwrap().column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0),
        2
    );
}

#[test]
fn what_a_record_lacks_is_told_all_at_once() {
    let prepared = by_sql(&source(10), QUERY);
    let compiled = Compiled::new(prepared.preparation().unwrap(), &named(&["curve", "label"])).unwrap();
    let fields = vec![Field::new("At", DataType::Float64, true)];
    let record =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(Float64Array::from(vec![1.0]))]).unwrap();
    let error = compiled.apply(&record).unwrap_err();
    assert_eq!(error.code, "missing-column");
    assert_eq!(error.message, "the records lack columns `AT`, `count`, `site`");
    assert_eq!(error.help.as_deref(), Some("is `At` for `AT`?"));
    assert_eq!(Compiled::new(prepared.preparation().unwrap(), &named(&["curv"])).unwrap_err().code, "unknown-column");
}

#[test]
fn a_failed_computation_is_an_error_of_the_query() {
    let prepared = by_sql(&source(10), "SELECT 10 / count AS share FROM t WHERE count <> 0");
    let compiled = Compiled::new(prepared.preparation().unwrap(), &named(&["share"])).unwrap();
    let error = compiled.apply(&source(1).batches().unwrap()[0]).unwrap_err();
    assert_eq!(error.code, "sql-failed", "{error:?}");
}

#[test]
fn a_query_that_mixes_rows_starts_anew() {
    let table = source(20);
    for query in [
        "SELECT AT, avg(AT) OVER () AS mean FROM t",
        "SELECT count, max(AT) AS top FROM t GROUP BY count",
        "SELECT DISTINCT count FROM t",
        "SELECT AT FROM t ORDER BY AT",
        "SELECT AT FROM t LIMIT 5",
        "SELECT a.AT FROM t AS a JOIN t AS b ON a.at = b.at",
    ] {
        assert_eq!(by_sql(&table, query).preparation(), None, "{query}");
    }
}

#[test]
fn layout_does_not_matter_but_the_preparation_does() {
    let table = source(20);
    let one = by_sql(&table, "SELECT AT, PE FROM t");
    let same = by_sql(&table, "select\n  AT , -- the air\n  PE\nfrom t");
    assert_eq!(one.digest(), same.digest());
    let other = by_sql(&table, "SELECT AT + 0.0 AS AT, PE FROM t");
    assert_ne!(one.digest(), other.digest(), "equal rows, prepared otherwise");
    let itself = one.clone().with_preparation(None);
    assert_ne!(one.digest(), itself.digest());
    assert_eq!(itself.digest(), table.select(&named(&["AT", "PE"])).unwrap().digest());
}

#[test]
fn units_belong_to_the_source_column() {
    let table = source(5).with_unit("AT", "°C");
    assert_eq!(table.preparation().unwrap().source[0].unit.as_deref(), Some("°C"));
    let renamed =
        by_sql(&source(5), "SELECT AT AS air, AT * 2 AS twice FROM t").with_unit("air", "K").with_unit("twice", "V");
    assert_eq!(renamed.preparation().unwrap().source[0].unit.as_deref(), Some("K"));
}

/// Keeps files in a folder.
struct Folder(std::path::PathBuf, BTreeMap<String, std::path::PathBuf>);

impl Keeper for Folder {
    fn file(
        &mut self,
        name: &str,
        write: &mut dyn FnMut(&mut (dyn std::io::Write + Send)) -> Result<(), StepError>,
    ) -> Result<(), StepError> {
        let path = self.0.join(name);
        write(&mut std::fs::File::create(&path).map_err(StepError::io)?)?;
        self.1.insert(name.to_owned(), path);
        Ok(())
    }
    fn adopt(&mut self, name: &str, path: &Path, _: Option<Digest>) -> Result<(), StepError> {
        self.1.insert(name.to_owned(), path.to_owned());
        Ok(())
    }
    fn reference(&mut self, _: Digest) {}
}

#[test]
fn it_is_kept_with_the_table_and_checked_when_read() {
    let folder = tempfile::tempdir().unwrap();
    let prepared = by_sql(&source(100), QUERY);
    let mut kept = Folder(folder.path().to_owned(), BTreeMap::new());
    prepared.encode(&mut kept).unwrap();
    let stored = |digest: Digest, kept: &Folder| {
        let stored = Stored {
            digest,
            files: kept.1.clone(),
            references: Vec::new(),
            read: &|path| std::fs::read(path),
            load: &|_| Err(StepError::new("none", "none")),
        };
        (crate::TABLE_CODEC.decode)(&stored)
    };
    assert_eq!(crate::TABLE_CODEC.kind, Kind::Table);
    let again = stored(prepared.digest(), &kept).unwrap().into_any().downcast::<Table>().unwrap();
    assert_eq!((again.digest(), again.preparation()), (prepared.digest(), prepared.preparation()));
    assert!(again.is_in_file() && *again == prepared);
    // Kept once more, out of the file that it lies in.
    again.encode(&mut kept).unwrap();
    let third = stored(again.digest(), &kept).unwrap().into_any().downcast::<Table>().unwrap();
    assert_eq!(third.preparation(), prepared.preparation());
    let text = std::fs::read_to_string(folder.path().join("preparation.json")).unwrap();
    std::fs::write(folder.path().join("preparation.json"), text.replace("'few'", "'low'")).unwrap();
    assert_eq!(stored(prepared.digest(), &kept).unwrap_err().code, "broken-artifact");
}
