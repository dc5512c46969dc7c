//! A row-local query compiled once: what it computes for a row, without a session, a plan or a runtime for each.
//!
//! The expressions are those of the very plan that runs the query over a table, so both give the same bits. Filters are
//! left out: they say which rows there are, not what a row becomes.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{
    error::DataFusionError,
    physical_expr::{
        PhysicalExpr,
        expressions::Column,
        utils::{collect_columns, reassign_expr_columns},
    },
    physical_plan::{ExecutionPlan, filter::FilterExec, projection::ProjectionExec},
};
use trainyard_core::Problem;

use super::{
    deep,
    explain::{self, Known},
    parse, plan,
};
use crate::{
    error::DataError,
    table::{batch_of, canonical_piece, canonical_schema, field},
};

/// A row-local query over one table, compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    query: String,
    /// The columns that it reads.
    reads: SchemaRef,
    /// Computed one after the other, each from the columns before.
    levels: Vec<Level>,
    /// The result's columns in canonical types.
    schema: SchemaRef,
}

/// Some columns computed from others.
#[derive(Clone, Debug)]
struct Level {
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    schema: SchemaRef,
}

/// The query as the parser prints it: equal for queries that differ in layout and comments alone.
///
/// # Errors
/// `sql-too-long`, `sql-syntax`, `sql-not-a-query`.
pub fn normalised(query: &str) -> Result<String, Problem> {
    let printed = parse::parse(query)?.to_string();
    // What the parser would not read back is better kept as it was written.
    let again = parse::parse(&printed).map(|statement| statement.to_string());
    Ok(if again.is_ok_and(|again| again == printed) { printed } else { query.to_owned() })
}

impl Compiled {
    /// The query over a table of these columns, called `table` in it; none where it is not row-local, or reads something
    /// beside the table.
    ///
    /// # Errors
    /// As [`super::sql_schema`].
    pub fn new(query: &str, table: &str, schema: &SchemaRef) -> Result<Option<Self>, DataError> {
        let stop = std::sync::atomic::AtomicBool::new(false);
        deep::call(|| compile(query, table, schema).map_err(DataError::from), &stop, &|| false)
    }

    /// The columns that it reads, in no order of meaning.
    #[must_use]
    pub const fn reads(&self) -> &SchemaRef {
        &self.reads
    }

    /// The result's columns in canonical types.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The same for these columns of the result alone, in that order: it reads no more than they need.
    ///
    /// # Errors
    /// `unknown-column`.
    pub fn only(&self, outputs: &[String]) -> Result<Self, DataError> {
        let known = || self.schema.fields().iter().map(|field| field.name().as_str());
        if let Some(missing) = outputs.iter().find(|name| self.schema.index_of(name).is_err()) {
            return Err(DataError::unknown_column(missing, known()));
        }
        let mut wanted: Vec<String> = outputs.to_vec();
        let mut levels = Vec::with_capacity(self.levels.len());
        for level in self.levels.iter().rev() {
            let places = wanted.iter().map(|name| level.schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
            let exprs: Vec<Arc<dyn PhysicalExpr>> =
                places.iter().map(|place| Arc::clone(&level.exprs[*place])).collect();
            let read: BTreeSet<(usize, String)> = exprs
                .iter()
                .flat_map(collect_columns)
                .map(|column| (column.index(), column.name().to_owned()))
                .collect();
            wanted = read.into_iter().map(|(_, name)| name).collect();
            levels.push(Level { exprs, schema: Arc::new(level.schema.project(&places)?) });
        }
        levels.reverse();
        let reads = pick(&self.reads, &wanted)?;
        let mut below = Arc::clone(&reads);
        for level in &mut levels {
            for expr in &mut level.exprs {
                *expr = reassign_expr_columns(Arc::clone(expr), &below).map_err(|error| self.problem(&error))?;
            }
            below = Arc::clone(&level.schema);
        }
        Ok(Self { query: self.query.clone(), reads, levels, schema: pick(&self.schema, outputs)? })
    }

    /// The column of the table that a column of the result is, be it under another name; none where it is computed.
    #[must_use]
    pub fn origin(&self, output: &str) -> Option<String> {
        let mut name = output.to_owned();
        for level in self.levels.iter().rev() {
            let place = level.schema.index_of(&name).ok()?;
            name = level.exprs[place].downcast_ref::<Column>()?.name().to_owned();
        }
        self.reads.index_of(&name).ok().map(|_| name)
    }

    /// The columns that something is computed from, rather than handed on as they are.
    #[must_use]
    pub fn computed_from(&self) -> BTreeSet<String> {
        // Where each column of a level comes from, as long as it was only handed on.
        let mut plain: HashMap<String, String> =
            self.reads.fields().iter().map(|field| (field.name().clone(), field.name().clone())).collect();
        let mut used = BTreeSet::new();
        for level in &self.levels {
            let mut next = HashMap::new();
            for (expr, field) in level.exprs.iter().zip(level.schema.fields()) {
                match expr.downcast_ref::<Column>() {
                    Some(column) => {
                        next.extend(plain.get(column.name()).map(|origin| (field.name().clone(), origin.clone())));
                    }
                    None => {
                        used.extend(
                            collect_columns(expr).iter().filter_map(|column| plain.get(column.name()).cloned()),
                        );
                    }
                }
            }
            plain = next;
        }
        used
    }

    /// What the query makes of these rows, one for each. The columns it reads are found by name and must have their
    /// types, but for a column that is only handed on, which may have any.
    ///
    /// # Errors
    /// `unknown-column`; `sql-failed` when a value cannot be computed, such as a division by zero.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, DataError> {
        let rows = batch.num_rows();
        let names = || batch.schema_ref().fields().iter().map(|field| field.name().as_str());
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.reads.fields().len());
        for field in self.reads.fields() {
            let array = batch.column_by_name(field.name());
            arrays.push(Arc::clone(array.ok_or_else(|| DataError::unknown_column(field.name(), names()))?));
        }
        let mut below = typed_batch(&self.reads, arrays, rows)?;
        for level in &self.levels {
            let computed = level.exprs.iter().map(|expr| expr.evaluate(&below)?.into_array(rows));
            let arrays = computed.collect::<Result<_, DataFusionError>>().map_err(|error| self.problem(&error))?;
            below = typed_batch(&level.schema, arrays, rows)?;
        }
        let pairs = self.schema.fields().iter().zip(below.columns());
        let arrays = pairs.map(|(field, array)| canonical_piece(field.name(), array)).collect::<Result<_, _>>()?;
        typed_batch(&self.schema, arrays, rows)
    }

    fn problem(&self, error: &DataFusionError) -> DataError {
        explain::problem(error, &self.query, &Known::default()).into()
    }
}

