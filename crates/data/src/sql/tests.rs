//! Queries that work, mistakes that are told, and texts meant to do harm.

use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray},
    datatypes::{Float64Type, Int64Type},
};
use trainyard_core::{ColumnType, Value};

use super::*;

fn readings(rows: usize) -> Arc<Table> {
    let number = |scale: f64| move |row: usize| ((row as f64) * 0.618_033_988_7).fract() * scale;
    let at: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(number(40.0))));
    let torque: ArrayRef =
        Arc::new(Float64Array::from_iter((0..rows).map(|row| (row % 7 != 0).then(|| number(1e6)(row)))));
    let unit: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|row| (row % 5) as i64)));
    let state: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..rows).map(|row| if row % 3 == 0 { "open" } else { "closed" })));
    let when: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from_iter_values((0..rows).map(|row| row as i64 * 60_000_000)));
    let columns = [("AT", at), ("torque", torque), ("unit", unit), ("State [x]", state), ("when", when)];
    Arc::new(Table::from_columns(columns.into_iter().map(|(name, array)| (name.to_owned(), array)).collect()).unwrap())
}

fn run(query: &str, rows: usize) -> Result<Table, DataError> {
    sql(query, &[("readings".to_owned(), readings(rows))], &|| false)
}

fn outline(query: &str) -> Result<SqlOutline, Problem> {
    sql_schema(query, &[("readings".to_owned(), readings(1).schema())])
}

fn names(query: &str) -> Vec<String> {
    outline(query).unwrap().schema.names().map(str::to_owned).collect()
}

#[test]
fn identifiers_are_as_written_and_rows_keep_their_order() {
    let query = r#"SELECT AT AS air, "State [x]" AS state, unit * 2 AS twice FROM readings WHERE unit > 1"#;
    let table = run(query, 100).unwrap();
    assert_eq!(table.row_count(), 60);
    assert_eq!(table.schema(), outline(query).unwrap().schema);
    let air = table.column("air").unwrap();
    let expected: Vec<f64> =
        (0..100).filter(|row| row % 5 > 1).map(|row| (f64::from(row) * 0.618_033_988_7).fract() * 40.0).collect();
    assert_eq!(air.as_primitive::<Float64Type>().values().to_vec(), expected);
    assert!(run("SELECT at FROM readings", 1).is_err());
}

#[test]
fn row_local_queries_agree_with_the_whole_at_any_thread_count() {
    let query = "SELECT AT + torque AS s, unit FROM readings WHERE torque IS NOT NULL AND unit <> 2";
    let tables = [("readings".to_owned(), readings(200_000))];
    let digests: Vec<_> = [1, 2, 5]
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Value::digest(&sql(query, &tables, &|| false).unwrap()))
        })
        .into();
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
    let sorted = sql(&format!("{query} ORDER BY s"), &tables, &|| false).unwrap();
    assert_eq!(sorted.row_count(), sql(query, &tables, &|| false).unwrap().row_count());
}

#[test]
fn float_sums_do_not_depend_on_batches() {
    let table = readings(50_000);
    let cut: Vec<Table> =
        [(0, 17), (17, 9_000), (9_017, 1), (9_018, 50_000)].map(|(start, length)| table.slice(start, length)).into();
    let cut = Arc::new(Table::stack(&cut).unwrap());
    for query in [
        "SELECT sum(torque) AS s, avg(AT) AS m, stddev(torque) AS d FROM readings",
        "SELECT unit, sum(torque) AS s FROM readings WHERE AT > 3 GROUP BY unit",
        "SELECT unit, sum(torque) OVER (PARTITION BY unit ORDER BY \"when\") AS s FROM readings",
        "SELECT a.unit, sum(a.torque) AS s FROM readings a JOIN (SELECT unit, max(AT) AS m FROM readings GROUP BY unit) b ON a.unit = b.unit GROUP BY a.unit",
        "SELECT torque FROM readings WHERE unit = 1 UNION ALL SELECT AT FROM readings WHERE unit = 2",
        "SELECT DISTINCT \"State [x]\", unit FROM readings",
    ] {
        let whole = sql(query, &[("readings".to_owned(), Arc::clone(&table))], &|| false).unwrap();
        let pieces = sql(query, &[("readings".to_owned(), Arc::clone(&cut))], &|| false).unwrap();
        assert_eq!(Value::digest(&whole), Value::digest(&pieces), "{query}");
        assert_eq!(whole.schema(), outline(query).unwrap().schema, "{query}");
    }
}

