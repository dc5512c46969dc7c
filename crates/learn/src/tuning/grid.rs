//! Grid search: every combination of a few values of each parameter, in an order drawn once, so that a grid cut short by
//! the number of trials is a fair sample of the whole.

use rand::RngExt;

use super::{
    Purpose,
    random::{back, bounds, on_scale},
    space::{Point, Range, Space},
    stream,
};

/// Most combinations of a grid whose order is drawn; beyond that, a grid is no plan.
pub(super) const MOST: usize = 1_000_000;

/// Number of combinations; none above [`MOST`].
pub(super) fn size(space: &Space) -> Option<usize> {
    space
        .dimensions
        .iter()
        .try_fold(1_usize, |size, (_, range)| size.checked_mul(values(range).len()).filter(|size| *size <= MOST))
}

/// The combination of a trial; none when all have been tried.
pub(super) fn point(space: &Space, seed: u64, number: u32) -> Option<Point> {
    let size = size(space)?;
    let number = number as usize;
    if number >= size {
        return None;
    }
    // The first places of a shuffle (Fisher and Yates) of all combinations.
    let mut rng = stream(seed, Purpose::Grid);
    let mut order: Vec<u32> = (0..size as u32).collect();
    for at in 0..=number {
        let other = at + (((u128::from(rng.random::<u64>())) * (size - at) as u128) >> 64) as usize;
        order.swap(at, other);
    }
    let mut left = order[number] as usize;
    let mut point = Vec::with_capacity(space.dimensions.len());
    for (_, range) in &space.dimensions {
        let values = values(range);
        point.push(values[left % values.len()]);
        left /= values.len();
    }
    Some(point)
}

/// The values a grid takes of a range, each once.
fn values(range: &Range) -> Vec<f64> {
    match range {
        Range::Choice(choices) => (0..choices.len()).map(|at| at as f64).collect(),
        Range::Number { low, high, whole, points, .. } => {
            if *whole && high - low < f64::from(*points) {
                return (0..=(high - low) as u32).map(|step| low + f64::from(step)).collect();
            }
            let (from, to) = if *whole { (on_scale(range, *low), on_scale(range, *high)) } else { bounds(range) };
            let place = |step: u32| from + (to - from) * f64::from(step) / f64::from(points - 1);
            let mut all: Vec<f64> = (0..*points).map(|step| back(range, place(step))).collect();
            // The way to the scale and back rounds.
            (all[0], all[*points as usize - 1]) = (*low, *high);
            // Whole numbers that are near each other may fall together.
            all.dedup();
            all
        }
    }
}
