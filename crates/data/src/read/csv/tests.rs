//! Reading CSV text: every dialect, every mistake.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use proptest::prelude::*;
use trainyard_core::{ColumnType as T, Value};

use super::*;
use crate::{
    read::{Delimiter, Ragged, Read, read_text},
    table::Table,
    write::write_to,
};

fn text(text: &str) -> Read {
    with(text, ReadOptions::default())
}

fn with(text: &str, options: ReadOptions) -> Read {
    read_text("t.csv", text.as_bytes().to_vec(), &options).unwrap()
}

fn fails(text: impl AsRef<[u8]>, options: ReadOptions) -> DataError {
    read_text("t.csv", text.as_ref().to_vec(), &options).unwrap_err()
}

fn names(table: &Table) -> Vec<&str> {
    table.names().collect()
}

fn types(table: &Table) -> Vec<T> {
    table.schema().columns.iter().map(|column| column.column_type).collect()
}

/// A column as text, missing values as `∅`.
fn column(table: &Table, name: &str) -> Vec<String> {
    let array = table.column(name).unwrap();
    let options = arrow::util::display::FormatOptions::default().with_null("∅");
    let shown = arrow::util::display::ArrayFormatter::try_new(array.as_ref(), &options).unwrap();
    (0..array.len()).map(|row| shown.value(row).to_string()).collect()
}

fn codes(read: &Read) -> Vec<&str> {
    read.notes.iter().map(|note| note.code.as_str()).collect()
}

