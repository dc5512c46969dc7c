//! Runs a planned query: in one piece, or a row-local one in as many as there are threads.

use std::{
    future::{Future, poll_fn},
    io,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
};

use arrow::{array::RecordBatch, compute::concat_batches};
use datafusion::{
    common::tree_node::{Transformed, TreeNode},
    execution::TaskContext,
    physical_plan::{ExecutionPlan, ExecutionPlanProperties, coop::CooperativeExec},
};

use super::{
    deep, explain, parse,
    plan::{self, BATCH, Source},
};
use crate::{error::DataError, table::Table};

/// Fewest rows worth a thread of their own.
const WORTH_A_THREAD: usize = 4 * BATCH;

/// The result of a query.
///
/// # Errors
/// As [`super::sql`].
pub(super) fn run(
    query: &str,
    tables: &[(String, Arc<Table>)],
    threads: usize,
    stop: &AtomicBool,
) -> Result<Table, DataError> {
    let statement = parse::parse(query)?;
    let empty = tables.iter().map(|(name, table)| (name.clone(), Arc::clone(table.arrow_schema()), vec![vec![]]));
    let row_local = plan::plan(query, statement.clone(), empty.collect())?.row_local;
    let pieces = if row_local { threads.max(1) } else { 1 };
    let sources = tables.iter().map(|(name, table)| source(name, table, pieces)).collect::<Result<Vec<_>, _>>()?;
    let planned = plan::plan(query, statement, sources)?;
    let failed = |error: &_| DataError::from(explain::problem(error, query, &planned.known));
    let state = planned.session.state();
    let physical = block_on(state.create_physical_plan(&planned.plan))
        .map_err(|error| DataError::new("io", error.to_string()))?
        .map_err(|error| plan::invalid(&error, query, &planned.known))?;
    let physical = yielding(physical).map_err(|error| failed(&error))?;
    let context = planned.session.task_ctx();
    let count = physical.output_partitioning().partition_count();
    let threads = if row_local { threads.clamp(1, count.max(1)) } else { 1 };
    let batches = in_order(count, threads, |partition| {
        let outcome = block_on(collect(&physical, partition, &context, stop))
            .map_err(|error| DataError::new("io", error.to_string()))?;
        match outcome {
            _ if stop.load(Ordering::Relaxed) => Err(DataError::cancelled()),
            Ok(batches) => Ok(batches),
            Err(error) => Err(failed(&error)),
        }
    })?;
    Table::new(physical.schema(), batches)
}

/// Runs a future to its end on this thread, with a runtime of its own.
///
/// # Errors
/// When the system has no runtime to give.
pub(super) fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?.block_on(future))
}

/// The plan with every operator handing control back every so many batches. The engine asks that of its leaves alone,
/// so that a join of small tables with a huge result could not be cancelled.
fn yielding(plan: Arc<dyn ExecutionPlan>) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
    let yielding = plan.transform_up(|node| {
        let yields = node.name() == "CooperativeExec";
        Ok(if yields { Transformed::no(node) } else { Transformed::yes(Arc::new(CooperativeExec::new(node))) })
    })?;
    Ok(yielding.data)
}

/// The batches of one partition; gives up when `stop` is raised, which is looked at whenever the plan yields.
async fn collect(
    physical: &Arc<dyn ExecutionPlan>,
    partition: usize,
    context: &Arc<TaskContext>,
    stop: &AtomicBool,
) -> datafusion::error::Result<Vec<RecordBatch>> {
    let mut stream = physical.execute(partition, Arc::clone(context))?;
    let mut batches = Vec::new();
    while let Some(batch) =
        poll_fn(|task| if stop.load(Ordering::Relaxed) { Poll::Ready(None) } else { stream.as_mut().poll_next(task) })
            .await
    {
        batches.push(batch?);
    }
    Ok(batches)
}

/// The batches of all partitions one after the other, each partition's made by one of `threads` threads.
fn in_order(
    count: usize,
    threads: usize,
    make: impl Fn(usize) -> Result<Vec<RecordBatch>, DataError> + Sync,
) -> Result<Vec<RecordBatch>, DataError> {
    if threads <= 1 {
        let made = (0..count).map(make).collect::<Result<Vec<_>, _>>()?;
        return Ok(made.into_iter().flatten().collect());
    }
    let next = AtomicUsize::new(0);
    let mut made = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                deep::spawn(scope, || {
                    let mine = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                    mine.take_while(|partition| *partition < count)
                        .map(|partition| (partition, make(partition)))
                        .collect::<Vec<_>>()
                })
            })
            .collect::<Result<_, _>>()?;
        let joined = workers.into_iter().map(|worker| worker.join().map_err(|_| deep::panicked()));
        Ok::<_, DataError>(joined.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect::<Vec<_>>())
    })?;
    // The first partition's error is reported, whichever thread was faster.
    made.sort_by_key(|(partition, _)| *partition);
    let made = made.into_iter().map(|(_, batches)| batches).collect::<Result<Vec<_>, _>>()?;
    Ok(made.into_iter().flatten().collect())
}

/// A table in batches of [`BATCH`] rows, spread over at most `pieces` partitions in order.
fn source(name: &str, table: &Table, pieces: usize) -> Result<Source, DataError> {
    let batches = even_batches(table)?;
    let pieces = pieces.min(table.row_count() / WORTH_A_THREAD).max(1);
    let partitions = (0..pieces).map(|piece| batches[share(batches.len(), piece, pieces)].to_vec()).collect();
    Ok((name.to_owned(), Arc::clone(table.arrow_schema()), partitions))
}

/// The `piece`th of `pieces` nearly equal ranges of `0..count`.
const fn share(count: usize, piece: usize, pieces: usize) -> Range<usize> {
    count * piece / pieces..count * (piece + 1) / pieces
}

/// The rows in batches of exactly [`BATCH`] rows (the last may be shorter), however the table came to be: float sums
/// must not depend on whether it was read from a file or from the cache.
fn even_batches(table: &Table) -> Result<Vec<RecordBatch>, DataError> {
    let mut even = Vec::with_capacity(table.row_count().div_ceil(BATCH));
    let mut pending: Vec<RecordBatch> = Vec::new();
    let mut waiting = 0;
    for batch in table.batches()? {
        let mut start = 0;
        while start < batch.num_rows() {
            let length = (BATCH - waiting).min(batch.num_rows() - start);
            pending.push(batch.slice(start, length));
            start += length;
            waiting += length;
            if waiting == BATCH {
                even.push(joined(&mut pending)?);
                waiting = 0;
            }
        }
    }
    if waiting > 0 {
        even.push(joined(&mut pending)?);
    }
    Ok(even)
}

fn joined(pending: &mut Vec<RecordBatch>) -> Result<RecordBatch, DataError> {
    let pieces = std::mem::take(pending);
    match pieces.as_slice() {
        [one] => Ok(one.clone()),
        many => Ok(concat_batches(&many[0].schema(), many)?),
    }
}
