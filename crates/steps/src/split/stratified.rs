//! `split/stratified`: cuts a table into parts by chance, with each class's share equal in all parts.
//!
//! Classes keep their shares in every part; a number target is cut into quantile bins. With `group`, whole groups are
//! moved, as equal as they allow.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_data::split::Strategy;

use super::cut::{Asked, Columns, Way, default_ratio};

/// What the parts are.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Part names and their shares, which add up to one.
    pub ratio: BTreeMap<String, f64>,
    /// Seeds the choice.
    pub seed: u64,
    /// The column whose shares are kept equal; the target when absent.
    pub by: Option<String>,
    /// Quantile bins for a number column; ten where it has more than 20 values, when absent.
    pub bins: Option<usize>,
}

impl Default for Params {
    fn default() -> Self {
        Self { ratio: default_ratio(), seed: 0, by: None, bins: None }
    }
}

/// Splits by chance, with each class's share equal in all parts.
pub struct Stratified;

impl Way for Stratified {
    const NAME: &'static str = "split/stratified";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "cuts a table into parts by chance, with each class's share equal in all parts";
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"target": "y"}"#, r#"{"target": "y", "bins": 10, "group": "unit", "seed": 7}"#];
    type Params = Params;

    fn ask(params: &Params, _: &Columns) -> Asked {
        let strategy = Strategy::Stratified { by: params.by.clone(), bins: params.bins };
        Asked { strategy, ratio: params.ratio.clone().into(), seed: params.seed }
    }
}
