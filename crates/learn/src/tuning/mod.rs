//! The search over hyperparameters: which point of a space to try next, and which trials to give up early.
//!
//! Everything here is a pure function of the space, the seed and the trials so far, so that a search that was broken
//! off goes on as if it had not been, and comes out the same at any number of threads.

mod grid;
mod parzen;
mod pruner;
mod random;
mod sampler;
mod space;
mod tpe;

#[cfg(test)]
mod tests;

pub use pruner::{Curve, Pruner, prune};
pub use sampler::{Outcome, Past, Sampler, proposals, propose};
pub use space::{Dimension, Point, Range, Scale, Space, ValueType, edge};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// What a stream of random numbers is for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// The point of a trial.
    Trial(u32),
    /// The order of a grid.
    Grid,
    /// The bracket of a trial.
    Bracket(u32),
}

fn stream(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let (kind, number) = match purpose {
        Purpose::Trial(number) => (1_u64, number),
        Purpose::Grid => (2, 0),
        Purpose::Bracket(number) => (3, number),
    };
    let mut key = [0_u8; 32];
    // Apart from the streams that estimators draw under the same seed.
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, kind, u64::from(number), 0x7475_6e69_6e67]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Calls `work` with each number below `count`, side by side on at most `threads` threads; the results come in order.
pub fn side_by_side<T: Send>(threads: usize, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if threads < 2 || count < 2 {
        return (0..count).map(work).collect();
    }
    crate::chunks::on(threads, || (0..count).into_par_iter().with_max_len(1).map(&work).collect())
}