#[test]
fn computed_columns_are_named_as_written() {
    assert_eq!(names("SELECT AT*2, ROUND(torque, 1) FROM readings"), ["AT * 2", "ROUND(torque, 1)"]);
    assert_eq!(names("SELECT r.AT, count(*) FROM readings r GROUP BY r.AT"), ["AT", "count(*)"]);
    assert_eq!(names("WITH x AS (SELECT unit % 2 FROM readings) SELECT * FROM x"), ["unit % 2"]);
    assert_eq!(names("SELECT * FROM (SELECT avg(AT) FROM readings) t"), ["avg(AT)"]);
    assert_eq!(
        names(
            "SELECT unit % 2, count(*) FROM readings GROUP BY unit % 2 HAVING count(*) > 1 ORDER BY count(*), unit % 2"
        ),
        ["unit % 2", "count(*)"]
    );
}

#[test]
fn only_queries_without_company_are_row_local() {
    let local = |query: &str| outline(query).unwrap().row_local;
    assert!(local("SELECT AT, CASE WHEN unit IN (1, 2) THEN upper(\"State [x]\") END AS s FROM readings WHERE AT > 1"));
    assert!(local("WITH a AS (SELECT AT FROM readings) SELECT AT + 1 AS x FROM a WHERE AT < 3"));
    assert!(local("SELECT date_trunc('hour', \"when\") AS hour FROM readings"));
    for query in [
        "SELECT avg(AT) AS m FROM readings",
        "SELECT AT, lag(AT) OVER (ORDER BY \"when\") AS before FROM readings",
        "SELECT DISTINCT unit FROM readings",
        "SELECT AT FROM readings ORDER BY AT",
        "SELECT AT FROM readings LIMIT 3",
        "SELECT AT FROM readings UNION ALL SELECT torque FROM readings",
        "SELECT a.AT FROM readings a JOIN readings b ON a.unit = b.unit",
        "SELECT AT FROM readings WHERE AT > (SELECT avg(AT) FROM readings)",
        "SELECT AT FROM readings WHERE unit IN (SELECT unit FROM readings)",
        "SELECT 1 AS one",
    ] {
        assert!(!local(query), "{query}");
    }
}

