//! `validate/table`: checks every row against a contract.
//!
//! Types, ranges, sets, patterns, lengths, nulls, uniqueness, duplicates and conditions over several columns (SQL). What
//! breaks the contract fails the run, is dropped, or is quarantined: kept apart in the output `quarantined`, with the
//! reasons in the column `_reason`, counted and never lost. Apart from the rows, the newest value of a time column may be
//! asked to be young enough (`fresh`); if its age counts from the time of the run, a result in the cache holds only as
//! long as it is.
//!
//! The types of the contract, but not its choice of rows, are part of a model that learns from the result; so are the units
//! it names.
//!
//! A table that breaks nothing is passed on as it is. One larger than memory is read piece by piece; `unique` and
//! `duplicates` need some thirty bytes a row, and `unique` its columns.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Column, ColumnType, Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Schema, Setting, Step,
    StepError, Warning,
};
use trainyard_data::{
    Table, columns,
    contract::{self, ColumnContract, Violations},
    preparation::{Operation, Preparation},
};

use super::fresh::Fresh;

/// What happens to rows that break the contract.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Invalid {
    /// The run fails, with the counts by check.
    #[default]
    Fail,
    /// They are left out.
    Drop,
    /// They go to the output `quarantined`, each with its reasons.
    Quarantine,
}

/// What happens to rows that repeat an earlier row in every column.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// They stay.
    #[default]
    Keep,
    /// All but the first are left out.
    Drop,
    /// All but the first break the contract.
    Forbid,
}

/// The contract.
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// What each column must be. A column named here must exist.
    pub columns: BTreeMap<String, ColumnContract>,
    /// Refuse columns that are not named in `columns`.
    pub only_these_columns: bool,
    /// Conditions every row must meet: a name and an SQL expression over the columns, such as `"low <= high"`. A row
    /// for which it is null meets it.
    pub rules: BTreeMap<String, String>,
    /// Columns whose values together may stand in one row only, such as `[[site, hour]]`. A row that lacks one of them is
    /// left alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<Vec<String>>,
    /// How old the newest value of a date or timestamp column may be, such as `at: {within: 36h}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fresh: BTreeMap<String, Fresh>,
    /// What happens to rows that repeat an earlier row.
    pub duplicates: Duplicates,
    /// What happens to rows that break the contract.
    pub invalid: Invalid,
    /// The fewest rows that must be left, else the run fails.
    pub min_rows: Option<u64>,
    /// With `drop` or `quarantine`: the run fails when more than this share of the rows breaks the contract (0 to 1).
    pub max_invalid: Option<f64>,
}

/// Checks every row against a contract.
pub struct Contract;

impl Step for Contract {
    const NAME: &'static str = "validate/table";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "checks every row against a contract; fails, drops or quarantines what breaks it";
    const EXAMPLES: &'static [&'static str] = &[
        "{}",
        r#"{"columns": {"AT": {"type": "float", "between": [-20, 50]}, "PE": {"nulls": "forbid"}},
            "rules": {"order": "low <= high"}, "duplicates": "drop", "invalid": "quarantine"}"#,
        r#"{"unique": [["site", "hour"]], "fresh": {"hour": {"within": "2d", "now": "2026-01-31"}}}"#,
    ];
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("data", &[Kind::Table]).output("table", &[Kind::Table]).output("quarantined", &[Kind::Table])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let schema = inputs.schema("data").cloned().unwrap_or_default();
        let mut problems = Vec::new();
        for (name, column) in &params.columns {
            match schema.require(name) {
                Err(problem) => problems.push(problem.at(["columns", name])),
                Ok(found) => problems.extend(column.check(name, found.column_type)),
            }
        }
        if params.only_these_columns {
            for name in schema.names().filter(|name| !params.columns.contains_key(*name)) {
                let message = format!("column `{name}` is not in the contract");
                problems.push(Problem::error("unexpected-column", message).at(["only_these_columns"]));
            }
        }
        if problems.is_empty() {
            for (name, expression) in &params.rules {
                let checked = contract::check_rule(expression, &contract::typed_schema(&schema, &params.columns));
                problems.extend(checked.err().map(|problem| problem.at(["rules", name])));
            }
        }
        let typed = contract::typed_schema(&schema, &params.columns);
        problems.extend(params.fresh.iter().flat_map(|(name, fresh)| fresh.problems(name, &typed)));
        for (key, names) in params.unique.iter().enumerate() {
            for (position, name) in names.iter().enumerate() {
                if let Err(problem) = schema.require(name) {
                    problems.push(problem.at(["unique".to_owned(), key.to_string(), position.to_string()]));
                }
            }
        }
        if let Some(share) = params.max_invalid.filter(|share| !(0.0..=1.0).contains(share)) {
            let message = format!("`max_invalid` is {share}; expected a share from 0 to 1");
            problems.push(Problem::error("out-of-range", message).at(["max_invalid"]));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let quarantined = quarantine_schema(&schema);
        let outlines = Outlines::output("table", Outline::Table { schema: typed }).with(
            "quarantined",
            "quarantined",
            Outline::Table { schema: quarantined },
        );
        Ok((params, outlines))
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let table = inputs.one::<Table>("data")?;
        let (typed, mut violations) = contract::apply(&table, &params.columns, context.held)?;
        for (name, expression) in &params.rules {
            violations.add(format!("rule `{name}`"), contract::rows_breaking(&typed, expression, context.held)?);
        }
        for names in &params.unique {
            violations.add(format!("({}) is not unique", names.join(", ")), columns::repeated_keys(&typed, names)?);
        }
        let repeated = match params.duplicates {
            Duplicates::Keep => Vec::new(),
            Duplicates::Drop | Duplicates::Forbid => columns::repeated_rows(&table)?,
        };
        if params.duplicates == Duplicates::Forbid && !repeated.is_empty() {
            violations.add("repeats an earlier row".to_owned(), repeated.clone());
        }
        report(params, &violations, &repeated, table.row_count(), context)?;

        let invalid = violations.rows();
        let mut out = invalid.clone();
        if params.duplicates == Duplicates::Drop {
            out.extend(&repeated);
        }
        out.sort_unstable();
        out.dedup();
        let kept = if out.is_empty() { typed } else { Arc::new(columns::without(&typed, &out, context.held)?) };
        if let Some(least) = params.min_rows.filter(|least| (kept.row_count() as u64) < *least) {
            return Err(StepError::new(
                "too-few-rows",
                format!("{} rows are left; the contract asks for at least {least}", kept.row_count()),
            ));
        }
        for (name, fresh) in &params.fresh {
            fresh.check(&kept, name, context.monitor.now())?;
        }
        let quarantined = if params.invalid == Invalid::Quarantine { invalid } else { Vec::new() };
        let reasons = violations.reasons(&quarantined);
        let kept = Arc::new(Table::clone(&kept).with_preparation(prepared(params, &table, &kept)));
        let apart = table.take(&quarantined)?.with_column(REASON, reasons)?;
        Ok(Outputs::default().and("table", kept).and("quarantined", Arc::new(apart)))
    }

    fn has_effect(params: &Params) -> bool {
        params.fresh.values().any(Fresh::follows_the_clock)
    }

    fn still_holds(params: &Params, outputs: &Outputs, context: &Context<'_>) -> Result<bool, StepError> {
        let Some(table) = outputs.get::<Table>("table") else { return Ok(false) };
        let now = context.monitor.now();
        Ok(params.fresh.iter().all(|(name, fresh)| fresh.check(&table, name, now).is_ok()))
    }
}

