//! A checked query → a plan, and what can be told from it: the result's columns, and whether it is row-local.

use std::sync::Arc;

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit},
};
use datafusion::{
    catalog::MemTable,
    common::{
        TableReference,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    error::DataFusionError,
    execution::{
        SessionState,
        context::{SQLOptions, SessionConfig, SessionContext},
    },
    logical_expr::{Expr, LogicalPlan, Signature, Volatility},
    sql::parser::Statement,
};
use trainyard_core::{ColumnType, Problem, Schema};

use super::{
    SqlOutline,
    explain::{self, Known},
    parse,
};
use crate::table::Table;

/// Rows in a batch. Float sums are taken batch by batch, so it is part of what a query means.
pub(super) const BATCH: usize = 8192;

/// A table as the engine reads it: its name, columns, and batches by partition.
pub(super) type Source = (String, SchemaRef, Vec<Vec<RecordBatch>>);

/// A planned query.
pub(super) struct Planned {
    /// The session it was planned in.
    pub(super) session: SessionContext,
    /// The plan.
    pub(super) plan: LogicalPlan,
    /// See [`SqlOutline::row_local`].
    pub(super) row_local: bool,
    /// The names that were there to be used.
    pub(super) known: Known,
}

/// What is known of the query's result.
///
/// # Errors
/// As [`super::sql_schema`].
pub(super) fn outline(query: &str, tables: &[(String, Schema)]) -> Result<SqlOutline, Problem> {
    let statement = parse::parse(query)?;
    let sources = tables.iter().map(|(name, schema)| (name.clone(), arrow_schema(schema), vec![vec![]])).collect();
    let planned = plan(query, statement, sources)?;
    // The optimizer and the physical planner find the mistakes of type that the first pass lets by.
    let physical = super::run::block_on(planned.session.state().create_physical_plan(&planned.plan))
        .map_err(|error| Problem::error("io", error.to_string()))?;
    let physical = physical.map_err(|error| invalid(&error, query, &planned.known))?;
    let empty = Table::new(physical.schema(), Vec::new()).map_err(Problem::from)?;
    Ok(SqlOutline { schema: empty.schema(), row_local: planned.row_local })
}

/// A problem found while planning is a mistake of the query, whatever the engine calls it.
pub(super) fn invalid(error: &DataFusionError, query: &str, known: &Known) -> Problem {
    let mut problem = explain::problem(error, query, known);
    if problem.code == "sql-failed" {
        "sql-invalid".clone_into(&mut problem.code);
    }
    problem
}

/// The plan of a query over these tables.
///
/// # Errors
/// As [`super::sql_schema`].
pub(super) fn plan(query: &str, statement: Statement, sources: Vec<Source>) -> Result<Planned, Problem> {
    let session = SessionContext::new_with_config(config());
    let columns = sources.iter().flat_map(|(_, schema, _)| schema.fields()).map(|field| field.name().clone()).collect();
    let known = Known { columns, functions: functions(&session.state()) };
    let names: Vec<String> = sources.iter().map(|(name, _, _)| name.clone()).collect();
    for (name, schema, partitions) in sources {
        MemTable::try_new(schema, partitions)
            .and_then(|table| session.register_table(TableReference::bare(name), Arc::new(table)))
            .map_err(|error| invalid(&error, query, &known))?;
    }
    let state = session.state();
    let references = state.resolve_table_references(&statement).map_err(|error| invalid(&error, query, &known))?;
    for reference in references {
        let name = reference.to_string();
        let is_table =
            matches!(&reference, TableReference::Bare { table } if names.iter().any(|name| **name == **table));
        if !is_table && !state.table_functions().contains_key(&name) {
            return Err(Problem::unknown("unknown-table", "table", &name, names.iter().map(String::as_str)));
        }
    }
    let plan = super::run::block_on(state.statement_to_plan(statement))
        .map_err(|error| Problem::error("io", error.to_string()))?
        .map_err(|error| invalid(&error, query, &known))?;
    let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    read_only.verify_plan(&plan).map_err(|error| Problem::error("sql-not-a-query", error.strip_backtrace()))?;
    distinct_names(&plan)?;
    deterministic(&plan)?;
    let row_local = row_local(&plan);
    Ok(Planned { session, plan, row_local, known })
}

/// The functions a query may call.
fn functions(state: &SessionState) -> Vec<String> {
    let scalar = state.scalar_functions().iter().map(|(name, function)| (name, function.signature()));
    let aggregate = state.aggregate_functions().iter().map(|(name, function)| (name, function.signature()));
    let window = state.window_functions().iter().map(|(name, function)| (name, function.signature()));
    let all = scalar.chain(aggregate).chain(window);
    all.filter(|(_, signature)| signature.volatility == Volatility::Immutable).map(|(name, _)| name.clone()).collect()
}

fn config() -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_batch_size(BATCH)
        .with_information_schema(false)
        .with_round_robin_repartition(false);
    let parser = &mut config.options_mut().sql_parser;
    parser.enable_ident_normalization = false;
    parser.map_string_types_to_utf8view = false;
    parser.collect_spans = true;
    config
}

