//! `validate/profile`: statistics of a table, column by column.
//!
//! Type, missing and distinct values, quantiles, histogram and the most frequent values, in one pass. The report shows
//! it; `trainyard init` writes a contract from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError, Warning,
};
use trainyard_data::Table;

/// What to warn about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Warn about a column in which more than this share of the values is missing (0 to 1).
    pub max_missing: f64,
    /// Warn when more than this share of the rows repeats an earlier row (0 to 1).
    pub max_duplicates: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { max_missing: 0.5, max_duplicates: 0.05 }
    }
}

/// Statistics of a table.
pub struct Profile;

impl Step for Profile {
    const NAME: &'static str = "validate/profile";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "statistics of a table, column by column";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"max_missing": 0.1}"#];
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("data", &[Kind::Table]).output("profile", &[Kind::Profile])
    }

    fn check(params: Params, _: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let problems: Vec<Problem> = [("max_missing", params.max_missing), ("max_duplicates", params.max_duplicates)]
            .into_iter()
            .filter(|(_, share)| !(0.0..=1.0).contains(share))
            .map(|(name, share)| {
                Problem::error("out-of-range", format!("`{name}` is {share}; expected a share from 0 to 1")).at([name])
            })
            .collect();
        if problems.is_empty() { Ok((params, Outlines::output("profile", Outline::Profile))) } else { Err(problems) }
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let table = inputs.one::<Table>("data")?;
        let profile = trainyard_data::profile::profile(&table)?;
        #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
        let share = |count: u64| if profile.rows == 0 { 0.0 } else { count as f64 / profile.rows as f64 };
        for column in &profile.columns {
            let missing = share(column.nulls);
            if missing > params.max_missing {
                let message = format!("{:.1} % of column `{}` is missing", 100.0 * missing, column.name);
                context.warn(Warning::new("mostly-missing", message).number("share", missing));
            }
            if column.distinct <= 1 && profile.rows > 1 {
                let message = format!("column `{}` holds one value only", column.name);
                context.warn(Warning::new("constant-column", message));
            }
        }
        let repeated = share(profile.duplicate_rows);
        if repeated > params.max_duplicates {
            let message = format!(
                "{} rows ({:.1} %) repeat an earlier row: a random split would put copies on both sides",
                profile.duplicate_rows,
                100.0 * repeated
            );
            context.warn(Warning::new("duplicate-rows", message).number("share", repeated));
        }
        Ok(Outputs::one("profile", profile))
    }
}
