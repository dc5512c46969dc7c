//! Contracts: what breaks them, in memory and in a file.

use arrow::array::Float64Array;

use super::*;
use crate::read::{ReadOptions, read_into};

fn table() -> Table {
    Table::from_columns(vec![
        ("number".to_owned(), Arc::new(Float64Array::from(vec![Some(1.0), None, Some(7.5), Some(f64::NAN)])) as _),
        ("text".to_owned(), Arc::new(StringArray::from(vec![Some("a1"), Some("b"), None, Some("a1")])) as _),
    ])
    .unwrap()
}

fn breaking_rows(column: &str, contract: ColumnContract) -> Vec<u32> {
    let contract = BTreeMap::from([(column.to_owned(), contract)]);
    apply(&Arc::new(table()), &contract, &std::env::temp_dir()).unwrap().1.rows()
}

#[test]
fn each_check_finds_its_rows_and_leaves_nulls_alone() {
    let empty = ColumnContract::default;
    assert_eq!(breaking_rows("number", ColumnContract { between: Some([0.0, 7.0]), ..empty() }), [2, 3]);
    assert_eq!(breaking_rows("number", ColumnContract { nulls: Nulls::Forbid, ..empty() }), [1]);
    assert_eq!(breaking_rows("number", ColumnContract { one_of: Some(vec![1.into()]), ..empty() }), [2, 3]);
    assert_eq!(breaking_rows("number", ColumnContract { column_type: Some(ColumnType::Integer), ..empty() }), [2, 3]);
    assert_eq!(breaking_rows("text", ColumnContract { pattern: Some("[a-z][0-9]".into()), ..empty() }), [1]);
    assert_eq!(breaking_rows("text", ColumnContract { length: Some([2, 9]), ..empty() }), [1]);
    assert_eq!(breaking_rows("text", ColumnContract { one_of: Some(vec!["b".into()]), ..empty() }), [0, 3]);
    assert_eq!(breaking_rows("text", ColumnContract { unique: true, ..empty() }), [3]);
}

#[test]
fn reasons_name_every_broken_check() {
    let contract = ColumnContract { between: Some([0.0, 7.0]), nulls: Nulls::Forbid, ..ColumnContract::default() };
    let (_, violations) =
        apply(&Arc::new(table()), &BTreeMap::from([("number".to_owned(), contract)]), &std::env::temp_dir()).unwrap();
    let reasons = violations.reasons(&[1, 2]);
    let reasons: &StringArray = reasons.as_string();
    assert_eq!(reasons.value(0), "`number` is missing");
    assert_eq!(reasons.value(1), "`number` is not between 0 and 7");
    assert_eq!(violations.counts()[1], ("`number` is not between 0 and 7", 2, 3));
}

#[test]
fn a_table_in_a_file_breaks_what_it_breaks_in_memory() {
    let rows = 40_000;
    let float = |row: usize| if row == 30_000 { f64::NAN } else { row as f64 };
    let table = Table::from_columns(vec![
        ("x".to_owned(), Arc::new((0..rows).map(|row| Some(float(row))).collect::<arrow::array::Float64Array>()) as _),
        ("i".to_owned(), Arc::new((0..rows as i64).collect::<Int64Array>()) as _),
        ("n".to_owned(), Arc::new((0..rows).map(|row| (row != 17).then_some(1)).collect::<Int64Array>()) as _),
        (
            "t".to_owned(),
            Arc::new((0..rows).map(|row| (row != 5).then_some(["red", "blue"][row % 2])).collect::<StringArray>()) as _,
        ),
    ])
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    crate::write::write(&table, &path).unwrap();
    let in_file = read_into(&[path], &ReadOptions::default(), &folder.path().join("held"), &|| false).unwrap().table;
    assert!(in_file.is_in_file() && in_file == table);
    let empty = ColumnContract::default;
    let between = |low, high| ColumnContract { between: Some([low, high]), ..empty() };
    let one_of = |values: &[&str]| ColumnContract {
        one_of: Some(values.iter().map(|value| (*value).into()).collect()),
        ..empty()
    };
    let contracts = [
        ("x", between(0.0, 1e9), 1),
        ("x", between(2.0, 1e9), 3),
        ("i", between(0.0, 39_999.0), 0),
        ("i", between(0.0, 39_998.0), 1),
        ("i", ColumnContract { one_of: Some(vec![1.into()]), ..empty() }, 39_999),
        ("i", ColumnContract { unique: true, ..empty() }, 0),
        ("n", ColumnContract { nulls: Nulls::Forbid, ..empty() }, 1),
        ("n", ColumnContract { unique: true, ..empty() }, 39_998),
        ("t", one_of(&["red", "blue", "grey"]), 0),
        ("t", one_of(&["red"]), 19_999),
        ("t", ColumnContract { length: Some([4, 4]), ..empty() }, 20_000),
        ("t", ColumnContract { pattern: Some("[a-z]+".into()), ..empty() }, 0),
        ("t", ColumnContract { column_type: Some(ColumnType::Integer), ..empty() }, 39_999),
        ("t", ColumnContract { column_type: Some(ColumnType::Text), nulls: Nulls::Forbid, ..empty() }, 1),
    ];
    for (column, contract, broken) in contracts {
        let contract = BTreeMap::from([(column.to_owned(), contract)]);
        let of = |table: &Table| apply(&Arc::new(table.clone()), &contract, folder.path()).unwrap();
        let ((typed, found), (expected, wanted)) = (of(&in_file), of(&table));
        assert_eq!(found.rows().len(), broken, "{column}: {contract:?}");
        assert_eq!((found.rows(), found.counts()), (wanted.rows(), wanted.counts()), "{column}: {contract:?}");
        assert_eq!(typed, expected);
    }
}

#[test]
fn rules_are_conditions_over_one_row() {
    let schema = table().schema();
    assert!(check_rule("number < 5 OR text = 'a1'", &schema).is_ok());
    assert_eq!(check_rule("number + 1", &schema).unwrap_err().code, "bad-rule");
    assert_eq!(check_rule("numbr < 5", &schema).unwrap_err().code, "unknown-column");
    assert!(check_rule("number > avg(number)", &schema).is_err());
    assert_eq!(rows_breaking(&Arc::new(table()), "number < 5", &std::env::temp_dir()).unwrap(), [2, 3]);
}
