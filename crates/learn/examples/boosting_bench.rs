//! Measures the gradient booster and the forest: quality by cross-validation, time a tree on synthetic rows.
//!
//! ```text
//! boosting_bench cv FILE... [--set name=value]... [--forest]   files that bench/reference/lightgbm_cv.py --dump wrote
//! boosting_bench time [ROWS FEATURES THREADS TREES]            writes nothing, prints milliseconds a tree
//! boosting_bench fit [ROWS FEATURES THREADS TREES]             one fit, to be measured from outside
//! boosting_bench dump ROWS FEATURES FILE                       the same rows as raw little-endian f64, for a peer
//! ```

use std::io::Write;
use std::time::Instant;

use trainyard_learn::boosting::{Forest, ForestParams, GradientBoosting, GradientBoostingParams};
use trainyard_learn::{Estimator, Feature, FitContext, Fitted, Matrix, Prediction, Sample};

type Failure = Box<dyn std::error::Error>;

struct Table {
    name: String,
    metric: String,
    x: Matrix,
    y: Vec<f64>,
    fold: Vec<f64>,
    watch: Vec<Vec<f64>>,
}

fn read(path: &str) -> Result<Table, Failure> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().ok_or("no header")?.split(',').collect();
    let mut columns = vec![Vec::new(); names.len()];
    for line in lines {
        for (column, cell) in columns.iter_mut().zip(line.split(',')) {
            column.push(if cell.is_empty() { f64::NAN } else { cell.parse()? });
        }
    }
    let file = std::path::Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path);
    let mut parts = file.split('.');
    let (name, metric) = (parts.next().unwrap_or("").into(), parts.next().unwrap_or("").into());
    let (mut features, mut y, mut fold, mut watch) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, values) in names.into_iter().zip(columns) {
        match name {
            "__y" => y = values,
            "__fold" => fold = values,
            _ if name.starts_with("__watch") => watch.push(values),
            _ => {
                let most = values.iter().fold(0.0_f64, |most, &value| most.max(value));
                let levels = name.starts_with("cat:").then_some(most as u32 + 1);
                features.push(Feature { name: name.into(), values, levels });
            }
        }
    }
    let rows = y.len();
    Ok(Table { name, metric, x: Matrix { features, rows }, y, fold, watch })
}

fn score(metric: &str, truth: &[f64], predicted: &Prediction) -> f64 {
    match predicted {
        Prediction::Values(values) => {
            let sum: f64 = truth.iter().zip(values).map(|(y, p)| (y - p) * (y - p)).sum();
            (sum / truth.len() as f64).sqrt()
        }
        Prediction::Probabilities { classes, values } if metric == "accuracy" => {
            let right = truth.iter().zip(values.chunks_exact(*classes)).filter(|(y, row)| {
                let best = row.iter().enumerate().fold(0, |best, (k, p)| if *p > row[best] { k } else { best });
                best as f64 == **y
            });
            right.count() as f64 / truth.len() as f64
        }
        Prediction::Probabilities { classes, values } => {
            let mut ranked: Vec<(f64, f64)> =
                values.chunks_exact(*classes).zip(truth).map(|(row, &y)| (row[1], y)).collect();
            ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
            let positive: f64 = truth.iter().sum();
            let (mut hits, mut seen, mut area, mut precision) = (0.0, 0.0, 0.0, 0.0);
            for tied in ranked.chunk_by(|a, b| a.0 == b.0) {
                let here: f64 = tied.iter().map(|one| one.1).sum();
                let others = tied.len() as f64 - here;
                area += others * (hits + here / 2.0);
                hits += here;
                seen += tied.len() as f64;
                precision += here * hits / seen;
            }
            if metric == "auc" { area / positive / (truth.len() as f64 - positive) } else { precision / positive }
        }
        Prediction::Clusters { .. } => f64::NAN,
    }
}

/// Fits on the fold's training rows, less those that decide early stopping, and scores the fold.
fn cross_validate(
    table: &Table,
    params: &GradientBoostingParams,
    forest: Option<&ForestParams>,
) -> Result<(), Failure> {
    let classes = match table.metric.as_str() {
        "rmse" => 0,
        _ => table.y.iter().fold(0.0_f64, |most, &y| most.max(y)) as usize + 1,
    };
    let at = Instant::now();
    let (mut scores, mut iterations) = (Vec::new(), Vec::new());
    for (k, watch) in table.watch.iter().enumerate() {
        let rows_where =
            |wanted: &dyn Fn(usize) -> bool| (0..table.x.rows).filter(|&row| wanted(row)).collect::<Vec<_>>();
        let tested = rows_where(&|row| table.fold[row] == k as f64);
        let watched = rows_where(&|row| table.fold[row] != k as f64 && watch[row] == 1.0);
        let learned = rows_where(&|row| table.fold[row] != k as f64 && (watch[row] == 0.0 || forest.is_some()));
        let pick = |rows: &[usize]| (table.x.take(rows), rows.iter().map(|&row| table.y[row]).collect::<Vec<_>>());
        let ((x, y), (wx, wy), (tx, ty)) = (pick(&learned), pick(&watched), pick(&tested));
        let context = FitContext { threads: 2, ..FitContext::quiet(0) };
        let train = Sample { x: &x, y: &y, classes, weights: None, groups: None };
        let watch = Sample { x: &wx, y: &wy, classes, weights: None, groups: None };
        let predicted = if let Some(params) = forest {
            Forest::fit(params, &train, None, &context)?.predict(&tx)
        } else {
            let model = GradientBoosting::fit(params, &train, Some(&watch), &context)?;
            iterations.push(model.iterations);
            model.predict(&tx)
        };
        scores.push(score(&table.metric, &ty, &predicted));
    }
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    let seconds = at.elapsed().as_secs_f64();
    let out = &mut std::io::stdout();
    writeln!(out, "{:20} {:8} {mean:12.5}  {seconds:6.1} s  iterations {iterations:?}", table.name, table.metric)?;
    Ok(())
}

