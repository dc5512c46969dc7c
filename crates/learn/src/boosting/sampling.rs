//! Random choices: which rows a tree sees, which columns a tree or a node may split on. Every choice has a stream of
//! its own, so that it does not depend on who makes it or when.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Rows of an iteration: iteration and chunk.
    Rows(usize, usize),
    /// Columns of a tree and its nodes: number of the tree.
    Columns(usize),
}

/// The generator for `purpose` under `seed`.
pub(crate) fn stream(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let (kind, a, b) = match purpose {
        Purpose::Rows(iteration, chunk) => (1_u64, iteration as u64, chunk as u64),
        Purpose::Columns(tree) => (2, tree as u64, 0),
    };
    let mut key = [0_u8; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, kind, a, b]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// How many of `count` a share of `fraction` is, at least one of any.
pub(crate) fn share(count: usize, fraction: f64) -> usize {
    ((count as f64 * fraction).round() as usize).clamp(usize::from(count > 0), count)
}

/// `wanted` of `pool`, each as likely as another, in ascending order of their places in `pool`.
pub(crate) fn choose(pool: &[usize], wanted: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    if wanted >= pool.len() {
        return pool.to_vec();
    }
    let mut places: Vec<usize> = (0..pool.len()).collect();
    for i in 0..wanted {
        let j = i + below(rng, pool.len() - i);
        places.swap(i, j);
    }
    places.truncate(wanted);
    places.sort_unstable();
    places.into_iter().map(|place| pool[place]).collect()
}

/// A whole number below `count`, which is at least one and below 2^32; the same on every machine.
pub(crate) fn below(rng: &mut ChaCha8Rng, count: usize) -> usize {
    // multiply and shift: its bias of at most count / 2^64 is out of sight
    ((u128::from(rng.random::<u64>()) * count as u128) >> 64) as usize
}

/// Marks each of `rows` with probability `fraction`.
pub(crate) fn mark(rows: &mut [bool], fraction: f64, rng: &mut ChaCha8Rng) {
    let limit = (fraction * 4_294_967_296.0) as u64;
    for row in rows {
        *row = u64::from(rng.random::<u32>()) < limit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_and_purpose_and_repeat() {
        let draw = |seed, purpose| stream(seed, purpose).random::<u64>();
        assert_eq!(draw(1, Purpose::Rows(0, 1)), draw(1, Purpose::Rows(0, 1)));
        let draws = [
            draw(1, Purpose::Rows(0, 1)),
            draw(1, Purpose::Rows(1, 0)),
            draw(2, Purpose::Rows(0, 1)),
            draw(1, Purpose::Columns(0)),
        ];
        assert_eq!(draws.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }

    #[test]
    fn choices_are_distinct_ordered_and_even() {
        let pool = [10, 11, 12, 13, 14];
        let mut rng = stream(3, Purpose::Columns(0));
        let mut seen = [0_usize; 5];
        for _ in 0..5000 {
            let chosen = choose(&pool, 2, &mut rng);
            assert!(chosen.len() == 2 && chosen[0] < chosen[1]);
            for one in chosen {
                seen[one - 10] += 1;
            }
        }
        assert!(seen.iter().all(|&count| (1850..2150).contains(&count)), "{seen:?}");
        assert_eq!(choose(&pool, 9, &mut rng), pool);
    }

    #[test]
    fn marks_about_the_share_asked_for() {
        let mut rows = vec![false; 20_000];
        mark(&mut rows, 0.3, &mut stream(5, Purpose::Rows(0, 0)));
        let marked = rows.iter().filter(|&&row| row).count();
        assert!((5800..6200).contains(&marked), "{marked}");
        mark(&mut rows, 1.0, &mut stream(5, Purpose::Rows(0, 0)));
        assert!(rows.iter().all(|&row| row));
        assert_eq!((share(10, 0.01), share(10, 0.55), share(0, 0.5), share(4, 1.0)), (1, 6, 0, 4));
    }
}
