//! `prepare/outliers`: flags, clips or drops values far from the rest.
//!
//! `iqr` takes values beyond `factor` interquartile ranges outside the middle half (Tukey 1977; 1.5 by default);
//! `z-score` those more than `factor` standard deviations from the mean (3 by default). The limits are learned from the
//! rows: put this step behind a split only for looking, and prefer `train`'s `features` for anything the model depends
//! on, so that the limits are fitted on training rows alone. `trainyard check` says so.
//!
//! What is flagged or clipped is a source of its own to a model: records must come with `is_outlier`, or clipped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Column, ColumnType, Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError,
    Warning,
};
use trainyard_data::{Table, outliers};

/// How outliers are told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By interquartile range.
    #[default]
    Iqr,
    /// By standard deviations from the mean.
    ZScore,
}

/// What happens to them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A boolean column `is_outlier` says which rows hold one.
    #[default]
    Flag,
    /// Values are moved to the nearest limit.
    Clip,
    /// Rows that hold one are left out.
    Drop,
}

/// Which columns, how far is far, and what to do.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The number columns to look at; all when absent. Name them to leave the target alone.
    pub columns: Option<Vec<String>>,
    /// How outliers are told.
    pub method: Method,
    /// Interquartile ranges (1.5 when absent) or standard deviations (3 when absent); positive.
    pub factor: Option<f64>,
    /// What happens to them.
    pub action: Action,
}

/// Flags, clips or drops outliers.
pub struct Outliers;

/// Parameters with the columns named.
pub struct Checked {
    columns: Vec<String>,
    params: Params,
}

const FLAG: &str = "is_outlier";

impl Step for Outliers {
    const NAME: &'static str = "prepare/outliers";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "flags, clips or drops values far from the rest";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"columns": ["speed"], "method": "z-score", "factor": 4, "action": "clip"}"#];
    type Params = Params;
    type Checked = Checked;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("data", &[Kind::Table]).output("table", &[Kind::Table])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Checked, Outlines), Vec<Problem>> {
        let mut schema = inputs.schema("data").cloned().unwrap_or_default();
        let mut problems = Vec::new();
        for (index, name) in params.columns.iter().flatten().enumerate() {
            let path = ["columns".to_owned(), index.to_string()];
            match schema.require(name) {
                Err(problem) => problems.push(problem.at(path)),
                Ok(column) if !column.column_type.is_number() => {
                    let message = format!("`{name}` is {}; outliers need numbers", column.column_type);
                    problems.push(Problem::error("wrong-type", message).at(path));
                }
                Ok(_) => {}
            }
        }
        if let Some(factor) = params.factor.filter(|factor| !(factor.is_finite() && *factor > 0.0)) {
            let message = format!("`factor` is {factor}; expected a positive number");
            problems.push(Problem::error("out-of-range", message).at(["factor"]));
        }
        if params.action == Action::Flag && schema.column(FLAG).is_some() {
            let message = format!("there is a column `{FLAG}` already");
            problems.push(Problem::error("duplicate-column", message).at(["action"]));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let columns = params.columns.clone().unwrap_or_else(|| {
            let numbers = schema.columns.iter().filter(|column| column.column_type.is_number());
            numbers.map(|column| column.name.clone()).collect()
        });
        match params.action {
            Action::Flag => schema.columns.push(Column { name: FLAG.to_owned(), column_type: ColumnType::Boolean }),
            Action::Clip => {
                for column in schema.columns.iter_mut().filter(|column| columns.contains(&column.name)) {
                    column.column_type = ColumnType::Float;
                }
            }
            Action::Drop => {}
        }
        let mut outlines = Outlines::output("table", Outline::Table { schema });
        if params.action != Action::Flag {
            outlines.warnings.push(
                Problem::warning("learns-from-all-rows", LEARNS).at(["action"]).help(
                    "flag here, and clip in `features` of the `train` step, where limits come from training rows",
                ),
            );
        }
        Ok((Checked { columns, params }, outlines))
    }

    fn run(checked: &Checked, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let table = inputs.one::<Table>("data")?;
        let params = &checked.params;
        let limits = match params.method {
            Method::Iqr => outliers::iqr_limits(&table, &checked.columns, params.factor.unwrap_or(1.5))?,
            Method::ZScore => outliers::z_score_limits(&table, &checked.columns, params.factor.unwrap_or(3.0))?,
        };
        let found = outliers::find(&table, &limits)?;
        for (limit, &rows) in limits.iter().zip(&found.rows_by_column).filter(|(_, rows)| **rows > 0) {
            let message =
                format!("{rows} values of `{}` lie outside {:.6} to {:.6}", limit.column, limit.low, limit.high);
            #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
            context.warn(Warning::new("outliers", message).number("rows", rows as f64));
        }
        let result = match params.action {
            Action::Flag => table.with_column(FLAG, found.flags())?,
            Action::Clip => outliers::clip(&table, &limits)?,
            // Which rows to learn from is no matter of a single record.
            Action::Drop => table.filter(&found.keep())?.with_preparation(table.preparation().cloned()),
        };
        Ok(Outputs::one("table", result))
    }
}

const LEARNS: &str = "the limits are learned from all rows, those of a later test part included";
