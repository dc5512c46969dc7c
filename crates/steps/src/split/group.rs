//! `split/group`: cuts a table into parts by chance, with whole groups.
//!
//! All rows of one group (a machine, a patient, a session) go to one part: what is learned of a group must not help on
//! itself. With `stratify`, the classes' shares in the parts are as equal as whole groups allow.

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
    /// Whether each class of the target (or quantile bin of a number) is to have equal shares in all parts, as far as
    /// whole groups allow.
    pub stratify: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { ratio: default_ratio(), seed: 0, stratify: false }
    }
}

/// Splits by chance, with whole groups.
pub struct Group;

impl Way for Group {
    const NAME: &'static str = "split/group";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "cuts a table into parts by chance, with whole groups";
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"group": "unit"}"#, r#"{"target": "y", "group": "unit", "stratify": true, "seed": 7}"#];
    type Params = Params;

    fn ask(params: &Params, _: &Columns) -> Asked {
        let strategy = Strategy::Group { stratify: params.stratify };
        Asked { strategy, ratio: params.ratio.clone().into(), seed: params.seed }
    }
}
