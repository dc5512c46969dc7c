//! The machines of a fit: which rows each learns from, its decision values, and those of its cross-validation.

use serde::{Deserialize, Serialize};

use super::{Kernel, Loss, Params, cache::Cache, dual, kernel::Shape, platt, smo};
use crate::{
    LearnError, chunks,
    random::{shuffle, stream},
    rows::{Rows, inner},
};

/// Folds that the decision values under a sigmoid come from.
const FOLDS: usize = 5;
const MIB: usize = 1 << 20;

/// A function of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// With a kernel: the rows compared with, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<u32>,
    /// One a vector; of a linear machine, one a feature.
    pub coefficients: Vec<f64>,
    /// Added to the sum.
    pub intercept: f64,
}

impl Machine {
    /// `kernel` holds the likeness of the row to every kept vector; a linear machine has none.
    pub(super) fn decision(&self, row: &[f64], kernel: &[f64]) -> f64 {
        if kernel.is_empty() && self.vectors.is_empty() && self.coefficients.len() == row.len() {
            return inner(&self.coefficients, row) + self.intercept;
        }
        let likeness = self.vectors.iter().zip(&self.coefficients).map(|(&at, own)| own * kernel[at as usize]);
        likeness.sum::<f64>() + self.intercept
    }

    pub(super) fn vectors(&self) -> &[u32] {
        &self.vectors
    }

    pub(super) fn renumber(&mut self, place: &[u32]) {
        self.vectors.iter_mut().for_each(|at| *at = place[*at as usize]);
    }

    pub(super) fn is_finite(&self) -> bool {
        self.intercept.is_finite() && self.coefficients.iter().all(|own| own.is_finite())
    }
}

/// Everything the machines of a fit learn from.
pub(super) struct Task<'a> {
    pub(super) params: &'a Params,
    pub(super) shape: Shape,
    pub(super) rows: Rows,
    /// The price of each row.
    pub(super) costs: Vec<f64>,
    pub(super) weights: Vec<f64>,
    /// The place of each row's class.
    pub(super) places: Vec<u32>,
    /// Each row's number, standardised.
    pub(super) numbers: Vec<f64>,
    /// Number of classes; 0 for numbers.
    pub(super) classes: usize,
    pub(super) seed: u64,
    /// Hears of (done, all) machines and may end the fit.
    pub(super) go_on: &'a (dyn Fn(usize, usize) -> bool + Sync),
}

/// The machines with their sigmoids.
pub(super) struct Solved {
    pub(super) machines: Vec<Machine>,
    pub(super) sigmoids: Vec<[f64; 2]>,
    pub(super) converged: bool,
}

/// Machines solved between two reports; fixed, so that a stopped fit does not depend on the threads.
const BATCH: usize = 8;

