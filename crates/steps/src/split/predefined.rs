//! `split/predefined`: cuts a table into parts as a column says.
//!
//! For data that comes with its split. The column is no feature afterwards.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_data::split::{Ratio, Strategy};

use super::cut::{Asked, Columns, Way};

/// Which column, and what its values mean.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column that names each row's part.
    pub column: String,
    /// The column's values to part names; the part `none` leaves rows out. When absent, the values are the names.
    #[serde(default)]
    pub parts: BTreeMap<String, String>,
}

/// Splits as a column says.
pub struct Predefined;

impl Way for Predefined {
    const NAME: &'static str = "split/predefined";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "cuts a table into parts as a column says";
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"column": "part"}"#,
        r#"{"column": "period", "parts": {"2019": "train", "2020": "test"}, "target": "y"}"#,
    ];
    type Params = Params;

    fn ask(params: &Params, _: &Columns) -> Asked {
        let strategy = Strategy::Predefined { column: params.column.clone(), parts: params.parts.clone() };
        Asked { strategy, ratio: Ratio::default(), seed: 0 }
    }
}