#[test]
fn mistakes_have_codes_places_and_help() {
    for (query, code, message, help) in [
        (
            "SELECT torqe FROM readings",
            "unknown-column",
            "unknown column `torqe` (line 1, column 8 of the query)",
            "did you mean `torque`?",
        ),
        ("SELECT AT,\n  torqe FROM readings", "unknown-column", "(line 2, column 3", "`torque`"),
        ("SELECT AT FROM reading", "unknown-table", "unknown table `reading`", "did you mean `readings`?"),
        ("SELECT AT FROM a.b", "unknown-table", "unknown table `a.b`", "readings"),
        ("SELECT rond(AT) FROM readings", "unknown-function", "unknown function `rond`", "did you mean `round`?"),
        ("SELECT AT FROM readings WHERE unit = \"open\"", "unknown-column", "`open`", "text is written 'open'"),
        ("SELECT AT,, unit FROM readings", "sql-syntax", "(line 1, column 11 of the query)", ""),
        ("SELECT AT FRM readings x y", "sql-syntax", "line 1", ""),
        ("SELECT 'open FROM readings", "sql-syntax", "line 1", ""),
        ("SELECT AT, AT FROM readings", "duplicate-column", "`AT`", "AS"),
        ("SELECT a.unit, b.unit FROM readings a JOIN readings b ON a.AT = b.AT", "duplicate-column", "`unit`", "AS"),
        ("SELECT unit FROM readings a JOIN readings b ON a.AT = b.AT", "ambiguous-column", "`unit`", "a.unit"),
        ("SELECT now() AS t FROM readings", "sql-not-deterministic", "`now()`", ""),
        ("SELECT AT FROM readings WHERE random() < 0.5", "sql-not-deterministic", "`random()`", ""),
        (
            "SELECT AT FROM readings WHERE unit IN (SELECT unit FROM readings WHERE uuid() > 'a')",
            "sql-not-deterministic",
            "`uuid()`",
            "",
        ),
        ("SELECT current_date AS d FROM readings", "sql-not-deterministic", "current_date", ""),
        ("", "sql-not-a-query", "empty", ""),
        ("SELECT 1 AS a; SELECT 2 AS b", "sql-not-a-query", "2 statements", ""),
        ("DROP TABLE readings", "sql-not-a-query", "`DROP`", "SELECT"),
        ("CREATE TABLE x AS SELECT * FROM readings", "sql-not-a-query", "`CREATE`", ""),
        ("INSERT INTO readings SELECT * FROM readings", "sql-not-a-query", "`INSERT`", ""),
        ("SET x = 1", "sql-not-a-query", "`SET`", ""),
        ("EXPLAIN SELECT * FROM readings", "sql-not-a-query", "`EXPLAIN`", ""),
        ("COPY readings TO 'x.csv'", "sql-not-a-query", "`COPY`", ""),
        ("SELECT * INTO x FROM readings", "sql-not-a-query", "", ""),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "sql-not-a-query", "`CREATE`", ""),
        ("SELECT * FROM 'data.csv'", "unknown-table", "data.csv", ""),
        ("SELECT \"when\" + \"State [x]\" AS s FROM readings", "sql-invalid", "", ""),
        ("SELECT AT FROM readings WHERE AT = $1", "sql-invalid", "", ""),
        ("SELECT AT FROM readings GROUP BY unit", "sql-invalid", "", ""),
        ("SHOW TABLES", "sql-not-a-query", "", ""),
    ] {
        let problem = outline(query).expect_err(query);
        assert_eq!(problem.code, code, "{query}: {problem:?}");
        assert!(problem.message.contains(message), "{query}: {problem:?}");
        assert!(
            help.is_empty() || problem.help.as_deref().is_some_and(|text| text.contains(help)),
            "{query}: {problem:?}"
        );
        assert!(!problem.message.contains('\n') && !problem.message.ends_with('.'), "{problem:?}");
        let error = run(query, 3).expect_err(query);
        assert_eq!(error.code, code, "{query}: {error:?}");
    }
}

#[test]
fn failures_of_values_are_told() {
    for query in
        ["SELECT unit / (unit - unit) AS q FROM readings", "SELECT CAST(\"State [x]\" AS BIGINT) AS q FROM readings"]
    {
        assert!(outline(query).is_ok());
        let error = run(query, 10).unwrap_err();
        assert_eq!(error.code, "sql-failed", "{error:?}");
        assert!(error.message.starts_with(|letter: char| !letter.is_uppercase()), "{error:?}");
    }
}

#[test]
fn types_come_out_canonical() {
    let query = "SELECT count(*) AS n, CAST(1 AS SMALLINT) AS s, CAST(1.5 AS DECIMAL(5, 2)) AS d, \
                 CAST('a' AS VARCHAR) AS t, max(\"when\") AS w, TRUE AS b, DATE '2026-01-02' AS day FROM readings";
    let schema = outline(query).unwrap().schema;
    let types: Vec<ColumnType> = schema.columns.iter().map(|column| column.column_type).collect();
    use ColumnType as T;
    assert_eq!(types, [T::Integer, T::Integer, T::Float, T::Text, T::Timestamp, T::Boolean, T::Date]);
    let table = run(query, 20).unwrap();
    assert_eq!(table.schema(), schema);
    assert_eq!(table.column("n").unwrap().as_primitive::<Int64Type>().value(0), 20);
}