impl Task<'_> {
    /// For two classes one machine, for the second against the first; for more, one a class against the rest (linear) or
    /// one a pair of classes, the later against the earlier.
    ///
    /// # Errors
    /// `stopped` where the report asks for an end: half the machines answer nothing.
    pub(super) fn solve(&self) -> Result<Solved, LearnError> {
        let all: Vec<usize> = (0..self.rows.count()).collect();
        if self.classes == 0 {
            let (machine, converged) = self.train(&all, &self.numbers);
            return Ok(Solved { machines: vec![machine], sigmoids: Vec::new(), converged });
        }
        let signed = |rows: Vec<usize>, positive: usize| {
            let y = rows.iter().map(|&row| if self.places[row] as usize == positive { 1.0 } else { -1.0 }).collect();
            (rows, y)
        };
        let problems: Vec<(Vec<usize>, Vec<f64>)> = if self.shape == Shape::Linear && self.classes > 2 {
            (0..self.classes).map(|class| signed(all.clone(), class)).collect()
        } else {
            let pairs =
                (0..self.classes).flat_map(|first| (first + 1..self.classes).map(move |second| (first, second)));
            let of = |first: usize, second: usize| {
                let either = |row: &usize| [first, second].contains(&(self.places[*row] as usize));
                signed(all.iter().copied().filter(either).collect(), second)
            };
            pairs.map(|(first, second)| of(first, second)).collect()
        };
        let mut solved = Solved { machines: Vec::new(), sigmoids: Vec::new(), converged: true };
        for (batch, own) in problems.chunks(BATCH).enumerate() {
            // Each machine and each of its folds by itself.
            let trained = chunks::map(own.len() * (FOLDS + 1), 1, |at| {
                let (rows, y) = &own[at.start / (FOLDS + 1)];
                match at.start % (FOLDS + 1) {
                    FOLDS => (Some(self.train(rows, y)), Vec::new()),
                    fold => (None, self.held_out(rows, y, fold)),
                }
            });
            for ((rows, y), trained) in own.iter().zip(trained.chunks_exact(FOLDS + 1)) {
                let mut decisions = vec![0.0; rows.len()];
                trained.iter().flat_map(|(_, held_out)| held_out).for_each(|&(at, value)| decisions[at] = value);
                let weights: Vec<f64> = rows.iter().map(|&row| self.weights[row]).collect();
                solved.sigmoids.push(platt::sigmoid(&decisions, y, &weights));
                if let Some((Some((machine, converged)), _)) = trained.last() {
                    solved.machines.push(machine.clone());
                    solved.converged &= converged;
                }
            }
            let done = batch * BATCH + own.len();
            if !(self.go_on)(done, problems.len()) && done < problems.len() {
                let message = format!("stopped when {done} of {} machines were fitted", problems.len());
                return Err(LearnError { code: "stopped", message, help: None, field: None });
            }
        }
        Ok(solved)
    }

    /// The decision values of a fold's rows by a machine that has not seen them, with their places in `rows`.
    fn held_out(&self, rows: &[usize], y: &[f64], fold: usize) -> Vec<(usize, f64)> {
        let folds = folds(y, self.seed);
        let seen: Vec<usize> = (0..rows.len()).filter(|&at| folds[at] != fold).collect();
        let unseen = (0..rows.len()).filter(|&at| folds[at] == fold);
        let seen_y: Vec<f64> = seen.iter().map(|&at| y[at]).collect();
        if !seen_y.iter().any(|y| *y > 0.0) || !seen_y.iter().any(|y| *y < 0.0) {
            let only = seen_y.first().copied().unwrap_or(0.0);
            return unseen.map(|at| (at, only)).collect();
        }
        let seen: Vec<usize> = seen.into_iter().map(|at| rows[at]).collect();
        let (machine, _) = self.train(&seen, &seen_y);
        let decide = |at: usize| {
            let row = self.rows.row(rows[at]);
            if self.shape == Shape::Linear {
                return machine.decision(row, &[]);
            }
            let likeness = machine.vectors.iter().zip(&machine.coefficients);
            let sum = likeness.map(|(&at, own)| own * self.shape.compare(self.rows.row(at as usize), row)).sum::<f64>();
            sum + machine.intercept
        };
        unseen.map(|at| (at, decide(at))).collect()
    }

    /// A machine for the rows `of` and whether it settled.
    fn train(&self, of: &[usize], y: &[f64]) -> (Machine, bool) {
        let params = self.params;
        let costs: Vec<f64> = of.iter().map(|&row| self.costs[row]).collect();
        if params.kernel == Kernel::Linear {
            let problem = dual::Problem {
                rows: &self.rows,
                of,
                y,
                costs: &costs,
                squared: params.loss == Loss::SquaredHinge,
                tolerance: params.tolerance,
                passes: params.max_iterations,
                seed: self.seed,
            };
            let flat = if self.classes == 0 { problem.regress(params.epsilon) } else { problem.classify() };
            let machine = Machine { vectors: Vec::new(), coefficients: flat.coefficients, intercept: flat.intercept };
            return (machine, flat.converged);
        }
        let own = self.rows.take(of);
        let mut cache = Cache::new(&own, self.shape, params.cache * MIB / rayon::current_num_threads().max(1));
        let mut base: Vec<usize> = (0..of.len()).collect();
        let (mut signs, mut linear) = (y.to_vec(), vec![-1.0; of.len()]);
        let mut costs = costs;
        if self.classes == 0 {
            // One variable for errors above, one for those below.
            signs = vec![1.0; of.len()];
            signs.resize(2 * of.len(), -1.0);
            linear = y.iter().map(|y| params.epsilon - y).chain(y.iter().map(|y| params.epsilon + y)).collect();
            base.extend_from_within(..);
            costs.extend_from_within(..);
        }
        let steps = params.max_iterations.saturating_mul(1000);
        let problem = smo::Problem {
            base: &base,
            signs: &signs,
            linear: &linear,
            costs: &costs,
            tolerance: params.tolerance,
            steps,
        };
        let optimum = smo::solve(&problem, &mut cache);
        let mut sums = vec![0.0; of.len()];
        for ((&row, sign), value) in base.iter().zip(&signs).zip(&optimum.values) {
            sums[row] += sign * value;
        }
        let (vectors, coefficients) =
            of.iter().zip(sums).filter(|(_, sum)| *sum != 0.0).map(|(&row, sum)| (row as u32, sum)).unzip();
        (Machine { vectors, coefficients, intercept: -optimum.threshold }, optimum.converged)
    }
}

/// The fold of each row: the rows of each side dealt out in a random order.
fn folds(y: &[f64], seed: u64) -> Vec<usize> {
    let mut random = stream(seed, 1);
    let mut folds = vec![0; y.len()];
    let mut next = 0;
    for positive in [false, true] {
        let mut side: Vec<usize> = (0..y.len()).filter(|&at| (y[at] > 0.0) == positive).collect();
        shuffle(&mut side, &mut random);
        for at in side {
            folds[at] = next % FOLDS;
            next += 1;
        }
    }
    folds
}