const REASON: &str = "_reason";

/// What was done to the rows of `table` that are `kept`: they have the contract's types, and its units are known.
fn prepared(params: &Params, table: &Table, kept: &Table) -> Option<Arc<Preparation>> {
    let (before, after) = (table.schema(), kept.schema());
    let changed = before.columns.iter().zip(&after.columns).filter(|(before, after)| before != after);
    let types: BTreeMap<String, ColumnType> =
        changed.map(|(_, column)| (column.name.clone(), column.column_type)).collect();
    let typed = match types.is_empty() {
        true => kept.clone().with_preparation(table.preparation().cloned()),
        false => kept.clone().prepared_from(table, Operation::Types(types)),
    };
    let units = params.columns.iter().filter_map(|(name, column)| Some((name.as_str(), column.unit.as_deref()?)));
    units.fold(typed, |typed, (name, unit)| typed.with_unit(name, unit)).preparation().cloned()
}

fn quarantine_schema(schema: &Schema) -> Schema {
    let mut columns: Vec<Column> = schema.columns.iter().filter(|column| column.name != REASON).cloned().collect();
    columns.push(Column { name: REASON.to_owned(), column_type: ColumnType::Text });
    Schema { columns }
}

/// Warns of what was found, or fails where the contract says so.
fn report(
    params: &Params,
    violations: &Violations,
    repeated: &[u32],
    rows: usize,
    context: &Context<'_>,
) -> Result<(), StepError> {
    #![expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
    if params.duplicates == Duplicates::Drop && !repeated.is_empty() {
        let message = format!("{} rows repeat an earlier row and were left out", repeated.len());
        context.warn(Warning::new("duplicate-rows", message).number("rows", repeated.len() as f64));
    }
    let counts = violations.counts();
    if counts.is_empty() {
        return Ok(());
    }
    let invalid = violations.rows().len();
    let share = invalid as f64 / rows.max(1) as f64;
    if params.invalid == Invalid::Fail || params.max_invalid.is_some_and(|most| share > most) {
        let list: Vec<String> =
            counts.iter().map(|(what, count, first)| format!("{what}: {count} rows, first at row {first}")).collect();
        return Err(StepError::new(
            "contract-broken",
            format!("{invalid} of {rows} rows break the contract: {}", list.join("; ")),
        )
        .help("mend the data or the contract, or write `invalid: quarantine` to set such rows apart"));
    }
    let fate = if params.invalid == Invalid::Drop { "left out" } else { "quarantined" };
    for (what, count, first) in counts {
        let message = format!("{what}: {count} rows {fate}, first at row {first}");
        context.warn(Warning::new("contract-broken", message).number("rows", count as f64));
    }
    Ok(())
}
