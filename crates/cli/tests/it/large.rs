//! Tables larger than memory: from the file through validation and row-local preparation into the store.

use std::{fs, io::Write, sync::Arc};

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::{DataType, Field, Schema};
use trainyard_data::{Gather, write::write};

use crate::sandbox::Sandbox;

const PIPELINE: &str = "name: large
steps:
  data:
    uses: acquire/file
    with: {path: data.parquet}
  checked:
    uses: validate/table
    from: data
    with:
      columns: {a: {between: [0, 1]}, b: {between: [0, 1]}, c: {between: [0, 0.99999], nulls: forbid}}
      rules: {order: a < b + 1}
      invalid: quarantine
  named:
    uses: prepare/columns
    from: checked
    with: {rename: {d: e}, drop: [b]}
  sums:
    uses: prepare/sql
    from: named
    with: {query: \"SELECT a + c AS ac, c * e AS ce, e FROM named\"}
";

#[test]
fn a_table_many_times_larger_than_the_memory_used() {
    const ROWS: usize = 24_000_000;
    const PIECE: usize = 1 << 17;
    let sandbox = Sandbox::pipeline(PIPELINE);
    let names = ["a", "b", "c", "d"];
    let schema = Arc::new(Schema::new(names.map(|name| Field::new(name, DataType::Float64, true)).to_vec()));
    let mut gather = Gather::new(&schema, &sandbox.path("made")).unwrap();
    for start in (0..ROWS).step_by(PIECE) {
        let rows = start..(start + PIECE).min(ROWS);
        // Low bits of a counter times an odd number: no two columns alike, and quick to make.
        let column = |odd: usize| -> ArrayRef {
            Arc::new(
                rows.clone()
                    .map(|row| Some((row.wrapping_mul(odd) % 100_003) as f64 / 100_003.0))
                    .collect::<Float64Array>(),
            )
        };
        let columns = [7919, 104_729, 1_299_709, 15_485_863].map(column).to_vec();
        gather.push(&arrow::array::RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()).unwrap();
    }
    write(&gather.finish().unwrap(), &sandbox.path("data.parquet")).unwrap();
    let in_memory = (ROWS * names.len() * 8) as u64;

    let (done, peak) = run(&sandbox);
    let rows = |step: usize, port: &str| done["steps"][step]["outputs"][port]["rows"].as_u64().unwrap();
    assert_eq!(rows(0, "table"), ROWS as u64);
    assert_eq!(rows(1, "table") + rows(1, "quarantined"), ROWS as u64);
    assert_eq!(rows(3, "table"), rows(1, "table"));
    assert!(rows(1, "quarantined") > 0);
    if cfg!(target_os = "linux") {
        assert!(peak > 0 && 2 * peak < in_memory, "{} MB of {} MB", peak >> 20, in_memory >> 20);
    }
}

const TEXT: &str = "name: large
steps:
  data:
    uses: acquire/file
    with: {path: data/*.csv}
  checked:
    uses: validate/table
    from: data
    with: {columns: {a: {between: [0, 1]}, h: {type: float, between: [0, 10]}}}
";

#[test]
fn text_many_times_larger_than_the_memory_used() {
    const LINES: usize = 1 << 16;
    const BLOCKS: usize = 80;
    let sandbox = Sandbox::pipeline(TEXT);
    let block: String = (0..LINES)
        .map(|row| {
            let value = |odd: usize| 100_000 + row.wrapping_mul(odd) % 99_991;
            let [a, b, c, d] = [7919, 104_729, 1_299_709, 15_485_863].map(value);
            format!("0.{a},0.{b},0.{c},{d},0.{d},\"0.{b}\",0.{a},1\n")
        })
        .collect();
    fs::create_dir(sandbox.path("data")).unwrap();
    let mut bytes = 0;
    for (name, last) in [("1.csv", "0.5,0.5,0.5,1,0.5,0.5,0.5,2.5\n"), ("2.csv", "")] {
        let mut file = fs::File::create(sandbox.path("data").join(name)).unwrap();
        let header = "a,b,c,d,e,f,g,h\n";
        for piece in std::iter::once(header).chain(std::iter::repeat_n(block.as_str(), BLOCKS)).chain([last]) {
            file.write_all(piece.as_bytes()).unwrap();
            bytes += piece.len() as u64;
        }
    }
    let (done, peak) = run(&sandbox);
    // The last line of the first file makes its last column a float, and with it that of the second.
    assert_eq!(done["steps"][1]["outputs"]["table"]["rows"].as_u64(), Some((2 * BLOCKS * LINES + 1) as u64));
    if cfg!(target_os = "linux") {
        assert!(peak > 0 && 2 * peak < bytes, "{} MB of {} MB", peak >> 20, bytes >> 20);
    }
}

/// Runs the pipeline; also gives the most memory that the process had.
fn run(sandbox: &Sandbox) -> (serde_json::Value, u64) {
    let mut child = sandbox
        .command(&["run", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        // The kernel's own high-water mark; gone with the process, so it is asked while that lives.
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(mark.and_then(|mark| mark.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    (crate::sandbox::done(child.wait_with_output().unwrap()).expect(0).json(), peak)
}
