//! Work over rows in chunks of a fixed size, so that sums come out the same at any number of threads.

use std::ops::Range;

use rayon::prelude::*;

/// Calls `work` on each run of at most `size` of the rows `0..rows`; the results come in row order, whichever thread
/// made them.
pub(crate) fn map<T: Send>(rows: usize, size: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let chunks = rows.div_ceil(size);
    let range = |chunk: usize| chunk * size..((chunk + 1) * size).min(rows);
    if chunks < 2 || rayon::current_num_threads() < 2 {
        return (0..chunks).map(|chunk| work(range(chunk))).collect();
    }
    (0..chunks).into_par_iter().map(|chunk| work(range(chunk))).collect()
}

/// Runs `work` where [`map`] uses at most `threads` threads.
pub(crate) fn on<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let threads = threads.max(1);
    if rayon::current_thread_index().is_some() && rayon::current_num_threads() == threads {
        return work();
    }
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        // The system has no thread to spare: the pool that is there gives the same result, only at its own pace.
        Err(_) => work(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_row_once_in_order_at_any_number_of_threads() {
        for threads in 1..4 {
            let ranges = super::on(threads, || super::map(10, 4, |range| range));
            assert_eq!(ranges, [0..4, 4..8, 8..10]);
        }
        assert!(super::map(0, 4, |range| range).is_empty());
    }
}