#[test]
fn a_long_query_is_cancelled() {
    let asked = AtomicUsize::new(0);
    let cancelled = || asked.fetch_add(1, Ordering::Relaxed) >= 1;
    let query = "SELECT count(*) AS n FROM readings a CROSS JOIN readings b WHERE a.AT + b.AT > 3";
    let began = std::time::Instant::now();
    let error = sql(query, &[("readings".to_owned(), readings(100_000))], &cancelled).unwrap_err();
    assert_eq!(error.code, "cancelled");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn hostile_texts_end_in_an_error_or_a_result() {
    let chain = |piece: &str, count: usize| format!("SELECT AT{} AS s FROM readings", piece.repeat(count));
    let too_long = |query: &str| assert_eq!(outline(query).unwrap_err().code, "sql-too-long");
    run(&chain(" + 1", 300), 2).unwrap();
    run(&format!("SELECT AT FROM readings WHERE unit = 1{}", " OR unit = 2".repeat(400)), 2).unwrap();
    run(&format!("SELECT AT FROM readings WHERE unit IN (1{})", ", 2".repeat(20_000)), 2).unwrap();
    too_long(&chain(" + 1", 30_000));
    too_long(&format!("SELECT AT FROM readings WHERE unit = 1{}", " OR unit = 2".repeat(10_000)));
    too_long(&" ".repeat(1 << 20));
    for (before, after) in [("(", ")"), ("NOT ", ""), ("- ", ""), ("CASE WHEN TRUE THEN ", " END"), ("abs(", ")")] {
        let query = format!("SELECT {}AT{} AS s FROM readings", before.repeat(3_000), after.repeat(3_000));
        assert_eq!(outline(&query).unwrap_err().code, "sql-syntax");
    }
    let _ = outline(&format!("SELECT AT FROM readings {}", "UNION ALL SELECT AT FROM readings ".repeat(2_000)));
    for query in ["\0", "SELECT", "é", "SELECT ` FROM", "/*", "--", ";;;", "SELECT * FROM (((("] {
        assert!(outline(query).is_err(), "{query}");
    }
}

#[test]
fn no_rows_and_no_tables_are_fine() {
    let table = run("SELECT AT, unit FROM readings WHERE unit > 99", 10).unwrap();
    assert_eq!((table.row_count(), table.column_count()), (0, 2));
    let empty = Arc::new(readings(5).slice(0, 0));
    let table = sql("SELECT unit, count(*) AS n FROM e GROUP BY unit", &[("e".to_owned(), empty)], &|| false).unwrap();
    assert_eq!(table.row_count(), 0);
    let table = sql("SELECT 1 AS one", &[], &|| false).unwrap();
    assert_eq!(table.row_count(), 1);
}

#[test]
fn a_table_in_a_file_is_worked_through_row_by_row() {
    let rows = 2 * super::WINDOW + 1000;
    let table = Table::from_columns(vec![
        ("x".to_owned(), Arc::new((0..rows).map(|row| Some(row as f64 / 7.0)).collect::<Float64Array>()) as ArrayRef),
        ("i".to_owned(), Arc::new((0..rows).map(|row| Some(row as i64 % 100)).collect::<Int64Array>())),
    ])
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    crate::write::write(&table, &path).unwrap();
    let in_file = Table::copied(&path, || None, folder.path()).unwrap().unwrap();
    let tables = |table: &Table| vec![("t".to_owned(), Arc::new(table.clone()))];
    for query in [
        "SELECT x * 2 AS y, i FROM t WHERE i % 3 = 1",
        "SELECT i, count(*) AS n, sum(x) AS total FROM t GROUP BY i ORDER BY i",
        "SELECT x FROM t WHERE i > 1000",
    ] {
        let whole = sql(query, &tables(&table), &|| false).unwrap();
        let parts = super::sql_into(query, &tables(&in_file), folder.path(), &|| false).unwrap();
        assert_eq!(parts, whole, "{query}");
    }
    let error = super::sql_into("SELECT z FROM t", &tables(&in_file), folder.path(), &|| false).unwrap_err();
    assert_eq!(error.code, "unknown-column");
    let error = super::sql_into("SELECT 1 / (i - i) FROM t", &tables(&in_file), folder.path(), &|| false).unwrap_err();
    assert_eq!(error.code, "sql-failed");
}
