//! `predict/batch`: the predictions of a model for a table.
//!
//! The table holds records as they come from the model's source: what `prepare/columns` and row-local `prepare/sql` did to
//! its training table is part of the model and done here too. A table that went through those steps already is predicted
//! with `records: prepared`.
//!
//! The output is the table with `prediction`, a `probability_<class>` for each class, and `interval_low` and
//! `interval_high` or `set` where the model predicts them. A table larger than memory is gone through some rows at a time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Column, ColumnType, Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Schema, Setting, Step,
    StepError, evaluation::Task,
};
use trainyard_data::{DataError, Table};
use trainyard_model::{Asked, Package, predict_table};

/// What the rows of the table are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Records {
    /// Records as they come from the model's source.
    #[default]
    Source,
    /// Rows of the table that the model was trained on, or of one prepared like it.
    Prepared,
}

/// What is wanted.
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// What the rows of the table are.
    pub records: Records,
    /// The columns of the table that are kept beside the predictions; all when absent, none for `[]`.
    pub columns: Option<Vec<String>>,
    /// How many features are named that moved each prediction most (0 to 100): `explain_1_feature`,
    /// `explain_1_contribution` and so on. For models of trees.
    pub explain: usize,
}

/// Predicts a table.
pub struct Batch;

/// Most features that an explanation names.
const MOST: usize = 100;

impl Step for Batch {
    const NAME: &'static str = "predict/batch";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "the predictions of a model for a table";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"columns": ["id"], "explain": 3}"#, r#"{"records": "prepared"}"#];
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("model", &[Kind::Model]).one("data", &[Kind::Table]).output("table", &[Kind::Table])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let mut problems = Vec::new();
        if params.explain > MOST {
            let message = format!("`explain` is {}; expected 0 to {MOST}", params.explain);
            problems.push(Problem::error("out-of-range", message).at(["explain"]));
        }
        let schema = inputs.schema("data").cloned().unwrap_or_default();
        for (index, name) in params.columns.iter().flatten().enumerate() {
            if let Err(problem) = schema.require(name) {
                problems.push(problem.at(["columns".to_owned(), index.to_string()]));
            }
        }
        if let (Records::Prepared, Some(Outline::Model { features, .. })) = (params.records, inputs.get("model")) {
            let absent = features.iter().filter_map(|name| schema.require(name).err());
            problems.extend(absent.map(|problem| problem.at(["records"])));
        }
        if problems.is_empty() {
            let schema = outlined(&params, &schema, inputs.get("model"));
            Ok((params, Outlines::output("table", Outline::Table { schema })))
        } else {
            Err(problems)
        }
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let package = inputs.one::<Package>("model")?;
        let table = inputs.one::<Table>("data")?;
        let asked = Asked {
            prepared: params.records == Records::Prepared,
            columns: params.columns.clone(),
            explain: params.explain,
        };
        let total = table.row_count() as u64;
        let told = |done| {
            let told = context.progress(done, total, "records");
            told.map_err(|error| DataError::new(error.code, error.message))
        };
        let (predicted, found) = predict_table(&package, &table, &asked, context.held, &told)?;
        found.warnings().into_iter().for_each(|warning| context.warn(warning));
        Ok(Outputs::one("table", predicted))
    }
}

/// The columns that are sure to come out: what the classes are called, and whether there are intervals, the fitted model
/// alone tells.
fn outlined(params: &Params, schema: &Schema, model: Option<&Outline>) -> Schema {
    let kept = |column: &&Column| {
        column.name != "prediction" && params.columns.as_ref().is_none_or(|columns| columns.contains(&column.name))
    };
    let mut columns: Vec<Column> = schema.columns.iter().filter(kept).cloned().collect();
    let column_type = match model {
        Some(Outline::Model { task: Some(Task::Clustering), .. }) => ColumnType::Integer,
        Some(Outline::Model { task: Some(task), .. }) if task.is_classification() => ColumnType::Text,
        _ => ColumnType::Float,
    };
    columns.push(Column { name: "prediction".to_owned(), column_type });
    Schema { columns }
}
