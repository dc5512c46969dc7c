//! Reading in two passes gives what reading in memory gives: tables, notes and errors.

use std::{fs, io::Write};

use trainyard_core::{ColumnType as T, Value};

use super::*;
use crate::{
    read::{self, Ragged, read_within},
    table::Table,
    write::write,
};

/// Bounds so low that nearly every record is a window of its own.
const LOW: [Bounds; 3] = [
    Bounds { memory: 0, window: 1, chunk: 1, block: 1 },
    Bounds { memory: 0, window: 48, chunk: 16, block: 7 },
    Bounds { memory: 0, window: 4096, chunk: 1000, block: 100 },
];

fn all_at_once(files: &[PathBuf], options: &ReadOptions) -> Result<Read, DataError> {
    read::read(files, options, &|| false)
}

/// Both ways of reading agree; returns what came out.
fn same(files: &[PathBuf], options: &ReadOptions) -> Result<Read, DataError> {
    let whole = all_at_once(files, options);
    let folder = tempfile::tempdir().unwrap();
    for bounds in LOW {
        let pieces = super::read(files, options, folder.path(), bounds, &|| false);
        match (&whole, &pieces) {
            (Ok(whole), Ok(pieces)) => {
                assert_eq!(pieces.table.digest(), whole.table.digest(), "{bounds:?} {files:?}");
                assert_eq!(pieces.table.arrow_schema(), whole.table.arrow_schema());
                assert_eq!(pieces.notes, whole.notes, "{bounds:?}");
                assert_eq!(pieces.table.is_in_file(), pieces.table.row_count() > 0);
            }
            (Err(whole), Err(pieces)) => assert_eq!(pieces, whole, "{bounds:?}"),
            (whole, pieces) => panic!("{bounds:?} {files:?}: {whole:?} in memory, {pieces:?} in pieces"),
        }
    }
    whole
}

fn same_text(name: &str, bytes: impl AsRef<[u8]>, options: &ReadOptions) -> Result<Read, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, bytes).unwrap();
    same(&[file], options)
}

fn declared(types: &[(&str, T)]) -> ReadOptions {
    let types = types.iter().map(|(name, column_type)| ((*name).to_owned(), *column_type)).collect();
    ReadOptions { types, ..ReadOptions::default() }
}

/// Many rows of `first`, then `last`: types must come from the end, too.
fn late(header: &str, first: &str, last: &str) -> String {
    format!("{header}{}{last}", first.repeat(1500))
}

#[test]
fn delimited_text_is_the_same_table() {
    let plain = ReadOptions::default();
    let texts = [
        late("a,b,c\n", "1,2.5,x\n", "2.5,y,z\n"),
        late("a\n", "NA\n", "7\n"),
        late("a,b\n", "\"NA\",1\n", "text,2\n"),
        late("a,b\n", "\"NA\",1\n", "3,2\n"),
        late("a,b\n", "-0,2020-01-01\n", "1.5,2020-01-01 10:00\n"),
        late("a,b\n", "1.5,2020-01-01T10:00Z\n", "-0,2020-01-01 10:00\n"),
        late("a\n", "1\n", "99999999999999999999\n"),
        late("a,b\n", "true,007\n", "false,8\n"),
        late("a,b\r\n", "1,\"x\r\ny \"\"quoted\"\"\"\r\n", "2,\"end"),
        late("a,b\r\n", "1,\"x\r\ny \"\"quoted\"\"\"\r\n", "2,\"end\""),
        late("a;b\n", "1,5;\n", "\n\n2,25;x;\n"),
        late("a,b\r", "1,2\r", "x,3"),
        late("a,b\r", "1,2\r", "x,3\n4,5\r"),
        late("a b c\n", "  1\t2   3 \n", "4 5 \"6 7\"\n"),
        late("\"a\",\"b\"\n", "\"1\",\"NA\"\n", "\"x\",\"\"\n"),
        late("a, b\n", "1, x\n", "2, NA\n"),
        late("a\n", "\n\n", "1\n"),
        late("a,a\n", "1,2\n", ""),
        late("a,b\n", "1,2\n", "1\n1,2,3\n\n2\n"),
        late("a,b\n", "1,2\n", "caf\u{0}e,2\n"),
        late("a,b\n", "1,é\n", "2,\"ü\nö\"\n\n"),
        late("3,4\n", "1,2\n", "5,6"),
        "a,b".to_owned(),
        "a,b\n".to_owned(),
        "\n\n".to_owned(),
        String::new(),
        "one\n\"two".to_owned(),
        late("a,b\n", "1,2\n", "\"open,2\n3,4\n"),
    ];
    let mut read = 0;
    for text in &texts {
        read += usize::from(same_text("t.csv", text, &plain).is_ok());
        drop(same_text("t.tsv", text.replace(',', "\t"), &plain));
        drop(same_text("t.csv", text, &ReadOptions { ragged: Some(Ragged::Skip), ..plain.clone() }));
        drop(same_text("t.csv", text, &ReadOptions { infer_rows: Some(1200), ..plain.clone() }));
        drop(same_text("t.csv", text, &ReadOptions { header: Some(false), ..plain.clone() }));
        drop(same_text("t.csv", text, &ReadOptions { comment: Some('#'), ..plain.clone() }));
        drop(same_text("t.csv", text, &ReadOptions { quote: Some(read::Quote::Off), ..plain.clone() }));
        drop(same_text("t.csv", text, &declared(&[("a", T::Integer), ("b", T::Text)])));
        drop(same_text("t.csv", text, &declared(&[("a", T::Timestamp)])));
    }
    assert_eq!(read, 18, "the others are mistakes");
    let comments = late("# \"head\na,b\n", "1,2\n# it's \"open\n", "x,\"y\n# no comment\"\n");
    let options = ReadOptions { comment: Some('#'), ..ReadOptions::default() };
    assert_eq!(same_text("t.csv", comments, &options).unwrap().table.row_count(), 1501);
}

