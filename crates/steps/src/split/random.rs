//! `split/random`: cuts a table into parts by chance.
//!
//! Every row by itself, by chance. Use `split/group` or `split/time` where rows belong together: warnings say so.

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
}

impl Default for Params {
    fn default() -> Self {
        Self { ratio: default_ratio(), seed: 0 }
    }
}

/// Splits by chance.
pub struct Random;

impl Way for Random {
    const NAME: &'static str = "split/random";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "cuts a table into parts by chance";
    const EXAMPLES: &'static [&'static str] =
        &[r#"{}"#, r#"{"target": "y", "ratio": {"train": 0.8, "test": 0.2}, "seed": 7}"#];
    type Params = Params;

    fn ask(params: &Params, _: &Columns) -> Asked {
        Asked { strategy: Strategy::Random, ratio: params.ratio.clone().into(), seed: params.seed }
    }
}
