//! Calls work on a thread of its own with a deep stack: planning recurses once per operator of the query, and a long
//! chain of `OR`s must not end the process.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use crate::error::DataError;

/// Bytes of address space for the stack; the system backs only what is used.
pub(super) const STACK: usize = 512 << 20;
/// How often the caller is asked whether to stop.
const PATIENCE: Duration = Duration::from_millis(20);

/// The result of `work`, called on a deep stack; `stop` is raised once `cancelled` says so.
///
/// # Errors
/// What `work` returns; `sql-failed` when it panicked; `io` when the thread cannot be started.
pub(super) fn call<T: Send>(
    work: impl FnOnce() -> Result<T, DataError> + Send,
    stop: &AtomicBool,
    cancelled: &dyn Fn() -> bool,
) -> Result<T, DataError> {
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel::<()>();
        let worker = spawn(scope, move || {
            // Dropped at the end of the work, by a panic too: that is what wakes the caller.
            let _done = sender;
            work()
        })?;
        while receiver.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            if cancelled() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        worker.join().unwrap_or_else(|_| Err(panicked()))
    })
}

/// Starts `work` on a thread with a deep stack.
///
/// # Errors
/// `io` when the system has no thread to give.
pub(super) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<thread::ScopedJoinHandle<'scope, T>, DataError> {
    thread::Builder::new()
        .name("sql".to_owned())
        .stack_size(STACK)
        .spawn_scoped(scope, work)
        .map_err(|error| DataError::new("io", format!("no thread for the query: {error}")))
}

/// The error for a panic inside the query engine.
pub(super) fn panicked() -> DataError {
    DataError::new("sql-failed", "the query engine gave up on this query")
        .help("this is a fault of the query engine; writing the query another way may avoid it")
}
