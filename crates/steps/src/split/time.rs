//! `split/time`: cuts a table into parts in order of time: the past trains, the future tests.
//!
//! Rows of one moment stay together. `gap` leaves out rows that lie too near before the next part.

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
    /// Rows of an earlier part less than this before a later part are left out: seconds for timestamps, days for dates,
    /// the column's own unit for numbers.
    pub gap: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { ratio: default_ratio(), gap: 0.0 }
    }
}

/// Splits in order of time: the past trains, the future tests.
pub struct Time;

impl Way for Time {
    const NAME: &'static str = "split/time";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "cuts a table into parts in order of time: the past trains, the future tests";
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"time": "when"}"#, r#"{"target": "y", "time": "when", "gap": 3600}"#];
    type Params = Params;

    fn ask(params: &Params, _: &Columns) -> Asked {
        Asked { strategy: Strategy::Time { gap: params.gap }, ratio: params.ratio.clone().into(), seed: 0 }
    }
}
