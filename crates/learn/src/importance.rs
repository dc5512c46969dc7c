//! Permutation importance: how much worse the model predicts when one raw column is shuffled (Breiman 2001; Fisher,
//! Rudin and Dominici 2019).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use trainyard_core::evaluation::{Importance, Task};

use crate::{
    Frame, LearnError, Prediction, chunks,
    metrics::{self, Direction, Scored},
};

/// Rows below which a tight budget of predictions does not push the sample.
const LEAST_ROWS: usize = 1000;

/// What is judged, and how thoroughly.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Raw feature columns, the target not among them.
    pub frame: &'a Frame,
    /// The actual value or class code of each row.
    pub truth: &'a [f64],
    /// One weight a row; all 1 when absent.
    pub weights: Option<&'a [f64]>,
    /// What is predicted.
    pub task: Task,
    /// The metric that decides, by name.
    pub metric: &'a str,
    /// Shuffles of each column; at least 1.
    pub repeats: usize,
    /// Rows looked at; more are sampled down to about this many, class by class.
    pub most_rows: usize,
    /// Predictions made over all columns and repeats: where there are many columns, fewer rows are looked at, though not
    /// fewer than 1000.
    pub most_predictions: usize,
    /// Seeds the sample and the shuffles.
    pub seed: u64,
    /// Threads to use at most; the result does not depend on it.
    pub threads: usize,
}

impl<'a> Judged<'a> {
    /// Five shuffles of at most 20 000 rows and 300 000 predictions, on one thread.
    #[must_use]
    pub const fn new(frame: &'a Frame, truth: &'a [f64], task: Task, metric: &'a str, seed: u64) -> Self {
        Self {
            frame,
            truth,
            weights: None,
            task,
            metric,
            repeats: 5,
            most_rows: 20_000,
            most_predictions: 300_000,
            seed,
            threads: 1,
        }
    }
}

/// The importance of each of `columns`, most important first: by how much the metric gets worse, in its own unit, when
/// the column's values are shuffled among the rows. `predict` takes raw columns, as many rows as it is given.
///
/// # Errors
/// What `predict` tells, a column that is not there, or a metric that is undefined for the rows.
pub fn permutation(
    judged: &Judged<'_>,
    columns: &[String],
    predict: &(dyn Fn(&Frame) -> Result<Prediction, LearnError> + Sync),
) -> Result<Vec<Importance>, LearnError> {
    let direction = metrics::check(judged.metric, Some(judged.task))?.direction;
    if judged.truth.len() != judged.frame.rows {
        let (rows, truths) = (judged.frame.rows, judged.truth.len());
        let message = format!("there are {rows} rows but {truths} actual values");
        return Err(LearnError { code: "lengths-differ", message, help: None, field: None });
    }
    let repeats = judged.repeats.max(1);
    let affordable = judged.most_predictions / (columns.len().max(1) * repeats);
    let rows = sample(judged, judged.most_rows.min(affordable.max(LEAST_ROWS)));
    let frame = judged.frame.take(&rows);
    let truth: Vec<f64> = rows.iter().map(|&row| judged.truth[row]).collect();
    let weights: Option<Vec<f64>> = judged.weights.map(|weights| rows.iter().map(|&row| weights[row]).collect());
    let score = |frame: &Frame| {
        let prediction = predict(frame)?;
        let scored = Scored { truth: &truth, prediction: &prediction, weights: weights.as_deref(), groups: None };
        metrics::value(judged.metric, judged.task, &scored)
    };
    let whole = score(&frame)?;
    let one = |(place, name): (usize, &String)| {
        let Some(at) = frame.columns.iter().position(|column| column.name == *name) else {
            let message = format!("the rows have no column `{name}`");
            return Err(LearnError { code: "missing-column", message, help: None, field: None });
        };
        let mut shuffled = frame.clone();
        let mut losses = Vec::with_capacity(repeats);
        for repeat in 0..repeats {
            let mut random = ChaCha8Rng::seed_from_u64(judged.seed);
            random.set_stream((place * repeats + repeat + 1) as u64);
            let mut order: Vec<usize> = (0..frame.rows).collect();
            shuffle(&mut order, &mut random);
            shuffled.columns[at].values = frame.columns[at].values.take(&order);
            losses.push(worse(direction, whole, score(&shuffled)?));
        }
        let mean = losses.iter().sum::<f64>() / repeats as f64;
        let spread = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>();
        let deviation = if repeats > 1 { (spread / (repeats - 1) as f64).sqrt() } else { 0.0 };
        Ok(Importance { column: name.clone(), mean, deviation })
    };
    let mut found: Vec<Importance> =
        chunks::on(judged.threads, || columns.par_iter().enumerate().map(one).collect::<Result<_, _>>())?;
    found.sort_by(|a, b| b.mean.total_cmp(&a.mean).then_with(|| a.column.cmp(&b.column)));
    Ok(found)
}

fn worse(direction: Direction, before: f64, after: f64) -> f64 {
    direction.loss(after) - direction.loss(before)
}

