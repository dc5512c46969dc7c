//! `prepare/sql`: a query over one or more tables.
//!
//! Each input is a table named after the step it comes from. Identifiers are as written: `SELECT AT` finds the column
//! `AT`. A query that works row by row cannot leak anything from one part of a later split into another; one that mixes
//! rows (aggregates, windows, joins, sorting) can, and is marked with the warning `mixes-rows`.
//!
//! A query that works row by row over one table is part of a model that learns from its result: records are then predicted
//! as they come from the source. Its `WHERE` says which rows to learn from, and is left out there. What any other query
//! makes is a source of its own.
//!
//! A query that works row by row over one table goes through a table larger than memory some rows at a time. Any other
//! has all rows in memory, and is refused with `too-large` where there is not enough of it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError, Warning,
};
use trainyard_data::{Table, preparation::Operation, sql};

/// The query.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// One `SELECT` (or `WITH … SELECT`).
    pub query: String,
    /// States that mixing rows is meant: silences the warning `mixes-rows`.
    #[serde(default)]
    pub mixes_rows: bool,
}

/// A query over tables.
pub struct Sql;

/// A query that was planned.
pub struct Checked {
    query: String,
    warn: bool,
}

impl Step for Sql {
    const NAME: &'static str = "prepare/sql";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "a query over one or more tables";
    const EXAMPLES: &'static [&'static str] = &[r#"{"query": "SELECT * FROM readings"}"#];
    type Params = Params;
    type Checked = Checked;

    fn ports(_: &Params) -> Ports {
        Ports::new().many("tables", &[Kind::Table]).output("table", &[Kind::Table])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Checked, Outlines), Vec<Problem>> {
        let tables: Vec<_> = inputs
            .all("tables")
            .iter()
            .filter_map(|(name, outline)| Some((name.clone(), outline.schema()?.clone())))
            .collect();
        let planned = sql::sql_schema(&params.query, &tables).map_err(|problem| vec![problem.at(["query"])])?;
        let warn = !planned.row_local && !params.mixes_rows;
        let mut outlines = Outlines::output("table", Outline::Table { schema: planned.schema });
        if warn {
            outlines.warnings.push(
                Problem::warning("mixes-rows", MIXES_ROWS)
                    .at(["query"])
                    .help("split before it, or write `mixes_rows: true` to say that it is meant"),
            );
        }
        Ok((Checked { query: params.query, warn }, outlines))
    }

    fn run(checked: &Checked, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let tables: Vec<(String, Arc<Table>)> = inputs.many("tables")?;
        if checked.warn {
            context.warn(Warning::new("mixes-rows", MIXES_ROWS));
        }
        let table = sql::sql_into(&checked.query, &tables, context.held, &|| context.monitor.cancelled())?;
        let table = match tables.as_slice() {
            [(name, from)] => {
                let query = sql::normalised(&checked.query)?;
                table.prepared_from(from, Operation::Sql { table: name.clone(), query })
            }
            _ => table,
        };
        Ok(Outputs::one("table", table))
    }
}

const MIXES_ROWS: &str = "the query mixes rows, so what one row says can reach another before a later split";