/// These columns of a schema, in that order.
fn pick(schema: &SchemaRef, names: &[String]) -> Result<SchemaRef, DataError> {
    let places = names.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(schema.project(&places)?))
}

/// A batch of these columns, whose types may differ from those expected.
fn typed_batch(expected: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, DataError> {
    let as_expected =
        expected.fields().iter().zip(&arrays).all(|(field, array)| field.data_type() == array.data_type());
    if as_expected {
        return batch_of(expected, arrays, rows);
    }
    let pairs = expected.fields().iter().zip(&arrays);
    let fields: Vec<Field> = pairs.map(|(old, array)| field(old.name(), DataType::clone(array.data_type()))).collect();
    batch_of(&Arc::new(Schema::new(fields)), arrays, rows)
}

fn compile(query: &str, table: &str, schema: &SchemaRef) -> Result<Option<Compiled>, Problem> {
    let statement = parse::parse(query)?;
    let planned = plan::plan(query, statement, vec![(table.to_owned(), Arc::clone(schema), vec![vec![]])])?;
    if !planned.row_local {
        return Ok(None);
    }
    let physical = super::run::block_on(planned.session.state().create_physical_plan(&planned.plan))
        .map_err(|error| Problem::error("io", error.to_string()))?
        .map_err(|error| plan::invalid(&error, query, &planned.known))?;
    let mut levels = Vec::new();
    let Some(reads) = descend(&physical, &mut levels) else { return Ok(None) };
    // What a filter alone reads is read no more.
    let schema = Arc::new(canonical_schema(&physical.schema()));
    let whole = Compiled { query: query.to_owned(), reads, levels, schema };
    let outputs: Vec<String> = whole.schema.fields().iter().map(|field| field.name().clone()).collect();
    whole.only(&outputs).map(Some).map_err(Problem::from)
}

/// The levels of a plan, the lowest first, and the columns read; none where it does more than to compute row by row.
fn descend(plan: &Arc<dyn ExecutionPlan>, levels: &mut Vec<Level>) -> Option<SchemaRef> {
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let reads = descend(projection.input(), levels)?;
        let exprs = projection.expr().iter().map(|column| Arc::clone(&column.expr)).collect();
        levels.push(Level { exprs, schema: plain(&plan.schema()) });
        return Some(reads);
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let reads = descend(filter.input(), levels)?;
        if let Some(places) = filter.projection() {
            let below = filter.input().schema();
            let column =
                |place: &usize| Arc::new(Column::new(below.field(*place).name(), *place)) as Arc<dyn PhysicalExpr>;
            levels.push(Level { exprs: places.iter().map(column).collect(), schema: plain(&plan.schema()) });
        }
        return Some(reads);
    }
    match (plan.name(), plan.children().as_slice()) {
        ("DataSourceExec", []) => Some(plain(&plan.schema())),
        ("CooperativeExec" | "CoalesceBatchesExec" | "RepartitionExec" | "CoalescePartitionsExec", [only]) => {
            descend(only, levels)
        }
        _ => None,
    }
}

/// The columns of a schema, nullable and without metadata, as those of every table.
fn plain(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema.fields().iter().map(|old| field(old.name(), old.data_type().clone())).collect();
    Arc::new(Schema::new(fields))
}