/// Rows to look at, ascending: all, or a random share of each class, at least one row of it.
fn sample(judged: &Judged<'_>, most: usize) -> Vec<usize> {
    let all = judged.truth.len();
    if all <= most {
        return (0..all).collect();
    }
    let class = |row: &usize| if judged.task.is_classification() { judged.truth[*row] as i64 } else { 0 };
    let mut random = ChaCha8Rng::seed_from_u64(judged.seed);
    let mut rows: Vec<usize> = (0..all).collect();
    shuffle(&mut rows, &mut random);
    rows.sort_by_key(class);
    let share = most as f64 / all as f64;
    let mut kept: Vec<usize> = rows
        .chunk_by(|a, b| class(a) == class(b))
        .flat_map(|rows| &rows[..((rows.len() as f64 * share).round() as usize).clamp(1, rows.len())])
        .copied()
        .collect();
    kept.sort_unstable();
    kept
}

/// Fisher and Yates.
fn shuffle(order: &mut [usize], random: &mut ChaCha8Rng) {
    for last in (1..order.len()).rev() {
        let other = (u128::from(random.next_u64()) * (last as u128 + 1)) >> 64;
        order.swap(last, other as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FrameColumn, Values};

    fn frame(rows: usize) -> (Frame, Vec<f64>) {
        let number = |by: usize| -> Vec<f64> { (0..rows).map(|row| ((row * by) % 1009) as f64).collect() };
        let column = |name: &str, values| FrameColumn { name: name.to_owned(), values };
        let codes = (0..rows).map(|row| (row * 7 % 3) as u32).collect();
        let levels = ["a", "b", "c"].map(str::to_owned).to_vec();
        let columns = vec![
            column("weak", Values::Number(number(31))),
            column("strong", Values::Number(number(57))),
            column("useless", Values::Number(number(101))),
            column("kind", Values::Category { codes, levels }),
        ];
        let truth = (0..rows).map(|row| guess(&columns, row)).collect();
        (Frame { columns, rows }, truth)
    }

    fn guess(columns: &[FrameColumn], row: usize) -> f64 {
        let mut sum = 0.0;
        for column in columns {
            sum += match (&column.values, column.name.as_str()) {
                (Values::Number(values), "weak") => values[row],
                (Values::Number(values), "strong") => 10.0 * values[row],
                (Values::Category { codes, .. }, _) => 3000.0 * f64::from(codes[row]),
                _ => 0.0,
            };
        }
        sum
    }

    fn predict(frame: &Frame) -> Result<Prediction, LearnError> {
        Ok(Prediction::Values((0..frame.rows).map(|row| guess(&frame.columns, row)).collect()))
    }

    fn names() -> Vec<String> {
        ["weak", "strong", "useless", "kind"].map(str::to_owned).to_vec()
    }

    #[test]
    fn useful_columns_come_first_and_useless_ones_cost_nothing() {
        let (frame, truth) = frame(500);
        let judged = Judged::new(&frame, &truth, Task::Regression, "r2", 7);
        let found = permutation(&judged, &names(), &predict).unwrap();
        let order: Vec<&str> = found.iter().map(|importance| importance.column.as_str()).collect();
        assert_eq!(order, ["strong", "kind", "weak", "useless"]);
        assert_eq!((found[3].mean, found[3].deviation), (0.0, 0.0));
        // Shuffling an independent column of a perfect sum costs twice its share of the variance.
        assert!(found.iter().map(|importance| importance.mean / 2.0).sum::<f64>() > 0.9);
        let judged = Judged { metric: "rmse", ..judged };
        assert!(permutation(&judged, &names(), &predict).unwrap()[0].mean > 0.0, "worse is positive for a loss too");
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let (frame, truth) = frame(500);
        let judged = Judged { most_rows: 100, ..Judged::new(&frame, &truth, Task::Regression, "rmse", 7) };
        let one = permutation(&judged, &names(), &predict).unwrap();
        for threads in [2, 3] {
            assert_eq!(permutation(&Judged { threads, ..judged }, &names(), &predict).unwrap(), one);
        }
        assert_ne!(permutation(&Judged { seed: 8, ..judged }, &names(), &predict).unwrap(), one);
    }

    #[test]
    fn a_sample_keeps_every_class() {
        let (frame, _) = frame(1000);
        let truth: Vec<f64> = (0..1000).map(|row| f64::from(u8::from(row == 500))).collect();
        let rows = sample(&Judged::new(&frame, &truth, Task::Binary, "roc_auc", 7), 10);
        assert!(rows.contains(&500) && rows.len() <= 11 && rows.is_sorted());
    }

    #[test]
    fn what_cannot_be_judged_is_told() {
        let (frame, truth) = frame(50);
        let judged = Judged::new(&frame, &truth, Task::Regression, "rmse", 7);
        let code =
            |judged: &Judged<'_>, column: &str| permutation(judged, &[column.to_owned()], &predict).unwrap_err().code;
        assert_eq!(code(&judged, "nowhere"), "missing-column");
        assert_eq!(code(&Judged { metric: "accuracy", ..judged }, "weak"), "metric-does-not-fit");
        assert_eq!(code(&Judged { truth: &truth[1..], ..judged }, "weak"), "lengths-differ");
    }
}
