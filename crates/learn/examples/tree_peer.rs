//! Trainyard's side of `bench/boosting/run` and `bench/shap/run`: reads a set of rows, fits, and prints what it took.
//!
//! ```text
//! tree_peer fit FILE TREES THREADS     one JSON line: milliseconds of bins and first tree, and a tree; test loss
//! tree_peer shap FILE TREES THREADS    one JSON line: microseconds a row for SHAP values of the test rows
//! ```
//!
//! FILE: little-endian; 8 bytes each of rows, rows of which the last are the test rows, features and classes (0 for a
//! regression); a level count a feature (0 for a number); then, as f64, the features column by column and the target.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use trainyard_learn::boosting::{GradientBoosting, GradientBoostingParams};
use trainyard_learn::{Estimator, Feature, FitContext, Fitted, Matrix, Prediction, Sample, shap};

type Failure = Box<dyn std::error::Error>;

struct Rows {
    train: (Matrix, Vec<f64>),
    test: (Matrix, Vec<f64>),
    classes: usize,
}

fn read(path: &str) -> Result<Rows, Failure> {
    let bytes = std::fs::read(path)?;
    let mut words = bytes.chunks_exact(8).map(|word| <[u8; 8]>::try_from(word).map(u64::from_le_bytes));
    let mut next = || words.next().ok_or("the file is too short")?.map_err(|_| "eight bytes");
    let [rows, tested, features, classes] = [next()?, next()?, next()?, next()?].map(|word| word as usize);
    let levels = (0..features).map(|_| Ok(next()? as u32)).collect::<Result<Vec<u32>, Failure>>()?;
    let mut columns = Vec::new();
    for _ in 0..=features {
        columns.push((0..rows).map(|_| Ok(f64::from_bits(next()?))).collect::<Result<Vec<f64>, Failure>>()?);
    }
    let y = columns.pop().ok_or("no target")?;
    let cut = rows - tested;
    let part = |range: std::ops::Range<usize>| {
        let features = columns
            .iter()
            .zip(&levels)
            .enumerate()
            .map(|(i, (values, &levels))| Feature {
                name: format!("f{i}"),
                values: values[range.clone()].to_vec(),
                levels: (levels > 0).then_some(levels),
            })
            .collect();
        (Matrix { features, rows: range.len() }, y[range].to_vec())
    };
    Ok(Rows { train: part(0..cut), test: part(cut..rows), classes })
}

/// Log-loss, or root mean squared error.
fn loss(prediction: &Prediction, y: &[f64]) -> f64 {
    let sum: f64 = match prediction {
        Prediction::Probabilities { classes, values } => {
            values.chunks_exact(*classes).zip(y).map(|(row, &y)| -row[y as usize].max(1e-15).ln()).sum()
        }
        Prediction::Values(values) => values.iter().zip(y).map(|(p, y)| (p - y) * (p - y)).sum(),
        Prediction::Clusters { .. } => f64::NAN,
    };
    let mean = sum / y.len() as f64;
    if matches!(prediction, Prediction::Values(_)) { mean.sqrt() } else { mean }
}

/// Wall time, and processor time of the whole process where the system tells it.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration, f64) {
    let cpu = || -> Option<f64> {
        let text = std::fs::read_to_string("/proc/self/stat").ok()?;
        let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<f64>().ok();
        Some((ticks()? + ticks()?) * 10.0)
    };
    let (before, at) = (cpu(), Instant::now());
    let done = work();
    let wall = at.elapsed();
    (done, wall, cpu().zip(before).map_or(f64::NAN, |(after, before)| after - before))
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, path, trees, threads] = arguments.as_slice() else {
        return Err("expected what, a file, trees, threads".into());
    };
    let (trees, threads): (usize, usize) = (trees.parse()?, threads.parse()?);
    let rows = read(path)?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let context = FitContext { threads, ..FitContext::quiet(0) };
    // LightGBM's defaults, so that a tree is the same work on both sides
    let params =
        |trees| GradientBoostingParams { trees, l2: 0.0, learning_rate: 0.1, row_fraction: 1.0, ..Default::default() };
    let sample = Sample::new(&rows.train.0, &rows.train.1, rows.classes);
    let fit = |trees| timed(|| GradientBoosting::fit(&params(trees), &sample, None, &context));
    let ms = |wall: Duration| wall.as_secs_f64() * 1e3;
    let out = &mut std::io::stdout();
    if what == "shap" {
        let model = fit(trees).0?.into();
        let (found, wall, cpu) = timed(|| shap::shap(&model, &rows.test.0, threads));
        let (found, count) = (found?, rows.test.1.len() as f64);
        let check: f64 = found.values.iter().map(|value| value.abs()).sum::<f64>() / count;
        let (wall, cpu) = (ms(wall) * 1e3 / count, cpu * 1e3 / count);
        writeln!(out, "{{\"row_us\": {wall}, \"row_cpu_us\": {cpu}, \"mean_abs\": {check}}}")?;
        return Ok(());
    }
    let (first, bins, bins_cpu) = fit(1);
    first?;
    let (model, wall, cpu) = fit(trees);
    let more = (trees - 1).max(1) as f64;
    let loss = loss(&model?.predict(&rows.test.0), &rows.test.1);
    let (bins, tree) = (ms(bins), (ms(wall) - ms(bins)) / more);
    let tree_cpu = (cpu - bins_cpu) / more;
    writeln!(
        out,
        "{{\"first_ms\": {bins}, \"tree_ms\": {tree}, \"first_cpu_ms\": {bins_cpu}, \"tree_cpu_ms\": {tree_cpu}, \"loss\": {loss}}}"
    )?;
    Ok(())
}
