//! Measures metrics with their intervals on many rows: `metrics_bench ROWS SAMPLES` writes the rows to the file named
//! third (raw little-endian f64: truth, probability, value, prediction) and prints seconds a metric.

use std::{io::Write, time::Instant};

use trainyard_core::evaluation::Task;
use trainyard_learn::{
    Prediction,
    metrics::{Scored, Settings, measure_with},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: usize = arguments.next().ok_or("ROWS SAMPLES FILE")?.parse()?;
    let samples: usize = arguments.next().ok_or("ROWS SAMPLES FILE")?.parse()?;
    let file = arguments.next().ok_or("ROWS SAMPLES FILE")?;
    let unit = |row: usize, by: u64| {
        let mixed = (row as u64 + 1).wrapping_mul(by).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let probability: Vec<f64> = (0..rows).map(|row| unit(row, 3)).collect();
    let class: Vec<f64> =
        (0..rows).map(|row| f64::from(u8::from(0.7 * probability[row] + 0.3 * unit(row, 5) > 0.6))).collect();
    let value: Vec<f64> = (0..rows).map(|row| 100.0 * unit(row, 7)).collect();
    let predicted: Vec<f64> = (0..rows).map(|row| value[row] + 10.0 * (unit(row, 11) - 0.5)).collect();
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    for column in [&class, &probability, &value, &predicted] {
        for number in column {
            out.write_all(&number.to_le_bytes())?;
        }
    }
    out.flush()?;
    let shares = probability.iter().flat_map(|share| [1.0 - share, *share]).collect();
    let binary = Prediction::Probabilities { classes: 2, values: shares };
    let numbers = Prediction::Values(predicted);
    let settings = Settings { samples, seed: 1, ..Settings::default() };
    let mut say = std::io::stdout().lock();
    for (task, truth, prediction, names) in [
        (Task::Binary, &class, &binary, ["f1", "mcc", "balanced_accuracy", "average_precision", "ece"].as_slice()),
        (Task::Regression, &value, &numbers, ["r2"].as_slice()),
    ] {
        let scored = Scored { truth, prediction, weights: None, groups: None };
        for name in names {
            let start = Instant::now();
            let found = measure_with(&[name], task, &scored, &settings).remove(0).1?;
            let seconds = start.elapsed().as_secs_f64();
            writeln!(say, "{name} {seconds} {} {} {}", found.value, found.low, found.high)?;
        }
    }
    Ok(())
}