#[test]
fn lines_are_counted_through_all_windows() {
    let text = late("a,b\n", "1,\"x\ny\"\n", "1.5,z\n");
    let error = same_text("t.csv", &text, &declared(&[("a", T::Integer)])).unwrap_err();
    assert!(error.message.ends_with("`1.5` on line 3002"), "{error}");
    let error = same_text("t.csv", text.clone() + "1,2,3\n", &ReadOptions::default()).unwrap_err();
    assert!(error.message.ends_with("line 3003 has 3"), "{error}");
    let error = same_text("t.csv", [text.as_bytes(), b"\n1,caf\xe9\n"].concat(), &ReadOptions::default()).unwrap_err();
    assert!(error.message.ends_with("line 3004 is not UTF-8"), "{error}");
    let error = same_text("t.csv", text + "1,\"z\n", &ReadOptions::default()).unwrap_err();
    assert!(error.message.ends_with("the `\"` on line 3003 is never closed"), "{error}");
    let error = same_text("t.jsonl", late("", "{\"a\": 1}\n\n", "{\"a\": 1"), &ReadOptions::default()).unwrap_err();
    assert!(error.message.contains("line 3001 is not a JSON object"), "{error}");
}

#[test]
fn encodings_and_packing_are_undone_piece_by_piece() {
    let text = late("a,b\n", "1,é\n", "2.5,ü𝄞\n");
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let digest = same_text("t.csv", &text, &ReadOptions::default()).unwrap().table.digest();
    assert_eq!(same_text("t.csv", utf16, &ReadOptions::default()).unwrap().table.digest(), digest);
    let marked = format!("\u{feff}{text}");
    assert_eq!(same_text("t.csv", marked, &ReadOptions::default()).unwrap().table.digest(), digest);
    let latin: Vec<u8> = text.chars().filter(|c| *c != '𝄞').map(|c| c as u8).collect();
    let options = ReadOptions { encoding: Some("windows-1252".into()), ..ReadOptions::default() };
    same_text("t.csv", latin, &options).unwrap();
    let odd = ReadOptions { encoding: Some("utf-16le".into()), ..ReadOptions::default() };
    assert_eq!(same_text("t.csv", b"a\0\n\x001\0\n\x002", &odd).unwrap_err().code, "bad-encoding");

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    assert_eq!(same_text("t.csv.gz", &gzip, &ReadOptions::default()).unwrap().table.digest(), digest);
    assert_eq!(
        same_text("t.csv.gz", &gzip[..gzip.len() - 9], &ReadOptions::default()).unwrap_err().code,
        "broken-file"
    );
    let zstandard = zstd::encode_all(text.as_bytes(), 1).unwrap();
    assert_eq!(same_text("t.csv.zst", zstandard, &ReadOptions::default()).unwrap().table.digest(), digest);
}

#[test]
fn json_is_the_same_table() {
    let bodies = [
        ("{\"a\": 1, \"b\": \"x\"}", "{\"c\": [1, {\"d\": 2}], \"a\": 2.5}"),
        ("{\"a\": \"2020-01-01\"}", "{\"a\": \"2020-01-01T10:00\"}"),
        ("{\"a\": \"2020-01-01T10:00Z\"}", "{\"b\": null}"),
        ("{\"a\": null}", "{\"a\": true}"),
        ("{\"a\": 1}", "{\"a\": \"one\"}"),
        ("{\"a\": -0}", "{\"a\": 1.5, \"é\": \"ü\\n\"}"),
        ("{\"a\": 1}", "{\"a\": 1, \"a\": 2}"),
        ("{\"a\": 1}", "3"),
        ("{\"a\": 1}", "{\"a\": }"),
    ];
    let mut read = 0;
    for (first, last) in bodies {
        let lines = late("", &format!("{first}\n"), last);
        let array = late("[", &format!("{first},\n"), &format!("{last}]\n"));
        for options in [ReadOptions::default(), declared(&[("a", T::Integer)]), declared(&[("a", T::Timestamp)])] {
            read += usize::from(same_text("t.jsonl", &lines, &options).is_ok());
            read += usize::from(same_text("t.jsonl", &array, &options).is_ok());
        }
    }
    assert_eq!(read, 12 + 4, "the others are mistakes");
    for odd in ["", "\n \n", "[]", "[", "[{\"a\": 1}] x", " \n [{\"a\": 1}]", "[1]", "{}"] {
        drop(same_text("t.jsonl", odd, &ReadOptions::default()));
    }
}

