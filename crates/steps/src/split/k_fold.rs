//! `split/k-fold`: cuts a table into folds, `fold-1` and so on, and if asked a part `test` that no fold sees.
//!
//! A `train` step learns from all folds and is cross-validated over exactly these: every model after one split is judged
//! on the same folds. `evaluate/models` judges on the part `test`, so give it a share where a final judgement is wanted.
//! By whole groups where a group is named, by class (or quantile bin) where a target is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_data::split::{Ratio, Strategy};

use super::cut::{Asked, Columns, Way};

/// What the folds are.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Number of folds, from 2.
    pub folds: usize,
    /// The share of the rows in the part `test`, outside all folds; there is none when 0.
    pub test: f64,
    /// Whether the folds are to have equal shares of each class of the target, where one is named.
    pub stratify: bool,
    /// Seeds the choice.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self { folds: 5, test: 0.0, stratify: true, seed: 0 }
    }
}

/// Splits into folds.
pub struct KFold;

impl Way for KFold {
    const NAME: &'static str = "split/k-fold";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "cuts a table into folds for cross-validation, and a part apart to test";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"target": "y", "folds": 10, "test": 0.2, "group": "unit", "seed": 7}"#];
    type Params = Params;

    fn ask(params: &Params, columns: &Columns) -> Asked {
        let stratify = params.stratify && columns.target.is_some();
        Asked {
            strategy: Strategy::of_folds(stratify, columns.group.is_some()),
            ratio: Ratio::folds_and_test(params.folds, params.test),
            seed: params.seed,
        }
    }
}
