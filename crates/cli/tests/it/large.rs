//! Tables larger than memory: from the file through validation and row-local preparation into the store.

use std::{fs, sync::Arc};

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
    let done = crate::sandbox::done(child.wait_with_output().unwrap()).expect(0).json();
    let rows = |step: usize, port: &str| done["steps"][step]["outputs"][port]["rows"].as_u64().unwrap();
    assert_eq!(rows(0, "table"), ROWS as u64);
    assert_eq!(rows(1, "table") + rows(1, "quarantined"), ROWS as u64);
    assert_eq!(rows(3, "table"), rows(1, "table"));
    assert!(rows(1, "quarantined") > 0);
    if cfg!(target_os = "linux") {
        assert!(peak > 0 && 2 * peak < in_memory, "{} MB of {} MB", peak >> 20, in_memory >> 20);
    }
}
