//! `prepare/columns`: select, drop, rename and cast columns; leave out those that say nothing.
//!
//! The order is: `select`, `drop`, `rename`, `cast`, then `constant` and `near_duplicate`. The last two look at all
//! rows, but only at whether a column says anything at all.
//!
//! All of it is part of a model that learns from the result: records are then predicted as they come from the source.
//!
//! Works on a table larger than memory, a few rows at a time; `constant` holds one column in memory, `near_duplicate` all
//! number columns.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Column, ColumnType, Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Schema, Setting, Step,
    StepError, Warning,
};
use trainyard_data::{
    Table, columns,
    preparation::{Operation, Picked},
};

/// What to do with columns that say nothing new.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Idle {
    /// Keep them.
    #[default]
    Keep,
    /// Keep them and warn.
    Warn,
    /// Drop them, with a warning that names them.
    Drop,
}

/// Which columns stay and how.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The columns to keep, in this order; all when absent.
    pub select: Option<Vec<String>>,
    /// The columns to leave out.
    pub drop: Vec<String>,
    /// Old name to new name.
    pub rename: BTreeMap<String, String>,
    /// Column (by its new name) to type. A value that does not fit becomes missing and is counted in a warning.
    pub cast: BTreeMap<String, ColumnType>,
    /// What to do with columns that hold one value only.
    pub constant: Idle,
    /// What to do with a number column that correlates with an earlier one beyond `near_duplicate_at`.
    pub near_duplicate: Idle,
    /// The absolute correlation from which two number columns count as the same (0 to 1); 0.999 when absent.
    pub near_duplicate_at: Option<f64>,
}

/// Selects, drops, renames and casts columns.
pub struct Columns;

impl Step for Columns {
    const NAME: &'static str = "prepare/columns";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "select, drop, rename and cast columns; leave out those that say nothing";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"drop": ["id"], "rename": {"a": "b"}, "cast": {"b": "float"}, "constant": "drop"}"#];
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("data", &[Kind::Table]).output("table", &[Kind::Table])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let schema = inputs.schema("data").cloned().unwrap_or_default();
        let mut problems = Vec::new();
        let mut require = |name: &str, path: [&str; 2]| {
            if let Err(problem) = schema.require(name) {
                problems.push(problem.at(path));
            }
        };
        for (index, name) in params.select.iter().flatten().enumerate() {
            require(name, ["select", &index.to_string()]);
        }
        for (index, name) in params.drop.iter().enumerate() {
            require(name, ["drop", &index.to_string()]);
        }
        for name in params.rename.keys() {
            require(name, ["rename", name]);
        }
        if let Some(threshold) = params.near_duplicate_at.filter(|threshold| !(0.0..=1.0).contains(threshold)) {
            let message = format!("`near_duplicate_at` is {threshold}; expected a correlation from 0 to 1");
            problems.push(Problem::error("out-of-range", message).at(["near_duplicate_at"]));
        }
        let (mut result, clashes) = renamed(&params, &schema);
        for name in clashes {
            let message = format!("two columns would be called `{name}`");
            problems.push(Problem::error("duplicate-column", message).at(["rename"]));
        }
        for (name, &column_type) in &params.cast {
            match result.columns.iter_mut().find(|column| &column.name == name) {
                Some(column) => column.column_type = column_type,
                None => {
                    problems.push(Problem::unknown("unknown-column", "column", name, result.names()).at(["cast", name]))
                }
            }
        }
        if problems.is_empty() {
            Ok((params, Outlines::output("table", Outline::Table { schema: result })))
        } else {
            Err(problems)
        }
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let from = inputs.one::<Table>("data")?;
        let kept: Vec<String> = kept(params, &from.schema());
        let named = columns::rename(&from.select(&kept)?, &params.rename)?;
        let (table, lost) = columns::cast_columns(&named, &params.cast, context.held)?;
        for (name, lost) in lost.into_iter().filter(|(_, lost)| *lost > 0) {
            let column_type = params.cast[&name];
            let message = format!("{lost} values of `{name}` are no {column_type} and became missing");
            #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
            context.warn(Warning::new("cast-lost-values", message).number("rows", lost as f64));
        }
        let mut idle = BTreeSet::new();
        if params.constant != Idle::Keep {
            for name in columns::constant(&table)? {
                context.warn(Warning::new("constant-column", format!("column `{name}` holds one value only")));
                if params.constant == Idle::Drop {
                    idle.insert(name);
                }
            }
        }
        if params.near_duplicate != Idle::Keep {
            for (first, second, correlation) in
                columns::near_duplicates(&table, params.near_duplicate_at.unwrap_or(0.999))?
            {
                let message = format!("column `{second}` repeats `{first}` (correlation {correlation:.4})");
                context.warn(Warning::new("near-duplicate-column", message).number("correlation", correlation));
                if params.near_duplicate == Idle::Drop {
                    idle.insert(second);
                }
            }
        }
        let kept: Vec<String> =
            table.schema().names().filter(|name| !idle.contains(*name)).map(str::to_owned).collect();
        let result = table.select(&kept)?;
        Ok(Outputs::one("table", prepared(params, &from, result)))
    }
}

/// The result, knowing what was done to the rows of `from` to make it.
fn prepared(params: &Params, from: &Table, result: Table) -> Table {
    let old: BTreeMap<&str, &str> = params.rename.iter().map(|(old, new)| (new.as_str(), old.as_str())).collect();
    let picked: Vec<Picked> = result
        .names()
        .map(|name| {
            let from = old.get(name).map_or(name, |old| *old);
            let to = (from != name).then(|| name.to_owned());
            Picked { from: from.to_owned(), to, cast: params.cast.get(name).copied() }
        })
        .collect();
    let same = result.arrow_schema() == from.arrow_schema() && picked.iter().all(|column| column.to.is_none());
    if same {
        result.with_preparation(from.preparation().cloned())
    } else {
        result.prepared_from(from, Operation::Columns(picked))
    }
}

fn kept(params: &Params, schema: &Schema) -> Vec<String> {
    let chosen: Vec<String> = match &params.select {
        Some(names) => names.clone(),
        None => schema.names().map(str::to_owned).collect(),
    };
    chosen.into_iter().filter(|name| !params.drop.contains(name)).collect()
}

/// The columns after `select`, `drop` and `rename`, and the names that would then stand twice.
fn renamed(params: &Params, schema: &Schema) -> (Schema, BTreeSet<String>) {
    let columns: Vec<Column> = kept(params, schema)
        .iter()
        .filter_map(|name| schema.column(name))
        .map(|column| Column {
            name: params.rename.get(&column.name).unwrap_or(&column.name).clone(),
            column_type: column.column_type,
        })
        .collect();
    let mut seen = BTreeSet::new();
    let clashes =
        columns.iter().filter(|column| !seen.insert(&column.name)).map(|column| column.name.clone()).collect();
    (Schema { columns }, clashes)
}
