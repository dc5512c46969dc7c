//! SQL over tables: one read-only query, equal results on every machine, people's words for its mistakes.
//!
//! DataFusion plans and runs the query. Row order and float sums depend on how rows reach it, so tables go in as one
//! partition of fixed-size batches; only a row-local query, whose rows know nothing of each other, runs on several
//! threads. Identifiers are as written: `SELECT AT` looks for `AT`.

mod compiled;
mod deep;
mod explain;
mod parse;
mod plan;
mod run;
#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

pub use self::compiled::{Compiled, normalised};
use arrow::array::RecordBatch;
use trainyard_core::{Problem, Schema};

use crate::{
    error::DataError,
    table::{Gather, Table},
};

/// Rows of a table in a file that a row-local query works on at once.
const WINDOW: usize = 1 << 18;

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

/// The same for a step: a row-local query over a table that lies in a file works through it some rows at a time, and a
/// large result of one lies in a file in `folder`. Any other query has all its rows in memory.
///
/// # Errors
/// As [`sql`]; `too-large` when the rows do not fit into memory; `disk-full`.
pub fn sql_into(
    query: &str,
    tables: &[(String, Arc<Table>)],
    folder: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<Table, DataError> {
    let [(name, table)] = tables else { return sql(query, tables, cancelled) };
    let schema = [(name.clone(), table.schema())];
    if !table.is_in_file()
        || table.row_count() <= WINDOW
        || !sql_schema(query, &schema).is_ok_and(|plan| plan.row_local)
    {
        return sql(query, tables, cancelled);
    }
    let mut gather: Option<Gather> = None;
    let (mut scan, mut window, mut rows) = (table.scan(), Vec::new(), 0);
    loop {
        let batch = scan.next().transpose()?;
        let over = batch.is_none();
        rows += batch.as_ref().map_or(0, RecordBatch::num_rows);
        window.extend(batch);
        if rows >= WINDOW || over {
            let part = Table::of_canonical(Arc::clone(table.arrow_schema()), std::mem::take(&mut window));
            rows = 0;
            let part = sql(query, &[(name.clone(), Arc::new(part))], cancelled)?;
            let mut next = match gather.take() {
                // Unsigned numbers are integers or floats, which only all of them tell.
                Some(gather) if gather.schema() != part.arrow_schema() => return sql(query, tables, cancelled),
                Some(gather) => gather,
                None => Gather::new(part.arrow_schema(), folder)?,
            };
            part.scan().try_for_each(|batch| next.push(&batch?))?;
            if over {
                return next.finish();
            }
            gather = Some(next);
        }
    }
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