/// Rows like those of a census: some features of many values, some of few, and a noisy binary target.
fn synthetic(rows: usize, features: usize) -> (Matrix, Vec<f64>) {
    let mut state = 42_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    };
    let columns: Vec<Vec<f64>> = (0..features)
        .map(|f| {
            let levels = [2.0, 7.0, 16.0, 42.0, 100.0, 1e5, 1e6][f % 7];
            (0..rows).map(|_| (next() * levels).floor() / levels).collect()
        })
        .collect();
    let y = (0..rows)
        .map(|row| {
            let v = |f: usize| columns[f % features][row];
            let score =
                3.0 * (v(5) - 0.5) * (v(6) - 0.3) + v(3) * v(4) - v(1) + 0.8 * (v(10) - 0.5) + 2.0 * (next() - 0.5);
            f64::from(u8::from(score > 0.0))
        })
        .collect();
    let features = columns
        .into_iter()
        .enumerate()
        .map(|(f, values)| Feature { name: format!("f{f}"), values, levels: None })
        .collect();
    (Matrix { features, rows }, y)
}

/// LightGBM's defaults, so that a tree is the same work on both sides.
fn like_lightgbm(trees: usize) -> GradientBoostingParams {
    GradientBoostingParams { trees, l2: 0.0, learning_rate: 0.1, row_fraction: 1.0, ..Default::default() }
}

fn time(rows: usize, features: usize, threads: usize, trees: usize) -> Result<(), Failure> {
    let (x, y) = synthetic(rows, features);
    let sample = Sample { x: &x, y: &y, classes: 2, weights: None, groups: None };
    let context = FitContext { threads, ..FitContext::quiet(0) };
    let fit = |trees| -> Result<f64, Failure> {
        let params = like_lightgbm(trees);
        let at = Instant::now();
        GradientBoosting::fit(&params, &sample, None, &context)?;
        Ok(at.elapsed().as_secs_f64() * 1e3)
    };
    let (mut one, mut all) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..3 {
        one = one.min(fit(1)?);
        all = all.min(fit(trees)?);
    }
    let model = GradientBoosting::fit(&like_lightgbm(trees), &sample, None, &context)?;
    let single = x.take(&[rows / 2]);
    model.predict(&single);
    let at = Instant::now();
    for _ in 0..1000 {
        model.predict(&single);
    }
    let alone = at.elapsed().as_secs_f64() * 1e3;
    let at = Instant::now();
    model.predict(&x);
    let batch = at.elapsed().as_secs_f64() * 1e6 / rows as f64;
    let a_tree = (all - one) / (trees - 1).max(1) as f64;
    let out = &mut std::io::stdout();
    writeln!(out, "{rows} x {features}, {threads} threads: {a_tree:.2} ms a tree, first tree with bins {one:.0} ms")?;
    writeln!(out, "prediction: {alone:.2} us a row alone, {batch:.2} us a row in batch")?;
    Ok(())
}

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |arguments: &[String], at: usize, default: usize| -> Result<usize, Failure> {
        Ok(arguments.get(at).map_or(Ok(default), |text| text.parse())?)
    };
    match arguments.first().map(String::as_str) {
        Some("cv") => {
            let forest = arguments.iter().any(|argument| argument == "--forest");
            let mut set = serde_json::Map::new();
            while let Some(at) = arguments.iter().position(|argument| argument == "--set") {
                let (name, value) = arguments[at + 1].split_once('=').ok_or("expected name=value")?;
                set.insert(name.into(), serde_json::from_str(value)?);
                arguments.drain(at..at + 2);
            }
            let set = serde_json::Value::Object(set);
            let trees: Option<ForestParams> = if forest { Some(serde_json::from_value(set.clone())?) } else { None };
            let params = if forest { GradientBoostingParams::default() } else { serde_json::from_value(set)? };
            for path in arguments[1..].iter().filter(|argument| !argument.starts_with("--")) {
                cross_validate(&read(path)?, &params, trees.as_ref())?;
            }
            Ok(())
        }
        Some("dump") => {
            let (x, y) = synthetic(number(&arguments, 1, 400_000)?, number(&arguments, 2, 14)?);
            let mut bytes = Vec::new();
            for column in x.features.iter().map(|feature| &feature.values).chain([&y]) {
                bytes.extend(column.iter().flat_map(|value| value.to_le_bytes()));
            }
            Ok(std::fs::write(arguments.get(3).ok_or("expected a file")?, bytes)?)
        }
        Some("fit") => {
            let (x, y) = synthetic(number(&arguments, 1, 400_000)?, number(&arguments, 2, 14)?);
            let sample = Sample { x: &x, y: &y, classes: 2, weights: None, groups: None };
            let context = FitContext { threads: number(&arguments, 3, 2)?, ..FitContext::quiet(0) };
            let trees = number(&arguments, 4, 100)?;
            let params = like_lightgbm(trees);
            GradientBoosting::fit(&params, &sample, None, &context)?;
            Ok(())
        }
        Some("time") => time(
            number(&arguments, 1, 400_000)?,
            number(&arguments, 2, 14)?,
            number(&arguments, 3, 2)?,
            number(&arguments, 4, 100)?,
        ),
        _ => Err("expected cv, time, fit or dump".into()),
    }
}
