//! Support vector machines for classes and numbers, linear or with a kernel.
//!
//! With `kernel: linear` the classes are told apart one against the rest and the intercept is penalised like a
//! coefficient, as in LIBLINEAR and scikit-learn's `LinearSVC` and `LinearSVR`; any number of rows will do. With a kernel
//! every pair of classes is told apart, as in LIBSVM and scikit-learn's `SVC` and `SVR`; rows are limited. A number is
//! predicted in units of its standard deviation, so that `c` and `epsilon` mean the same for every target.
//!
//! Probabilities are Platt's: the decision values of five-fold cross-validation are fitted with a sigmoid, and those of
//! pairs of classes are coupled.

mod cache;
mod coupling;
mod dual;
mod kernel;
mod machine;
mod platt;
mod smo;

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Columns, Estimator, FitContext, Fitted, LearnError, Prediction, Sample,
    boosting::ranges::Ranges,
    chunks,
    dense_sample::{self, weighted_mean},
    rows::Rows,
};
pub use kernel::Shape;
pub use machine::Machine;
use machine::Task;

/// Most rows for a kernel: the time grows with their square and more.
const MOST_KERNEL_ROWS: usize = 50_000;
/// Rows predicted at once.
const CHUNK: usize = 64;

/// Hyperparameters of a support vector machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How rows are compared.
    pub kernel: Kernel,
    /// Price of a row on the wrong side, above 0: smaller gives smoother models.
    pub c: f64,
    /// How fast likeness falls with distance (`rbf`), or the scale of the inner product (`polynomial`), above 0. One over
    /// the number of features times their variance when left out.
    pub gamma: Option<f64>,
    /// Degree of a `polynomial` kernel, from 1 to 20.
    pub degree: u32,
    /// Added to the inner product of a `polynomial` kernel.
    pub offset: f64,
    /// What a row on the wrong side costs under `kernel: linear`; with other kernels always `hinge`.
    pub loss: Loss,
    /// Errors up to this many standard deviations of the target cost nothing, at least 0; for numbers.
    pub epsilon: f64,
    /// Ends when no condition of the optimum is violated by more than this, above 0.
    pub tolerance: f64,
    /// Most passes over the rows under `kernel: linear`, and most steps in thousands with other kernels; at least 1.
    pub max_iterations: usize,
    /// Memory for kept kernel values in MiB, at least 1; changes the time only.
    pub cache: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            kernel: Kernel::Rbf,
            c: 1.0,
            gamma: None,
            degree: 3,
            offset: 0.0,
            loss: Loss::SquaredHinge,
            epsilon: 0.1,
            tolerance: 1e-3,
            max_iterations: 10_000,
            cache: 256,
        }
    }
}

/// How rows are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// By their inner product: a flat border; quick on any number of rows.
    Linear,
    /// By `e^(-gamma distance^2)`: a border of any shape.
    #[default]
    Rbf,
    /// By `(gamma x.y + offset)^degree`.
    Polynomial,
}

/// What a row on the wrong side costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// As much as it is off.
    Hinge,
    /// The square of that.
    #[default]
    SquaredHinge,
}

/// Support vector machine.
#[derive(Clone, Copy, Debug)]
pub struct Svm;

/// A fitted support vector machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SvmModel {
    /// Number of classes, 0 for a regression.
    pub classes: usize,
    /// The classes among the training rows, ascending; the others have probability 0.
    pub present: Vec<usize>,
    /// Mean and standard deviation of a number to predict.
    pub target: [f64; 2],
    /// The kernel.
    pub shape: Shape,
    /// The rows that a kernel compares with.
    pub vectors: Rows,
    /// One for a number or two classes; else one a class (linear) or one a pair of classes.
    pub machines: Vec<Machine>,
    /// The sigmoid of each machine for classes: of `a`, `b` it is `1 / (1 + exp(a decision + b))`.
    pub sigmoids: Vec<[f64; 2]>,
    /// False when a machine was stopped before it settled.
    pub converged: bool,
}

impl Estimator for Svm {
    const NAME: &'static str = "svm";
    type Params = Params;
    type Model = SvmModel;

    fn check(params: &Params) -> Vec<LearnError> {
        let mut ranges = Ranges::default();
        ranges.above_zero("c", params.c);
        if let Some(gamma) = params.gamma {
            ranges.above_zero("gamma", gamma);
        }
        ranges.whole("degree", params.degree as usize, 1, 20);
        if !params.offset.is_finite() {
            ranges.add("offset", &params.offset, "a finite number");
        }
        ranges.at_least_zero("epsilon", params.epsilon);
        ranges.above_zero("tolerance", params.tolerance);
        ranges.whole("max_iterations", params.max_iterations, 1, 1_000_000_000);
        ranges.whole("cache", params.cache, 1, 1_000_000);
        ranges.problems
    }

