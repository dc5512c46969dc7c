//! Trainyard's side of `bench/predict/run`: reads a set of rows, fits, and prints what predictions from raw columns take.
//!
//! ```text
//! predict_peer FILE TREES THREADS ROWS    one JSON line: microseconds of one row, seconds of ROWS rows, test loss
//! ```
//!
//! FILE is that of `tree_peer`. A feature with levels goes in as texts, as it would come from a table. The test rows are
//! scored over and over until ROWS rows are done, each time from raw columns.

use std::{
    hint::black_box,
    io::Write,
    time::{Duration, Instant},
};

use trainyard_learn::{
    Estimator, FitContext, FittedModel, Frame, FrameColumn, Prediction, Sample, Values,
    boosting::{GradientBoosting, GradientBoostingParams},
    features::{FeatureParams, FeaturePlan, Ready, Wants},
    scoring,
};

type Failure = Box<dyn std::error::Error>;

/// Single rows told apart, and how often all of them are predicted in a turn.
const SINGLE: usize = 2000;
const TURNS: usize = 20;

struct Rows {
    frame: Frame,
    y: Vec<f64>,
    tested: usize,
    classes: usize,
}

fn read(path: &str) -> Result<Rows, Failure> {
    let bytes = std::fs::read(path)?;
    let mut words = bytes.chunks_exact(8).map(|word| <[u8; 8]>::try_from(word).map(u64::from_le_bytes));
    let mut next = || words.next().ok_or("the file is too short")?.map_err(|_| "eight bytes");
    let [rows, tested, features, classes] = [next()?, next()?, next()?, next()?].map(|word| word as usize);
    let levels = (0..features).map(|_| Ok(next()? as u32)).collect::<Result<Vec<u32>, Failure>>()?;
    let mut columns = Vec::new();
    for (place, &levels) in levels.iter().enumerate() {
        let numbers = (0..rows).map(|_| Ok(f64::from_bits(next()?))).collect::<Result<Vec<f64>, Failure>>()?;
        let code = |number: &f64| if number.is_nan() { Values::MISSING } else { *number as u32 };
        let values = match levels {
            0 => Values::Number(numbers),
            _ => Values::Category {
                codes: numbers.iter().map(code).collect(),
                levels: (0..levels).map(|level| format!("level {level}")).collect(),
            },
        };
        columns.push(FrameColumn { name: format!("feature {place}"), values });
    }
    let y = (0..rows).map(|_| Ok(f64::from_bits(next()?))).collect::<Result<Vec<f64>, Failure>>()?;
    Ok(Rows { frame: Frame { columns, rows }, y, tested, classes })
}

/// One row as a server has it: a category comes with its own text alone.
fn single(frame: &Frame, row: usize) -> Frame {
    let mut single = frame.take(&[row]);
    for column in &mut single.columns {
        if let Values::Category { codes, levels } = &mut column.values {
            *levels = levels.get(codes[0] as usize).cloned().into_iter().collect();
            codes[0] = if levels.is_empty() { Values::MISSING } else { 0 };
        }
    }
    single
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

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, trees, threads, wanted] = arguments.as_slice() else {
        return Err("expected a file, trees, threads, rows".into());
    };
    let (trees, threads, wanted): (usize, usize, usize) = (trees.parse()?, threads.parse()?, wanted.parse()?);
    let rows = read(path)?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let cut = rows.frame.rows - rows.tested;
    let trained: Vec<usize> = (0..cut).collect();
    let params = FeatureParams { max_levels: Some(100_000), min_share: Some(0.0), ..FeatureParams::default() };
    let (plan, x) = FeaturePlan::fit_apply(&params, Wants::Native, &rows.frame, Some(&trained), None)
        .map_err(|problems| problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; "))?;
    let context = FitContext { threads, ..FitContext::quiet(0) };
    // LightGBM's defaults, so that a tree is the same work on both sides
    let params = GradientBoostingParams { trees, l2: 0.0, learning_rate: 0.1, row_fraction: 1.0, ..Default::default() };
    let sample = Sample::new(&x, &rows.y[..cut], rows.classes);
    let model = FittedModel::from(GradientBoosting::fit(&params, &sample, None, &context)?);
    drop(x);

    let ready = Ready::of(&plan);
    let test = rows.frame.take(&(cut..rows.frame.rows).collect::<Vec<usize>>());
    let whole = scoring::predict(&plan, &ready, &model, &test)?;
    let loss = loss(&whole, &rows.y[cut..]);

    let singles: Vec<Frame> = (0..SINGLE.min(test.rows)).map(|row| single(&test, row)).collect();
    let mut best = Duration::MAX;
    for _ in 0..TURNS {
        let at = Instant::now();
        for single in &singles {
            black_box(scoring::predict(&plan, &ready, &model, black_box(single))?);
        }
        best = best.min(at.elapsed());
    }
    let row_us = best.as_secs_f64() * 1e6 / singles.len() as f64;

    let (mut done, at) = (0, Instant::now());
    while done < wanted {
        black_box(scoring::predict(&plan, &ready, &model, black_box(&test))?);
        done += test.rows;
    }
    let seconds = at.elapsed().as_secs_f64() * wanted as f64 / done as f64;
    writeln!(std::io::stdout(), "{{\"row_us\": {row_us}, \"seconds\": {seconds}, \"loss\": {loss}}}")?;
    Ok(())
}