/// The Arrow schema of a table that exists only as a plan.
fn arrow_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema
        .columns
        .iter()
        .map(|column| {
            let data_type = match column.column_type {
                ColumnType::Boolean => DataType::Boolean,
                ColumnType::Integer => DataType::Int64,
                ColumnType::Float => DataType::Float64,
                ColumnType::Text => DataType::Utf8,
                ColumnType::Date => DataType::Date32,
                ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
                ColumnType::Other => DataType::Binary,
            };
            Field::new(&column.name, data_type, true)
        })
        .collect();
    Arc::new(ArrowSchema::new(fields))
}

fn distinct_names(plan: &LogicalPlan) -> Result<(), Problem> {
    let mut seen = std::collections::BTreeSet::new();
    match plan.schema().fields().iter().find(|field| !seen.insert(field.name())) {
        Some(field) => Err(explain::duplicate(field.name())),
        None => Ok(()),
    }
}

/// Refuses functions whose result depends on more than their arguments: a cached result would be wrong.
fn deterministic(plan: &LogicalPlan) -> Result<(), Problem> {
    let mut found: Option<String> = None;
    let mut look = |expr: &Expr| {
        let called: Option<(&str, &Signature)> = match expr {
            Expr::ScalarFunction(call) => Some((call.func.name(), call.func.signature())),
            Expr::AggregateFunction(call) => Some((call.func.name(), call.func.signature())),
            _ => None,
        };
        if let Some((name, signature)) = called
            && signature.volatility != Volatility::Immutable
        {
            found = Some(name.to_owned());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    };
    plan.apply_with_subqueries(|node| node.apply_expressions(|expr| expr.apply(&mut look)))
        .map_err(|error| Problem::error("sql-invalid", error.strip_backtrace()))?;
    match found {
        None => Ok(()),
        Some(name) => Err(Problem::error(
            "sql-not-deterministic",
            format!(
                "`{name}()` gives another result each time, so the query's result could not be reproduced or cached"
            ),
        )
        .help("take the value from a column or a parameter")),
    }
}

/// See [`SqlOutline::row_local`].
fn row_local(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(node) => node.expr.iter().all(is_local) && row_local(&node.input),
        LogicalPlan::Filter(node) => is_local(&node.predicate) && row_local(&node.input),
        LogicalPlan::SubqueryAlias(node) => row_local(&node.input),
        LogicalPlan::TableScan(node) => node.fetch.is_none(),
        _ => false,
    }
}

fn is_local(expr: &Expr) -> bool {
    let far = expr.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::GroupingSet(_)
                | Expr::Unnest(_)
        ))
    });
    matches!(far, Ok(false))
}