    /// A row's weight multiplies its price `c`.
    fn fit(
        params: &Params,
        train: &Sample<'_>,
        _validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<SvmModel, LearnError> {
        let weights = dense_sample::guarded::<Self>(params, train)?;
        let kept: Vec<usize> = (0..train.y.len()).filter(|&row| weights[row] > 0.0).collect();
        if params.kernel != Kernel::Linear && kept.len() > MOST_KERNEL_ROWS {
            return Err(LearnError {
                code: "too-many-rows",
                message: format!("{} rows are more than the {MOST_KERNEL_ROWS} that a kernel takes", kept.len()),
                help: Some("use `kernel: linear`, another estimator, or a sample of the rows".to_owned()),
                field: Some("kernel"),
            });
        }
        let present = match train.classes {
            0 => Vec::new(),
            _ => dense_sample::present_classes(train, &weights)?,
        };
        let places = dense_sample::places(train.y, &present);
        let total: f64 = weights.iter().sum();
        let mean = weighted_mean(train.y, &weights, total);
        let spread: Vec<f64> = train.y.iter().map(|y| (y - mean) * (y - mean)).collect();
        let deviation = weighted_mean(&spread, &weights, total).sqrt();
        let target = [mean, if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 }];
        let rows = Rows::of(train.x).take(&kept);
        let task = Task {
            params,
            shape: Shape::of(params, &rows),
            costs: kept.iter().map(|&row| params.c * weights[row]).collect(),
            weights: kept.iter().map(|&row| weights[row]).collect(),
            places: kept.iter().map(|&row| places[row]).collect(),
            numbers: kept.iter().map(|&row| (train.y[row] - target[0]) / target[1]).collect(),
            rows,
            classes: present.len(),
            seed: context.seed,
            go_on: &|done, all| (context.on_iteration)(done, all, None).is_continue(),
        };
        let fitted = chunks::on(context.threads, || task.solve())?;
        let finite =
            fitted.machines.iter().all(Machine::is_finite) && fitted.sigmoids.concat().iter().all(|s| s.is_finite());
        if !finite {
            return Err(LearnError {
                code: "overflow",
                message: "the numbers are too large for a support vector machine".to_owned(),
                help: Some("scale the features, or lower `c`, `gamma` or `degree`".to_owned()),
                field: None,
            });
        }
        let mut model = SvmModel {
            classes: train.classes,
            present,
            target,
            shape: task.shape,
            vectors: task.rows,
            machines: fitted.machines,
            sigmoids: fitted.sigmoids,
            converged: fitted.converged,
        };
        model.forget_idle_rows();
        Ok(model)
    }
}

impl SvmModel {
    /// Keeps only the rows that some machine compares with.
    fn forget_idle_rows(&mut self) {
        let mut used = vec![false; self.vectors.count()];
        self.machines.iter().for_each(|machine| machine.vectors().iter().for_each(|&at| used[at as usize] = true));
        let kept: Vec<usize> = (0..used.len()).filter(|&row| used[row]).collect();
        let mut place = vec![0; used.len()];
        kept.iter().zip(0..).for_each(|(&row, at)| place[row] = at);
        self.machines.iter_mut().for_each(|machine| machine.renumber(&place));
        self.vectors = self.vectors.take(&kept);
    }

    /// The decision values of each machine for one row; above 0 speaks for the second class of a pair, or for the class
    /// itself where it stands against the rest.
    fn decisions(&self, row: &[f64], kernel: &mut Vec<f64>, into: &mut Vec<f64>) {
        kernel.clear();
        kernel.extend((0..self.vectors.count()).map(|vector| self.shape.compare(self.vectors.row(vector), row)));
        into.clear();
        into.extend(self.machines.iter().map(|machine| machine.decision(row, kernel)));
    }
}

impl Fitted for SvmModel {
    /// A row with a missing number gets NaN.
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let rows = Rows::of_columns(x);
        let parts = chunks::map(x.rows, CHUNK, |range| {
            let (mut kernel, mut decisions, mut shares) = (Vec::new(), Vec::new(), Vec::new());
            let mut values = Vec::with_capacity(range.len() * self.classes.max(1));
            for row in range {
                self.decisions(rows.row(row), &mut kernel, &mut decisions);
                if self.classes == 0 {
                    values.push(self.target[0] + self.target[1] * decisions[0]);
                    continue;
                }
                let start = values.len();
                values.resize(start + self.classes, 0.0);
                let against_rest = self.shape == Shape::Linear;
                coupling::shares(&decisions, &self.sigmoids, self.present.len(), against_rest, &mut shares);
                self.present.iter().zip(&shares).for_each(|(&class, share)| values[start + class] = *share);
            }
            values
        });
        let values = parts.concat();
        match self.classes {
            0 => Prediction::Values(values),
            classes => Prediction::Probabilities { classes, values },
        }
    }
}
