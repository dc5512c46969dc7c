//! SQL over tables: one read-only query, equal results on every machine, people's words for its mistakes.
//!
//! DataFusion plans and runs the query. Row order and float sums depend on how rows reach it, so tables go in as one
//! partition of fixed-size batches; only a row-local query, whose rows know nothing of each other, runs on several
//! threads. Identifiers are as written: `SELECT AT` looks for `AT`.

mod deep;
mod explain;
mod parse;
mod plan;
mod run;
#[cfg(test)]
mod tests;

use std::sync::{Arc, atomic::AtomicBool};

use trainyard_core::{Problem, Schema};

use crate::{error::DataError, table::Table};

/// What is known of a query's result before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlOutline {
    /// The columns of the result, in canonical types.
    pub schema: Schema,
    /// True when every row of the result comes from one row of one table by itself: no aggregate, window, join, sort,
    /// distinct, limit, union or subquery. Such a query cannot leak from one row to another.
    pub row_local: bool,
}

/// Runs one `SELECT` (or `WITH … SELECT`) over the named tables.
///
/// The same query over tables of equal content gives bit-identical results at any thread count. `cancelled` is asked
/// every few milliseconds.
///
/// # Errors
/// As [`sql_schema`]; `sql-failed` when a value cannot be computed, such as a division by zero; `cancelled`.
pub fn sql(query: &str, tables: &[(String, Arc<Table>)], cancelled: &dyn Fn() -> bool) -> Result<Table, DataError> {
    let threads = rayon::current_num_threads();
    let stop = AtomicBool::new(false);
    deep::call(|| run::run(query, tables, threads, &stop), &stop, cancelled)
}

/// Plans a query over tables of these columns without any row, and says what will come out.
///
/// # Errors
/// `sql-syntax` with line and column; `sql-not-a-query` for anything but one reading query; `sql-too-long`;
/// `unknown-table`, `unknown-column`, `unknown-function` with the nearest name; `ambiguous-column`;
/// `duplicate-column` when two columns of the result share a name; `sql-not-deterministic` for `now()`, `random()`
/// and their like; `sql-invalid` for any other mistake, such as adding text to a date.
pub fn sql_schema(query: &str, tables: &[(String, Schema)]) -> Result<SqlOutline, Problem> {
    let stop = AtomicBool::new(false);
    deep::call(|| plan::outline(query, tables).map_err(DataError::from), &stop, &|| false).map_err(Problem::from)
}
