//! Reading whole files of every format, real data among them.

use std::{io::Write, path::PathBuf};

use arrow::array::Array;
use trainyard_core::{ColumnType as T, Value};

use super::*;

/// A file of the shared data sets; none, with a note, where they are not at hand.
fn shared(name: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var("CI").is_err(), "shared data set {} is missing", file.display());
    println!("skipped: no shared data set {}", file.display());
    None
}

fn whole(file: PathBuf) -> Read {
    whole_with(&[file], &ReadOptions::default())
}

fn whole_with(files: &[PathBuf], options: &ReadOptions) -> Read {
    let read = read(files, options, &|| false).unwrap();
    let looked = look(files, options).unwrap();
    assert_eq!(looked.schema, read.table.schema(), "a look tells the schema of these files");
    read
}

fn shape(table: &Table) -> (usize, usize) {
    (table.row_count(), table.column_count())
}

fn nulls(table: &Table, name: &str) -> usize {
    table.column(name).unwrap().null_count()
}

/// Rows whose value shows as `value`.
fn count(table: &Table, name: &str, value: &str) -> usize {
    let array = table.column(name).unwrap();
    let options = arrow::util::display::FormatOptions::default();
    let shown = arrow::util::display::ArrayFormatter::try_new(array.as_ref(), &options).unwrap();
    (0..array.len()).filter(|row| shown.value(*row).to_string() == value).count()
}

// The numbers below are those of the README beside the data sets.

#[test]
fn adult_has_spaces_question_marks_no_header_and_no_last_line_end() {
    let Some(file) = shared("adult/adult.data.gz") else { return };
    let columns = [
        "age",
        "workclass",
        "fnlwgt",
        "education",
        "education-num",
        "marital-status",
        "occupation",
        "relationship",
        "race",
        "sex",
        "capital-gain",
        "capital-loss",
        "hours-per-week",
        "native-country",
        "income",
    ];
    let options = ReadOptions { columns: Some(columns.map(str::to_owned).to_vec()), ..ReadOptions::default() };
    let table = whole_with(&[file], &options).table;
    assert_eq!(shape(&table), (32_561, 15));
    let missing = ["workclass", "occupation", "native-country"].map(|name| nulls(&table, name));
    assert_eq!(missing, [1836, 1843, 583]);
    assert_eq!(["<=50K", ">50K"].map(|class| count(&table, "income", class)), [24_720, 7841]);
    let profile = crate::profile::profile(&table).unwrap();
    assert_eq!(profile.duplicate_rows, 24);
}

#[test]
fn ai4i2020_has_a_mark_and_carriage_returns() {
    let Some(file) = shared("ai4i2020/ai4i2020.csv") else { return };
    let table = whole(file).table;
    assert_eq!(shape(&table), (10_000, 14));
    assert_eq!(table.names().next(), Some("UDI"));
    assert_eq!(table.schema().column("RNF").map(|column| column.column_type), Some(T::Integer));
    assert_eq!(count(&table, "Machine_failure", "1"), 339);
    assert!(table.names().all(|name| nulls(&table, name) == 0));
}

#[test]
fn cmapss_is_separated_by_spaces() {
    let Some(train) = shared("cmapss_fd001/train_FD001.txt.gz") else { return };
    let table = whole(train).table;
    assert_eq!(shape(&table), (20_631, 26));
    assert!(table.schema().columns.iter().all(|column| column.column_type.is_number()));
    let test = shared("cmapss_fd001/test_FD001.txt.gz").unwrap();
    assert_eq!(shape(&whole(test).table), (13_096, 26));
    let truth = shared("cmapss_fd001/RUL_FD001.txt").unwrap();
    assert_eq!(shape(&whole(truth).table), (100, 1));
}

#[test]
fn the_other_sets_have_their_shapes() {
    for (file, rows, columns) in [
        ("occupancy/datatraining.txt", 8143, 6),
        ("occupancy/datatest.txt", 2665, 6),
        ("nyc_taxi_2022_01/sample.parquet", 100_000, 19),
        ("lightgbm_binary/binary.train", 7000, 29),
        ("lightgbm_binary/binary.test", 500, 29),
        ("noaa_weather/NEweather_data.csv", 18_159, 8),
        ("noaa_weather/NEweather_class.csv", 18_159, 1),
        ("digits/digits.csv.gz", 1797, 65),
        ("shuttle/shuttle.csv.gz", 49_097, 10),
        ("california_housing/housing.csv", 20_640, 10),
        ("power_plant/power_plant.csv", 9568, 5),
        ("nab/realKnownCause/nyc_taxi.csv", 10_320, 2),
        ("bsd_pitting/labels.csv", 175, 7),
    ] {
        let Some(path) = shared(file) else { continue };
        assert_eq!(shape(&whole(path).table), (rows, columns), "{file}");
    }
}

