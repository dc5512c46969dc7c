//! Measures the data-segregation API: CPU and wall seconds, on data that the peer makes alike.
//!
//! ```text
//! split_bench stratified ROWS       one stratified holdout of 20 %, as `train_test_split(stratify=y)`
//! split_bench groups ROWS GROUPS    five folds of whole groups by class, as `StratifiedGroupKFold(5)`
//! split_bench table ROWS GROUPS     a whole split of a table by group and class, warnings and all
//! ```
//!
//! Prints one JSON object: seconds of the call alone, its CPU seconds, and how even the classes came out.

use std::{sync::Arc, time::Instant};

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use trainyard_data::{
    Table,
    split::{Split, holdout, stratified_group_folds},
};

type Failure = Box<dyn std::error::Error>;

/// Pseudo-random numbers that NumPy makes alike in `bench/peers/split.py`: a multiplicative hash of the row number.
fn code(row: u64, salt: u64, below: u64) -> u64 {
    let mixed = (row + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % below
}

/// CPU seconds of this process so far.
fn cpu() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit(')').next().ok_or("no stat")?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    // User and system time, in hundredths of a second on every Linux there is.
    let ticks: f64 =
        fields.get(11).ok_or("no utime")?.parse::<f64>()? + fields.get(12).ok_or("no stime")?.parse::<f64>()?;
    Ok(ticks / 100.0)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn report(began: (Instant, f64), error: f64, times: u32) -> Result<(), Failure> {
    let each = f64::from(times);
    let (wall, cpu) = (began.0.elapsed().as_secs_f64() / each, (cpu()? - began.1) / each);
    println!("{{\"wall\": {wall:.4}, \"cpu\": {cpu:.4}, \"class_error\": {error:.6}}}");
    Ok(())
}

/// The largest difference of a class's share among these rows from its share among all.
fn class_error(rows: &[u32], labels: &[u32]) -> f64 {
    let classes = labels.iter().max().map_or(0, |most| *most as usize + 1);
    let (mut own, mut all) = (vec![0_u64; classes], vec![0_u64; classes]);
    rows.iter().for_each(|row| own[labels[*row as usize] as usize] += 1);
    labels.iter().for_each(|label| all[*label as usize] += 1);
    let share = |count: u64, of: usize| count as f64 / of as f64;
    own.iter()
        .zip(&all)
        .map(|(own, all)| (share(*own, rows.len()) - share(*all, labels.len())).abs())
        .fold(0.0, f64::max)
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |place: usize| -> Result<u64, Failure> { Ok(arguments.get(place).ok_or("a number is missing")?.parse()?) };
    let rows = number(1)?;
    let labels = |rows: u64| (0..rows).map(|row| code(row, 1, 10).min(3) as u32).collect::<Vec<u32>>();
    match arguments.first().map(String::as_str) {
        Some("stratified") => {
            let labels = labels(rows);
            let began = (Instant::now(), cpu()?);
            let mut error = 0.0;
            for seed in 0..5 {
                let fold = holdout(labels.len(), 0.2, Some(&labels), None, seed)?;
                error = f64::max(error, if seed == 0 { class_error(&fold.test, &labels) } else { 0.0 });
            }
            report(began, error, 5)
        }
        Some("groups") => {
            let labels = labels(rows);
            let below = number(2)?;
            let groups: Vec<u32> = (0..rows).map(|row| code(row, 2, below) as u32).collect();
            let began = (Instant::now(), cpu()?);
            let folds =
                (0..5).map(|seed| stratified_group_folds(&groups, &labels, 5, seed)).collect::<Result<Vec<_>, _>>()?;
            let errors = folds[0].iter().map(|fold| class_error(&fold.test, &labels));
            report(began, errors.fold(0.0, f64::max), 5)
        }
        Some("table") => {
            let below = number(2)?;
            let integers = |salt: u64, below: u64| -> ArrayRef {
                Arc::new(Int64Array::from_iter_values((0..rows).map(|row| code(row, salt, below) as i64)))
            };
            let mut columns = vec![("y".to_owned(), integers(1, 4)), ("g".to_owned(), integers(2, below))];
            for column in 0..8 {
                let values = (0..rows).map(|row| code(row, 10 + column, 1 << 30) as f64);
                columns.push((format!("x{column}"), Arc::new(Float64Array::from_iter_values(values))));
            }
            let table = Arc::new(Table::from_columns(columns)?);
            let began = (Instant::now(), cpu()?);
            let parts = Split::of(&table).target("y").group("g").seed(1).stratified()?;
            report(began, parts.warnings.len() as f64, 1)
        }
        _ => Err("say `stratified`, `groups` or `table`".into()),
    }
}