#[test]
fn types_come_from_all_values() {
    let read = text(
        "b,i,f,d,t,u,s,code,none\n\
         true,1,1,2020-01-01,2020-01-01,2020-01-01T00:00Z,x,007,\n\
         False,-2,2.5,2021-12-31,2020-01-01 10:00:00.5,2020-01-01T02:00:00+02:00,1,12,NA\n",
    );
    let expected = [T::Boolean, T::Integer, T::Float, T::Date, T::Timestamp, T::Timestamp, T::Text, T::Text, T::Text];
    assert_eq!(types(&read.table), expected);
    assert_eq!(column(&read.table, "t"), ["2020-01-01T00:00:00", "2020-01-01T10:00:00.500"]);
    assert_eq!(column(&read.table, "u"), ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"]);
    assert_eq!(column(&read.table, "code"), ["007", "12"]);
    assert_eq!(codes(&read), ["empty-columns"]);
}

#[test]
fn a_late_value_widens_a_column_over_all_chunks() {
    let rows = 1_200_000;
    let mut csv = String::from("int,float,text,quoted\n");
    for row in 0..rows {
        let late = row == rows - 1;
        let float = if late { "0.5".to_owned() } else { row.to_string() };
        let word = if late { "late".to_owned() } else { format!("0{}", row % 7).trim_start_matches('0').to_owned() };
        csv.push_str(&format!("{row},{float},{word},\"{}\"\n", if late { "x" } else { "" }));
    }
    assert!(csv.len() > 16 << 20, "several chunks");
    let read = text(&csv);
    assert_eq!(types(&read.table), [T::Integer, T::Float, T::Text, T::Text]);
    assert_eq!(read.table.row_count(), rows);
    let texts = read.table.column("text").unwrap();
    let texts = texts.as_string::<i32>();
    assert_eq!((texts.value(1), texts.is_null(0), texts.value(rows - 1)), ("1", true, "late"));
    // Empty quotes are a missing number but an empty text.
    assert_eq!(read.table.column("quoted").unwrap().null_count(), 0);
    assert_eq!(read.table.column("float").unwrap().as_primitive::<Float64Type>().value(3), 3.0);

    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(alone.install(|| text(&csv)).table.digest(), read.table.digest());
}

#[test]
fn delimiters_are_detected() {
    for (csv, width) in [
        ("a,b\n1,2\n", 2),
        ("a;b\n1,5;2\n", 2),
        ("a\tb c\td\n1\t2 3\t4,4\n", 3),
        ("a|b\n1|2\n", 2),
        ("1 2  3 \n4 5  6 \n", 3),
        ("19.8\n3\n", 1),
        ("New York\nLos Angeles\n", 1),
        ("2014-04-01 00:00:00,19\n2014-04-01 00:05:00,20\n", 2),
        ("a,\"x;y;z\",c\nb,\"1;2;3\",d\n", 3),
    ] {
        assert_eq!(text(csv).table.column_count(), width, "{csv}");
    }
    let pipe = ReadOptions { delimiter: Some(Delimiter::Char(b'^')), ..ReadOptions::default() };
    assert_eq!(with("a^b\n1^2\n", pipe).table.column_count(), 2);
}

#[test]
fn headers_are_detected() {
    assert_eq!(names(&text("x,y\n1,2\n").table), ["x", "y"]);
    assert_eq!(names(&text("1,2\n3,4\n").table), ["column_1", "column_2"]);
    let guessed = text("name,city\nBob,Paris\nAnn,Rome\n");
    assert_eq!((names(&guessed.table), codes(&guessed)), (vec!["name", "city"], vec!["header-guessed"]));
    // `spam` comes again below, so it is no name.
    assert_eq!(text("spam\nham\nspam\n").table.row_count(), 3);
    assert_eq!(codes(&text("1,a\n2,b\n")), ["no-header"]);
    let off = ReadOptions { header: Some(false), ..ReadOptions::default() };
    assert_eq!(with("x,y\n1,2\n", off).table.row_count(), 2);
    let on = ReadOptions { header: Some(true), ..ReadOptions::default() };
    assert_eq!(names(&with("1,2\n3,4\n", on).table), ["1", "2"]);
    let named = |csv: &str| {
        with(csv, ReadOptions { columns: Some(vec!["p".into(), "q".into()]), ..ReadOptions::default() }).table
    };
    assert_eq!((named("1,2\n3,4\n").row_count(), named("x,y\n3,4\n").row_count()), (2, 1));
    assert_eq!(names(&named("x,y\n3,4\n")), ["p", "q"]);
    assert_eq!(names(&text(",x\n1,2\n").table), ["column_1", "x"]);
}

#[test]
fn line_ends_and_marks() {
    let expected = text("a,b\n1,x\n2,y\n").table.digest();
    for csv in [
        "a,b\r\n1,x\r\n2,y\r\n",
        "a,b\r1,x\r2,y",
        "a,b\n1,x\n2,y",
        "\u{feff}a,b\n1,x\n2,y\n",
        "\n\na,b\n1,x\n   \n2,y\n\n",
        "\"a\",\"b\"\r\n\"1\",\"x\"\r\n\"2\",\"y\"\r\n",
        "a, b\n1, x\n2, y\n",
        "a , b\n1 ,\"x\" \n2 , \"y\"\n",
    ] {
        assert_eq!(text(csv).table.digest(), expected, "{csv:?}");
    }
    let comment = ReadOptions { comment: Some('#'), ..ReadOptions::default() };
    assert_eq!(with("# \"made by hand\na,b\n1,x\n#, \"\n2,y\n", comment).table.digest(), expected);
    let utf16: Vec<u8> = "\u{feff}a,b\n1,x\n2,y\n".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
    assert_eq!(read_text("t.csv", utf16, &ReadOptions::default()).unwrap().table.digest(), expected);
}

#[test]
fn quotes_hold_anything() {
    let read = text("a,b\n1,\"x, \"\"y\"\"\nz\"\n2,5\" pipe\n3,\"p\"q\"r\n4,\"\"\n5,\n");
    assert_eq!(column(&read.table, "b"), ["x, \"y\"\nz", "5\" pipe", "pq\"r", "", "∅"]);
    let off = ReadOptions { quote: Some(Quote::Off), ..ReadOptions::default() };
    assert_eq!(column(&with("a,b\n1,\"x\n2,y\"\n", off).table, "b"), ["\"x", "y\""]);
    let single = ReadOptions { quote: Some(Quote::Char(b'\'')), ..ReadOptions::default() };
    assert_eq!(column(&with("a,b\n1,'x,y'\n", single).table, "b"), ["x,y"]);
    // Where everything is quoted, quotes say nothing.
    let all = text("\"a\",\"b\"\n\"1\",\"\"\n\"2\",\"NA\"\n\"3\",\"x\"\n");
    assert_eq!(column(&all.table, "b"), ["∅", "∅", "x"]);
}

#[test]
fn missing_markers() {
    let read = text("a,b\n?,NA\n1,null\n ,x\nNaN,\"NA\"\n");
    assert_eq!(column(&read.table, "a"), ["∅", "1", "∅", "∅"]);
    assert_eq!(column(&read.table, "b"), ["∅", "∅", "x", "NA"]);
    let own = ReadOptions { missing: Some(vec!["-999".into()]), ..ReadOptions::default() };
    let read = with("a,b\n-999,?\n5,\n", own);
    assert_eq!(
        (column(&read.table, "a"), column(&read.table, "b")),
        (vec!["∅".into(), "5".into()], vec!["?".into(), "∅".into()])
    );
}

#[test]
fn decimal_commas() {
    let read = text("a;b\n1,5;x\n-2,25;y\n");
    assert_eq!(types(&read.table), [T::Float, T::Text]);
    assert_eq!(column(&read.table, "a"), ["1.5", "-2.25"]);
    let asked = ReadOptions { decimal: Some(','), delimiter: Some(Delimiter::Whitespace), ..ReadOptions::default() };
    assert_eq!(types(&with("1,5 2\n2,5 3\n", asked).table), [T::Float, T::Integer]);
}

#[test]
fn declared_types_are_kept_to() {
    let declare = |name: &str, column_type: T| ReadOptions {
        types: [(name.to_owned(), column_type)].into(),
        ..ReadOptions::default()
    };
    assert_eq!(types(&with("a,b\n1,2\n", declare("a", T::Text)).table), [T::Text, T::Integer]);
    assert_eq!(types(&with("a,b\n1,2\n", declare("a", T::Float)).table), [T::Float, T::Integer]);
    assert_eq!(types(&with("a,b\n1,2\n0,2\n", declare("a", T::Boolean)).table), [T::Boolean, T::Integer]);
    let error = fails("a,b\n1,2\nx,2\n\n2.5,2\n", declare("a", T::Integer));
    assert_eq!(error.message, "`t.csv`: column `a` holds what is no integer: `x` on line 3, `2.5` on line 5");
    assert_eq!(fails("a,b\n1,2\n", declare("A2", T::Text)).code, "unknown-column");
    let part = ReadOptions { infer_rows: Some(2), ..ReadOptions::default() };
    let error = fails("a\n1\n2\n3.5\n", part);
    assert_eq!((error.code.as_str(), error.message.contains("`3.5` on line 4")), ("wrong-type", true));
}

#[test]
fn large_integers_are_floats_and_noted() {
    let read = text("a\n1\n18446744073709551616\n");
    assert_eq!((types(&read.table), codes(&read)), (vec![T::Float], vec!["large-integers"]));
    let declared = ReadOptions { types: [("a".to_owned(), T::Float)].into(), ..ReadOptions::default() };
    assert_eq!(codes(&with("a\n1\n18446744073709551616\n", declared)), Vec::<&str>::new(), "it was asked for");
    let kept = text("a,b\n18446744073709551616,1\nx,2\n");
    assert_eq!(codes(&kept), Vec::<&str>::new(), "a text keeps all digits");
    let mut csv = "a\n".to_owned() + &"1\n".repeat(2000);
    csv.push_str("18446744073709551616\n");
    assert_eq!(codes(&text(&csv)), ["large-integers"]);
}

#[test]
fn ragged_rows_are_named() {
    let csv = "a,b,c\n1,2,3\n1,2\n\n1,2,3,4\n4,5,6\n";
    let error = fails(csv, ReadOptions::default());
    assert_eq!(error.code, "ragged-rows");
    assert_eq!(
        error.message,
        "`t.csv`: 2 of 4 rows have another number of fields than the 3 expected: line 3 has 2, line 5 has 4"
    );
    let read = with(csv, ReadOptions { ragged: Some(Ragged::Skip), ..ReadOptions::default() });
    assert_eq!((read.table.row_count(), codes(&read)), (2, vec!["ragged-rows-skipped"]));
    let error =
        fails("a,b\n1,2,3\n4,5,6\n", ReadOptions { delimiter: Some(Delimiter::Char(b',')), ..ReadOptions::default() });
    assert_eq!(error.help.as_deref(), Some("name all 3 columns with `columns`, if the first row lacks some"));
}

#[test]
fn bad_files_are_explained() {
    let code = |bytes: &[u8]| fails(bytes, ReadOptions::default()).code;
    assert_eq!(code(b""), "empty-file");
    assert_eq!(code(b"\n \n"), "empty-file");
    assert_eq!(code(b"\xef\xbb\xbf"), "empty-file");
    assert_eq!(code(b"a,b\n1,\0\n"), "binary-file");
    assert_eq!(code(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "binary-file");
    assert_eq!(code(b"PK\x03\x04\"\0\0\0"), "binary-file");
    assert_eq!(code(b"a,b\n1,caf\xe9\n"), "bad-encoding");
    assert_eq!(code(b"a,b,a\n1,2,3\n"), "duplicate-column");
    let error = fails("a,b\n1,\"x\n2,y\n", ReadOptions::default());
    assert_eq!(error.message, "`t.csv`: the `\"` on line 2 is never closed");
    let columns = ReadOptions { columns: Some(vec!["p".into()]), ..ReadOptions::default() };
    assert_eq!(fails("a,b\n1,2\n", columns).code, "wrong-columns");
    let latin = ReadOptions { encoding: Some("windows-1252".into()), ..ReadOptions::default() };
    let read = read_text("t.csv", b"a,b\n1,caf\xe9\n".to_vec(), &latin).unwrap();
    assert_eq!(column(&read.table, "b"), ["café"]);
}

#[test]
fn a_header_alone_is_an_empty_table() {
    let read = text("alpha,beta\n");
    assert_eq!((read.table.row_count(), types(&read.table)), (0, vec![T::Text, T::Text]));
    assert!(codes(&read).contains(&"no-rows"));
}

#[test]
fn chunks_end_where_records_do() {
    let csv = "a,\"x\ny\"\nb\"c,\"\"\"\n\"\nd, \"e\n\"\n\"f\"\"\",g\n".repeat(7);
    let settled = Dialect::settle(Path::new("t"), csv.as_bytes(), b'\n', &ReadOptions::default(), false).unwrap();
    for comment in [None, Some(b'#')] {
        for trim in [true, false] {
            let dialect = Dialect { trim, comment, ..settled.clone() };
            let (mut records, mut fields) = (Records::new(csv.as_bytes(), &dialect), Vec::new());
            let mut ends = vec![];
            while records.next(&mut fields).is_ok_and(|record| record.is_some()) {
                ends.push(records.position());
            }
            for chunk in 1..60 {
                let cuts = chunks::cuts(csv.as_bytes(), &dialect, chunk).ends;
                assert!(cuts.iter().all(|cut| ends.contains(cut)), "{chunk}: {cuts:?} not in {ends:?}");
                for part in 0..csv.len() {
                    let some = chunks::cuts(&csv.as_bytes()[..part], &dialect, chunk).ends;
                    assert_eq!(some, cuts[..some.len()], "{chunk}: what follows {part} does not matter");
                }
            }
        }
    }
}

#[test]
fn reading_again_with_the_settled_options_changes_nothing() {
    for csv in ["1 2\n3 4\n", "a;b\n1,5;x\n", "a, b\n1, 2\n", "name,city\nBob,Paris\n"] {
        let first = parse(Path::new("t.csv"), csv.as_bytes().to_vec(), true, &ReadOptions::default(), false, &|| false);
        let first = first.unwrap();
        let again = with(csv, first.settled);
        assert_eq!(again.table, text(csv).table, "{csv}");
        assert!(again.notes.is_empty(), "{:?}", again.notes);
    }
}

fn any_text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(String::new())),
        1 => Just(Some("NA".to_owned())),
        2 => "[a-z]{1,6}".prop_map(Some),
        2 => "[ \",;\t\r\n#'x?\u{e9}]{1,8}".prop_map(Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_text("t.csv", bytes, &ReadOptions::default());
    }

    #[test]
    fn any_text_of_special_characters_is_read_or_refused(
        text in "[a1.,;|\" \t\r\n#-]{0,200}",
        trim in any::<Option<bool>>(),
        delimiter in prop::sample::select(vec![None, Some(Delimiter::Whitespace), Some(Delimiter::Char(b'\t'))]),
        comment in prop::sample::select(vec![None, Some('#')]),
    ) {
        let options = ReadOptions { trim, delimiter, comment, ragged: Some(Ragged::Skip), ..ReadOptions::default() };
        if let Ok(read) = read_text("t.csv", text.into_bytes(), &options) {
            let rows: usize = read.table.batches().unwrap().iter().map(|batch| batch.num_rows()).sum();
            prop_assert_eq!(rows, read.table.row_count());
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        rows in prop::collection::vec(
            (any_text(), any::<Option<i64>>(), prop::option::of(any::<f64>()), any_text()),
            1..40,
        ),
        tabs in any::<bool>(),
    ) {
        use std::sync::Arc;
        use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
        // NaN is written as a missing value, as which it is read.
        let real = rows.iter().map(|row| row.2.filter(|value| !value.is_nan()));
        let table = Table::from_columns(vec![
            ("first".to_owned(), Arc::new(rows.iter().map(|row| row.0.clone()).collect::<StringArray>()) as ArrayRef),
            ("whole".to_owned(), Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>())),
            ("real".to_owned(), Arc::new(real.collect::<Float64Array>())),
            ("last".to_owned(), Arc::new(rows.iter().map(|row| row.3.clone()).collect::<StringArray>())),
        ]).unwrap();
        let mut bytes = Vec::new();
        let format = if tabs { crate::read::Format::Tsv } else { crate::read::Format::Csv };
        write_to(&table, format, &mut bytes).unwrap();
        let options = ReadOptions {
            format: Some(format),
            delimiter: (!tabs).then_some(Delimiter::Char(b',')),
            header: Some(true),
            trim: Some(false),
            types: [
                ("first".to_owned(), T::Text),
                ("whole".to_owned(), T::Integer),
                ("real".to_owned(), T::Float),
                ("last".to_owned(), T::Text),
            ].into(),
            ..ReadOptions::default()
        };
        let again = read_text("t.csv", bytes.clone(), &options);
        prop_assert!(again.is_ok(), "{:?}: {}", again, String::from_utf8_lossy(&bytes));
        prop_assert_eq!(again.unwrap().table, table, "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn integers_and_floats_survive(values in prop::collection::vec(any::<i64>(), 1..50)) {
        let csv = "a\n".to_owned() + &values.iter().map(|value| format!("{value}\n")).collect::<String>();
        let read = text(&csv);
        let array = read.table.column("a").unwrap();
        prop_assert_eq!(array.as_primitive::<Int64Type>().values().to_vec(), values);
    }
}
