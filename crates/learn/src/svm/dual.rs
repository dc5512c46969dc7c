//! Linear machines by coordinate descent in the dual: Hsieh et al. (2008) for classes, Ho and Lin (2012) for numbers, as
//! in LIBLINEAR without shrinking. The intercept is the coefficient of a feature that is always 1.

use crate::{
    random::{shuffle, stream},
    rows::{Rows, inner},
};

/// Coefficients, intercept, and whether it settled.
pub(super) struct Flat {
    pub(super) coefficients: Vec<f64>,
    pub(super) intercept: f64,
    pub(super) converged: bool,
}

/// What to solve.
pub(super) struct Problem<'a> {
    pub(super) rows: &'a Rows,
    /// The rows to learn from.
    pub(super) of: &'a [usize],
    /// 1 or -1 for classes, the number else; one for each of `of`.
    pub(super) y: &'a [f64],
    /// One for each of `of`.
    pub(super) costs: &'a [f64],
    pub(super) squared: bool,
    pub(super) tolerance: f64,
    pub(super) passes: usize,
    pub(super) seed: u64,
}

impl Problem<'_> {
    /// The bound of a dual variable and what is added to its curvature.
    fn limits(&self, at: usize) -> (f64, f64) {
        if self.squared { (f64::INFINITY, 0.5 / self.costs[at]) } else { (self.costs[at], 0.0) }
    }

    fn start(&self) -> (Flat, Vec<f64>, Vec<usize>) {
        let flat = Flat { coefficients: vec![0.0; self.rows.width], intercept: 0.0, converged: false };
        let squares = self.of.iter().map(|&row| inner(self.rows.row(row), self.rows.row(row)) + 1.0).collect();
        (flat, squares, (0..self.of.len()).collect())
    }

    /// Tells two classes apart.
    pub(super) fn classify(&self) -> Flat {
        let (mut flat, squares, mut order) = self.start();
        let mut duals = vec![0.0; self.of.len()];
        let mut random = stream(self.seed, 0);
        for _ in 0..self.passes {
            shuffle(&mut order, &mut random);
            let (mut most, mut least) = (f64::NEG_INFINITY, f64::INFINITY);
            for &at in &order {
                let (bound, added) = self.limits(at);
                let (row, y) = (self.rows.row(self.of[at]), self.y[at]);
                let slope = y * flat.decision(row) - 1.0 + added * duals[at];
                // What of the slope the box lets through.
                let projected = match duals[at] {
                    dual if dual <= 0.0 => slope.min(0.0),
                    dual if dual >= bound => slope.max(0.0),
                    _ => slope,
                };
                most = most.max(projected);
                least = least.min(projected);
                if projected != 0.0 {
                    let before = duals[at];
                    duals[at] = (before - slope / (squares[at] + added)).clamp(0.0, bound);
                    flat.lean((duals[at] - before) * y, row);
                }
            }
            if most - least <= self.tolerance {
                flat.converged = true;
                break;
            }
        }
        flat
    }

    /// Predicts a number; errors up to `epsilon` cost nothing.
    pub(super) fn regress(&self, epsilon: f64) -> Flat {
        let (mut flat, squares, mut order) = self.start();
        let mut duals = vec![0.0_f64; self.of.len()];
        let mut random = stream(self.seed, 0);
        let mut first = None;
        for _ in 0..self.passes {
            shuffle(&mut order, &mut random);
            let mut violated = 0.0;
            for &at in &order {
                let (bound, added) = self.limits(at);
                let row = self.rows.row(self.of[at]);
                let dual = duals[at];
                let slope = flat.decision(row) - self.y[at] + added * dual;
                let (up, down) = (slope + epsilon, slope - epsilon);
                violated += if dual == 0.0 {
                    (-up).max(down).max(0.0)
                } else if dual >= bound {
                    up.max(0.0)
                } else if dual <= -bound {
                    (-down).max(0.0)
                } else if dual > 0.0 {
                    up.abs()
                } else {
                    down.abs()
                };
                let curvature = squares[at] + added;
                let step = if up < curvature * dual {
                    -up / curvature
                } else if down > curvature * dual {
                    -down / curvature
                } else {
                    -dual
                };
                duals[at] = (dual + step).clamp(-bound, bound);
                flat.lean(duals[at] - dual, row);
            }
            if violated <= self.tolerance * *first.get_or_insert(violated) {
                flat.converged = true;
                break;
            }
        }
        flat
    }
}

impl Flat {
    pub(super) fn decision(&self, row: &[f64]) -> f64 {
        inner(&self.coefficients, row) + self.intercept
    }

    fn lean(&mut self, by: f64, row: &[f64]) {
        if by != 0.0 {
            self.coefficients.iter_mut().zip(row).for_each(|(slope, value)| *slope += by * value);
            self.intercept += by;
        }
    }
}
