//! SHAP values of tree ensembles: how much each feature moved each prediction away from the average one.
//!
//! Exact and path-dependent, as `pred_contrib` of LightGBM and `TreeExplainer` of the shap package (Lundberg et al.
//! 2020): a feature that is left out is averaged over the training rows that went either way. The values of a row and
//! the base add up to the model's score.

mod edges;
mod quadrature;
#[cfg(test)]
mod tests;
mod walk;

use rayon::prelude::*;

use crate::boosting::{ForestModel, GradientBoostingModel, Tree, holds_together};
use crate::{FittedModel, LearnError, Matrix, chunks};
use edges::Edges;
use quadrature::Rules;
use walk::{BLOCK, LANES, Room};

/// Trees that are laid out together, so that a large forest does not fill the memory.
const TREES: usize = 16;

/// Contributions of features to predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct Shap {
    /// What the model says on average, one an output, in the unit of `values`.
    pub base: Vec<f64>,
    /// Number of features of the matrix.
    pub features: usize,
    /// Row-major: `values[(row * features + feature) * outputs + output]`, with `outputs = base.len()`.
    ///
    /// Boosting has raw scores (a value; log-odds of class 1; a logarithm under a log link; a score a class from three
    /// classes on), a forest the value, the probability of class 1, or a probability a class from three classes on.
    pub values: Vec<f64>,
}

impl Shap {
    /// The contribution of `feature` to `output` in `row`.
    #[must_use]
    pub fn at(&self, row: usize, feature: usize, output: usize) -> f64 {
        self.values[(row * self.features + feature) * self.base.len() + output]
    }
}

/// The SHAP values of every row of `x`, whose features are those of the fit in the same order, on at most `threads`
/// threads, whose number does not change a bit.
///
/// # Errors
/// `no-trees` for a model without trees, `no-covers` for one stored before trees kept their rows, `features-differ`
/// where `x` lacks a feature.
pub fn shap(model: &FittedModel, x: &Matrix, threads: usize) -> Result<Shap, LearnError> {
    match model {
        FittedModel::GradientBoosting(model) => of_boosting(model, x, threads),
        FittedModel::Forest(model) => of_forest(model, x, threads),
        other => Err(LearnError {
            code: "no-trees",
            message: format!("SHAP values are for trees; `{}` has none", other.estimator()),
            help: Some("use permutation importance".to_owned()),
            field: None,
        }),
    }
}

/// As [`shap`], of raw scores.
///
/// # Errors
/// As [`shap`].
pub fn of_boosting(model: &GradientBoostingModel, x: &Matrix, threads: usize) -> Result<Shap, LearnError> {
    explain(&Ensemble { trees: &model.trees, width: 1, base: model.base.clone(), share: 1.0 }, x, threads)
}

/// As [`shap`], of values or probabilities.
///
/// # Errors
/// As [`shap`].
pub fn of_forest(model: &ForestModel, x: &Matrix, threads: usize) -> Result<Shap, LearnError> {
    let width = if model.classes > 2 { model.classes } else { 1 };
    let share = 1.0 / model.trees.len().max(1) as f64;
    explain(&Ensemble { trees: &model.trees, width, base: vec![model.base; width], share }, x, threads)
}

/// Trees, what their sums start at and what each counts; with one value a leaf, tree `t` adds to output
/// `t % base.len()`, else a leaf has a value an output.
struct Ensemble<'a> {
    trees: &'a [Tree],
    width: usize,
    base: Vec<f64>,
    share: f64,
}

fn explain(ensemble: &Ensemble<'_>, x: &Matrix, threads: usize) -> Result<Shap, LearnError> {
    let refuse = |code, message: String, help: &str| {
        Err(LearnError { code, message, help: (!help.is_empty()).then(|| help.to_owned()), field: None })
    };
    let (features, outputs) = (x.features.len(), ensemble.base.len());
    let sound: Vec<(usize, &Tree)> =
        ensemble.trees.iter().enumerate().filter(|(_, tree)| holds_together(tree, ensemble.width)).collect();
    let needed = sound.iter().flat_map(|(_, tree)| &tree.features).max().map_or(0, |most| *most as usize + 1);
    if needed > features || x.features.iter().any(|feature| feature.values.len() != x.rows) {
        return refuse("features-differ", format!("the rows have {features} features, the model {needed} or more"), "");
    }
    if sound.iter().any(|(_, tree)| !edges::has_covers(tree, ensemble.width)) {
        let message = "the model was stored without the number of rows in each leaf".to_owned();
        return refuse("no-covers", message, "train it again with this version");
    }
    let mut base = ensemble.base.clone();
    for (t, tree) in &sound {
        for (k, mean) in edges::means(tree, ensemble.width).into_iter().enumerate() {
            base[t % outputs * usize::from(ensemble.width == 1) + k] += mean * ensemble.share;
        }
    }
    let mut values = vec![0.0; x.rows * features * outputs];
    if features == 0 || outputs == 0 {
        return Ok(Shap { base, features, values });
    }
    let most = sound.iter().map(|(_, tree)| edges::most_features(tree, features)).max().unwrap_or(0);
    let rules = Rules::up_to(most.saturating_sub(1));
    let stride = features * outputs;
    chunks::on(threads, || {
        for trees in sound.chunks(TREES) {
            let laid_out: Vec<(usize, Edges)> = trees
                .par_iter()
                .map(|&(t, tree)| (t % outputs, Edges::new(tree, ensemble.width, ensemble.share, &rules)))
                .collect();
            let blocks = values.par_chunks_mut(BLOCK * stride).enumerate();
            blocks.for_each_init(
                || (Room::default(), vec![[[0.0; LANES]; BLOCK]; stride]),
                |(room, sums), (b, block)| {
                    let rows = b * BLOCK..b * BLOCK + block.len() / stride;
                    sums.fill([[0.0; LANES]; BLOCK]);
                    for (output, edges) in &laid_out {
                        let first = if ensemble.width == 1 { *output } else { 0 };
                        edges.add(x, rows.clone(), (first, outputs), sums, room);
                    }
                    for (row, contributions) in block.chunks_exact_mut(stride).enumerate() {
                        for (contribution, sums) in contributions.iter_mut().zip(&*sums) {
                            *contribution += sums[row].iter().sum::<f64>();
                        }
                    }
                },
            );
        }
    });
    Ok(Shap { base, features, values })
}
