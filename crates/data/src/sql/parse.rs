//! Query text → one reading query whose columns have readable names.

use std::ops::ControlFlow;

use datafusion::{
    error::DataFusionError,
    sql::{
        parser::{DFParserBuilder, Statement},
        sqlparser::{
            ast::{Expr, Ident, Query, Select, SelectItem, SetExpr, Statement as Sql, TableFactor, Visit, Visitor},
            dialect::GenericDialect,
        },
    },
};
use trainyard_core::Problem;

use super::explain;

/// Longest query text in bytes: beyond it, planning takes longer than anyone would wait.
const LONGEST: usize = 128 << 10;
/// How deep parentheses may nest.
const NESTING: usize = 50;
/// Longest chain of operators such as `a + b + c`: planning time grows with its square, 0.3 s at this length.
const LONGEST_CHAIN: usize = 500;

/// The query, checked to read and not to write.
///
/// # Errors
/// `sql-too-long`, `sql-syntax`, `sql-not-a-query`.
pub(super) fn parse(query: &str) -> Result<Statement, Problem> {
    if query.len() > LONGEST {
        return Err(Problem::error(
            "sql-too-long",
            format!("the query has {} bytes, expected at most {LONGEST}", query.len()),
        ));
    }
    let mut statements = DFParserBuilder::new(query)
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(NESTING)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error: DataFusionError| explain::problem(&error, query, &explain::Known::default()))?;
    if statements.len() > 1 {
        return Err(not_a_query(&format!("expected one query, found {} statements", statements.len())));
    }
    match statements.pop_front() {
        None => Err(not_a_query("the query is empty")),
        Some(Statement::Statement(statement)) => match *statement {
            Sql::Query(mut query) if reads(&query) => {
                if query.visit(&mut Chain { length: 0 }).is_break() {
                    let message = format!("a chain of more than {LONGEST_CHAIN} operators in the query");
                    return Err(Problem::error("sql-too-long", message)
                        .help("write many alternatives as `x IN (…)`, and compute in stages with `WITH name AS (…)`"));
                }
                name_columns(&mut query);
                Ok(Statement::Statement(Box::new(Sql::Query(query))))
            }
            other => Err(not_a_query(&format!("expected `SELECT` or `WITH`, found `{}`", first_word(&other)))),
        },
        Some(other) => Err(not_a_query(&format!("expected `SELECT` or `WITH`, found `{}`", first_word(&other)))),
    }
}

/// Measures how deep expressions nest.
struct Chain {
    length: usize,
}

impl Visitor for Chain {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.length += 1;
        if self.length > LONGEST_CHAIN { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.length -= 1;
        ControlFlow::Continue(())
    }
}

fn not_a_query(message: &str) -> Problem {
    Problem::error("sql-not-a-query", message)
        .help("a query only reads: one `SELECT …`, with `WITH name AS (…)` before it if need be")
}

fn first_word(statement: &impl std::fmt::Display) -> String {
    statement.to_string().split_whitespace().next().unwrap_or_default().to_uppercase()
}

/// True when nothing in the query writes.
fn reads(query: &Query) -> bool {
    let with = query.with.iter().flat_map(|with| &with.cte_tables);
    with.into_iter().all(|named| reads(&named.query)) && set_reads(&query.body)
}

fn set_reads(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.into.is_none(),
        SetExpr::Query(query) => reads(query),
        SetExpr::SetOperation { left, right, .. } => set_reads(left) && set_reads(right),
        SetExpr::Values(_) | SetExpr::Table(_) => true,
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => false,
    }
}

/// Names each computed column without an alias by its text as written: `AT * 2`, where the engine would say
/// `t.AT * Int64(2)`.
fn name_columns(query: &mut Query) {
    for named in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
        name_columns(&mut named.query);
    }
    name_set(&mut query.body);
}

fn name_set(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => name_select(select),
        SetExpr::Query(query) => name_columns(query),
        SetExpr::SetOperation { left, right, .. } => {
            name_set(left);
            name_set(right);
        }
        _ => {}
    }
}

fn name_select(select: &mut Select) {
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = item
            && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        {
            let alias = Ident::with_quote('"', expr.to_string());
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
    for table in &mut select.from {
        let joined = table.joins.iter_mut().map(|join| &mut join.relation);
        for relation in std::iter::once(&mut table.relation).chain(joined) {
            if let TableFactor::Derived { subquery, .. } = relation {
                name_columns(subquery);
            }
        }
    }
}