#[test]
fn particular_columns_of_the_other_sets() {
    let Some(housing) = shared("california_housing/housing.csv") else { return };
    let housing = whole(housing).table;
    assert_eq!(nulls(&housing, "total_bedrooms"), 207);
    assert_eq!(count(&housing, "ocean_proximity", "<1H OCEAN"), 9136);
    let shuttle = whole(shared("shuttle/shuttle.csv.gz").unwrap()).table;
    assert_eq!(count(&shuttle, "anomaly", "1"), 3511);
    let taxi = whole(shared("nyc_taxi_2022_01/sample.parquet").unwrap()).table;
    let moments = taxi.schema().columns.iter().filter(|column| column.column_type == T::Timestamp).count();
    assert_eq!((moments, taxi.names().map(|name| nulls(&taxi, name)).sum::<usize>()), (2, 0));
    let series = whole(shared("nab/realKnownCause/nyc_taxi.csv").unwrap()).table;
    assert_eq!(series.schema().columns[0].column_type, T::Timestamp);
}

#[test]
fn youtube_comments_are_one_table_of_four_files() {
    let Some(first) = shared("youtube_spam/Youtube01-Psy.csv") else { return };
    let files = expand(first.parent().unwrap(), "Youtube*.csv").unwrap();
    assert_eq!(files.len(), 4);
    let table = whole_with(&files, &ReadOptions::default()).table;
    assert_eq!(shape(&table), (350 + 350 + 438 + 448, 5));
    assert_eq!((nulls(&table, "DATE"), count(&table, "label", "1")), (245, 175 + 175 + 236 + 245));
    assert_eq!(table.schema().column("DATE").map(|column| column.column_type), Some(T::Timestamp));
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("trainyard-read-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let file = self.0.join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn refused(files: &[PathBuf], options: &ReadOptions) -> DataError {
    read(files, options, &|| false).unwrap_err()
}

#[test]
fn files_of_one_schema_become_one_table() {
    let folder = Folder::new("unify");
    let a = folder.file("a.csv", "x,y,z\n1,a,2020-01-01\n");
    let b = folder.file("b.csv", "y,x,z\nb,2.5,2020-01-01 10:00\n");
    let c = folder.file("c.csv", "x,y,z\n,,\n,q,\n");
    let table = whole_with(&[a.clone(), b, c], &ReadOptions::default()).table;
    let types: Vec<T> = table.schema().columns.iter().map(|column| column.column_type).collect();
    assert_eq!((shape(&table), types), ((4, 3), vec![T::Float, T::Text, T::Timestamp]));

    let d = folder.file("d.csv", "x,y,w\nred,a,1\nblue,b,2\n");
    let error = refused(&[a, d], &ReadOptions::default());
    assert_eq!(error.code, "different-schemas");
    for part in ["lacks column `z`", "one more column, `w`", "column `x` is text in", "and integer before"] {
        assert!(error.message.contains(part), "{part}: {}", error.message);
    }
}

#[test]
fn packed_files_are_unpacked() {
    let folder = Folder::new("packed");
    let text = "a,b\n1,2\n3,4\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let files = [
        folder.file("plain.csv", text),
        folder.file("g.csv.gz", &gzip),
        folder.file("z.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        // The first bytes tell, whatever the name.
        folder.file("odd.csv", &gzip),
    ];
    let tables: Vec<Table> = files.into_iter().map(|file| whole(file).table).collect();
    assert!(tables.iter().all(|table| table.digest() == tables[0].digest()));
    let cut = folder.file("cut.csv.gz", &gzip[..gzip.len() - 9]);
    assert_eq!(refused(&[cut], &ReadOptions::default()).code, "broken-file");
}

#[test]
fn files_that_are_not_there_or_not_known() {
    let folder = Folder::new("bad");
    let code = |file: PathBuf| refused(&[file], &ReadOptions::default()).code;
    assert_eq!(code(folder.0.join("none.csv")), "file-not-found");
    assert_eq!(code(folder.0.clone()), "is-a-folder");
    assert_eq!(code(folder.file("empty.csv", "")), "empty-file");
    assert_eq!(code(folder.file("x.xlsx", "PK\x03\x04")), "unknown-format");
    assert_eq!(code(folder.file("bad.parquet", "PAR1 but no more")), "bad-parquet");
    assert_eq!(code(folder.file("bad.arrow", "ARROW1 but no more")), "bad-arrow");
    assert_eq!(code(folder.file("text.parquet", "a,b\n1,2\n")), "bad-parquet");
    let parquet = ReadOptions { header: Some(true), ..ReadOptions::default() };
    assert_eq!(refused(&[folder.file("p.parquet", "x")], &parquet).code, "bad-option");
    assert_eq!(refused(&[], &ReadOptions::default()).code, "file-not-found");
    let stop = read(&[folder.file("ok.csv", "a\n1\n")], &ReadOptions::default(), &|| true).unwrap_err();
    assert_eq!(stop.code, "cancelled");
}

#[test]
fn an_endless_line_is_refused_early() {
    let folder = Folder::new("line");
    let error =
        refused(&[folder.file("long.csv", vec![b'x'; files::LONGEST_LINE + (16 << 20)])], &ReadOptions::default());
    assert_eq!(error.code, "line-too-long");
    let long = folder.file("long.csv", vec![b'x'; files::LONGEST_LINE + (16 << 20)]);
    assert_eq!(look(&[long], &ReadOptions::default()).unwrap_err().code, "line-too-long");
    let mut quoted = b"a,b\n1,\"".to_vec();
    quoted.resize(files::LONGEST_LINE + (16 << 20), b'\n');
    let error = refused(&[folder.file("quoted.csv", quoted)], &ReadOptions::default());
    assert_eq!((error.code.as_str(), error.message.contains("line 2")), ("unclosed-quote", true));
}

#[test]
fn a_look_stays_small_and_says_so() {
    let folder = Folder::new("look");
    let mut text = "id,note\n".to_owned();
    (0..400_000).for_each(|row| text.push_str(&format!("{row},\"a\nb\"\n")));
    text.push_str("late,x\n");
    let file = folder.file("long.csv", &text);
    let looked = look(std::slice::from_ref(&file), &ReadOptions::default()).unwrap();
    assert!(!looked.exact);
    assert_eq!(looked.schema, Schema::new([("id", T::Integer), ("note", T::Text)]));
    assert_eq!(looked.options_used.header, Some(true));
    let full = read(&[file], &ReadOptions::default(), &|| false).unwrap();
    assert_eq!(full.table.schema(), Schema::new([("id", T::Text), ("note", T::Text)]));
    // A first record longer than the look makes it longer.
    let name = "x".repeat(900_000);
    let wide = format!("{name},{name}y\n1,2\n");
    let looked = look(&[folder.file("wide.csv", wide)], &ReadOptions::default()).unwrap();
    assert_eq!(looked.schema.columns.len(), 2);
}

#[test]
fn json_lines_keep_order_and_nesting() {
    let text = "{\"b\": 1, \"a\": \"x\"}\n\n{\"a\": null, \"c\": [1, {\"d\": 2}], \"b\": 2.5}\n\
                {\"b\": 3, \"at\": \"2020-01-01T10:00:00Z\", \"ok\": true, \"mix\": 1}\n{\"mix\": \"one\"}";
    let options = ReadOptions { format: Some(Format::JsonLines), ..ReadOptions::default() };
    let table = read_text("t.jsonl", text.into(), &options).unwrap().table;
    let expected = Schema::new([
        ("b", T::Float),
        ("a", T::Text),
        ("c", T::Text),
        ("at", T::Timestamp),
        ("ok", T::Boolean),
        ("mix", T::Text),
    ]);
    assert_eq!((table.schema(), table.row_count()), (expected, 4));
    assert_eq!((count(&table, "c", "[1,{\"d\":2}]"), count(&table, "mix", "1"), nulls(&table, "a")), (1, 1, 3));
    let array = "[{\"a\": 1},\n {\"a\": 2}]";
    assert_eq!(shape(&read_text("t.json", array.into(), &options).unwrap().table), (2, 1));

    let message = |text: &str| read_text("t.jsonl", text.into(), &options).unwrap_err().message;
    assert!(message("{\"a\": 1}\n[1]\n").starts_with("`t.jsonl`: line 2 is not a JSON object"));
    assert!(message("{\"a\": 1, \"a\": 2}").contains("key `a` appears twice"));
    assert!(message("{\"a\": 1}\n{\"a\":").contains("line 2"));
    let declared = ReadOptions { types: [("a".to_owned(), T::Integer)].into(), ..options.clone() };
    let error = read_text("t.jsonl", "{\"a\": \"5\"}\n{\"a\": 1.5}".into(), &declared).unwrap_err();
    assert_eq!(error.message, "`t.jsonl`: column `a` holds what is no integer on line 2");
}

#[test]
fn arrow_streams_are_read_too() {
    let folder = Folder::new("stream");
    let table = read_text("t.csv", "a,b\n1,x\n2,y\n".into(), &ReadOptions::default()).unwrap().table;
    let mut bytes = Vec::new();
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(&mut bytes, table.arrow_schema()).unwrap();
    table.batches().unwrap().iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    assert_eq!(whole(folder.file("t.arrows", bytes)).table, table);
}