#[test]
fn files_of_all_formats_in_one_table() {
    use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
    use std::sync::Arc;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("1.csv"), "name,value\nx,\ny,\n").unwrap();
    fs::write(file("2.jsonl"), "{\"value\": 3, \"name\": \"z\"}\n").unwrap();
    let table = Table::from_columns(vec![
        ("value".to_owned(), Arc::new(Float64Array::from(vec![Some(1.5), None])) as ArrayRef),
        ("name".to_owned(), Arc::new(StringArray::from(vec!["é", "f"]))),
    ]);
    let table = table.unwrap();
    write(&table, &file("3.parquet")).unwrap();
    write(&table, &file("4.arrow")).unwrap();
    fs::write(file("5.csv"), "value;name\n1,5;w\n").unwrap();
    let files = ["1.csv", "2.jsonl", "3.parquet", "4.arrow", "5.csv"].map(file);
    let read = same(&files, &ReadOptions::default()).unwrap();
    assert_eq!((read.table.row_count(), read.table.column_count()), (8, 2));
    fs::write(file("6.csv"), "value,extra\nx,1\n").unwrap();
    let error = same(&[file("1.csv"), file("3.parquet"), file("6.csv")], &ReadOptions::default()).unwrap_err();
    assert_eq!(error.code, "different-schemas");

    // Unsigned integers are floats if one of them, in whatever file, is too large.
    let unsigned = |name: &str, values: Vec<u64>| {
        let array = Arc::new(UInt64Array::from(values)) as ArrayRef;
        let batch = arrow::array::RecordBatch::try_from_iter([("n", array)]).unwrap();
        let made = fs::File::create(file(name)).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(made, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    unsigned("small.parquet", vec![1, 2]);
    unsigned("great.parquet", vec![3, u64::MAX]);
    let read = same(&[file("small.parquet"), file("great.parquet")], &ReadOptions::default()).unwrap();
    assert_eq!(read.table.schema().columns[0].column_type, T::Float);
    assert_eq!(same(&[file("small.parquet")], &ReadOptions::default()).unwrap().table.row_count(), 2);
}

#[test]
fn what_is_large_is_told_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = late("a,b\n", "1,2\n", "");
    let (plain, packed) = (folder.path().join("t.csv"), folder.path().join("t.csv.zst"));
    fs::write(&plain, &text).unwrap();
    fs::write(&packed, zstd::encode_all(text.as_bytes(), 3).unwrap()).unwrap();
    let options = ReadOptions::default();
    let size = text.len() as u64;
    for files in [vec![plain.clone()], vec![packed.clone()]] {
        assert!(!is_large(&files, &options, size).unwrap());
        assert!(is_large(&files, &options, size - 1).unwrap());
    }
    let both = [plain, packed];
    assert!(!is_large(&both, &options, 2 * size).unwrap());
    assert!(is_large(&both, &options, 2 * size - 1).unwrap());
    let read = |memory| {
        let bounds = Bounds { memory, ..Bounds::default() };
        read_within(&both, &options, &folder.path().join("held"), bounds, &|| false).unwrap().table
    };
    assert!(!read(2 * size).is_in_file() && read(2 * size - 1).is_in_file());
    assert_eq!(read(2 * size), read(2 * size - 1));
}

#[test]
fn a_file_that_changes_between_the_passes_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let json = folder.path().join("t.jsonl");
    for changed in ["a,b\n1,x\n", "a,b\n1,2\n3,4\n5,6\n", "a,b\n1,2\n3\n", "a", ""] {
        fs::write(&path, "a,b\n1,2\n3,4\n").unwrap();
        let opened = open(&path, &ReadOptions::default()).unwrap();
        let bounds = Bounds::default();
        let survey = csv::survey(&opened, &ReadOptions::default(), bounds, &|| false).unwrap();
        survey.for_each_batch(bounds, &|| false, |_| Ok(())).unwrap();
        fs::write(&path, changed).unwrap();
        let error = survey.for_each_batch(bounds, &|| false, |_| Ok(())).unwrap_err();
        assert_eq!(error.code, "file-changed", "{changed:?}");
    }
    fs::write(&json, "{\"a\": 1}\n").unwrap();
    let opened = open(&json, &ReadOptions::default()).unwrap();
    let survey = json_lines::survey(&opened, &ReadOptions::default(), Bounds::default(), &|| false).unwrap();
    fs::write(&json, "{\"b\": 1}\n").unwrap();
    let error = survey.for_each_batch(Bounds::default(), &|| false, |_| Ok(())).unwrap_err();
    assert_eq!(error.code, "file-changed");
}

#[test]
fn reading_stops_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    fs::write(&file, "a\n1\n").unwrap();
    let error = super::read(&[file], &ReadOptions::default(), folder.path(), LOW[0], &|| true).unwrap_err();
    assert_eq!(error.code, "cancelled");
}
