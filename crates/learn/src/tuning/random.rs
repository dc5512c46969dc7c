//! Random search: each parameter drawn by itself, evenly over its range on its scale.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::space::{Point, Range, Space};

/// A point drawn evenly.
pub(super) fn draw(space: &Space, rng: &mut ChaCha8Rng) -> Point {
    space.dimensions.iter().map(|(_, range)| draw_one(range, rng)).collect()
}

fn draw_one(range: &Range, rng: &mut ChaCha8Rng) -> f64 {
    let share: f64 = rng.random();
    match range {
        Range::Choice(choices) => ((share * choices.len() as f64) as usize).min(choices.len() - 1) as f64,
        Range::Number { low, high, .. } => {
            let (from, to) = bounds(range);
            back(range, from + share * (to - from)).clamp(*low, *high)
        }
    }
}

/// The ends of a range on its scale; half a step wider for whole numbers, so that the last ones are as likely as others.
pub(super) fn bounds(range: &Range) -> (f64, f64) {
    match *range {
        Range::Choice(_) => (0.0, 0.0),
        Range::Number { low, high, log, whole, .. } => {
            let half = if whole { 0.5 } else { 0.0 };
            if log { ((low - half).ln(), (high + half).ln()) } else { (low - half, high + half) }
        }
    }
}

/// A number on its range's scale.
pub(super) fn on_scale(range: &Range, at: f64) -> f64 {
    if matches!(range, Range::Number { log: true, .. }) { at.ln() } else { at }
}

/// The number in the range at a place on its scale.
pub(super) fn back(range: &Range, place: f64) -> f64 {
    let Range::Number { low, high, log, whole, .. } = *range else { return place };
    let value = if log { place.exp() } else { place };
    let value = if whole { value.round() } else { value };
    value.clamp(low, high)
}
