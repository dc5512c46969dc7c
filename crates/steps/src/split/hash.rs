//! `split/hash`: cuts a table into parts by a hash of key columns: a row never changes its part as the data grow.
//!
//! The part depends on the row's key alone, not on the other rows.

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
    /// Seeds the hash.
    pub seed: u64,
    /// The key columns; the group when absent, else all columns.
    pub key: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self { ratio: default_ratio(), seed: 0, key: Vec::new() }
    }
}

/// Splits by a hash of key columns.
pub struct Hash;

impl Way for Hash {
    const NAME: &'static str = "split/hash";
    const VERSION: u32 = 1;
    const ABOUT: &'static str =
        "cuts a table into parts by a hash of key columns: a row never changes its part as the data grow";
    const EXAMPLES: &'static [&'static str] = &[r#"{}"#, r#"{"target": "y", "key": ["id"]}"#];
    type Params = Params;

    fn ask(params: &Params, _: &Columns) -> Asked {
        let strategy = Strategy::Hash { key: params.key.clone() };
        Asked { strategy, ratio: params.ratio.clone().into(), seed: params.seed }
    }
}
