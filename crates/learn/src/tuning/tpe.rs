//! The tree-structured Parzen estimator (Bergstra et al. 2011) over all parameters together, with the rules of Optuna 5:
//! the best tenth of the trials (25 at most) against the others, each set a mixture with one kernel a trial and a wide
//! one over the whole range, and of 24 points drawn from the good mixture the one most likelier there than in the other.

use rand_chacha::ChaCha8Rng;

use super::{
    parzen::Parzen,
    random,
    sampler::{Outcome, Past},
    space::{Point, Space},
};

/// Trials by chance before the estimator has enough to learn from.
const STARTUP: usize = 10;
/// Points drawn from the good mixture.
const CANDIDATES: usize = 24;
/// Most trials that count as good.
const MOST_GOOD: usize = 25;

/// The next point.
pub(super) fn propose(space: &Space, past: &[Past], rng: &mut ChaCha8Rng) -> Point {
    let known = past.iter().filter(|trial| matches!(trial.outcome, Outcome::Complete(_) | Outcome::Pruned(..))).count();
    if known < STARTUP {
        return random::draw(space, rng);
    }
    let (good, bad) = split(past, known);
    let (good, bad) = (Parzen::of(space, &good), Parzen::of(space, &bad));
    let mut best: Option<(f64, Point)> = None;
    for _ in 0..CANDIDATES {
        let point = good.draw(rng);
        let score = good.log_density(&point) - bad.log_density(&point);
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, point));
        }
    }
    best.map_or_else(|| random::draw(space, rng), |(_, point)| point)
}

/// The points of the good trials and of the others, each in the order of trials. A trial under way counts as not good,
/// so that a batch does not try one place many times over.
fn split(past: &[Past], known: usize) -> (Vec<&[f64]>, Vec<&[f64]>) {
    let wanted = known.div_ceil(10).min(MOST_GOOD);
    let mut order: Vec<usize> = (0..past.len()).filter(|&at| rank(&past[at].outcome).is_some()).collect();
    // Stable: of equals the earlier trial goes first.
    order.sort_by(|&a, &b| {
        let (a, b) = (rank(&past[a].outcome), rank(&past[b].outcome));
        a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut good = vec![false; past.len()];
    order.iter().take(wanted).for_each(|&at| good[at] = true);
    let of = |wanted: bool| {
        let all = past.iter().zip(&good).filter(|(trial, _)| trial.outcome != Outcome::Failed);
        all.filter(|(_, good)| **good == wanted).map(|(trial, _)| trial.point.as_slice()).collect()
    };
    (of(true), of(false))
}

/// What trials are ordered by: complete before pruned, then the pruned that came further, then the loss.
fn rank(outcome: &Outcome) -> Option<(u8, i64, f64)> {
    match *outcome {
        Outcome::Complete(loss) => Some((0, 0, if loss.is_nan() { f64::INFINITY } else { loss })),
        Outcome::Pruned(steps, loss) => Some((1, -i64::from(steps), if loss.is_nan() { f64::INFINITY } else { loss })),
        Outcome::Running | Outcome::Failed => None,
    }
}
