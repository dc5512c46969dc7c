//! A mixture of kernels over a space: one around each trial, one over the whole.
//!
//! Bandwidths and weights are those of Optuna 5's multivariate estimator: a kernel reaches to the farther of its two
//! neighbours, over at least a hundredth of the range (more while trials are few); the latest 25 trials weigh one each,
//! older ones less the older they are.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use statrs::function::erf::{erf, erfc_inv};

use super::{
    random::{back, bounds, on_scale},
    space::{Point, Range, Space},
};

/// Trials of full weight.
const FRESH: usize = 25;

/// The mixture.
pub(super) struct Parzen<'a> {
    space: &'a Space,
    /// Sum to one.
    weights: Vec<f64>,
    dimensions: Vec<Kernels>,
}

/// The kernels of one dimension, one a component.
enum Kernels {
    /// Normal, cut off at the ends of the range.
    Number {
        low: f64,
        high: f64,
        /// 1 for whole numbers that are not on a log scale, else 0.
        step: f64,
        centres: Vec<f64>,
        widths: Vec<f64>,
    },
    /// The probability of each choice.
    Choice(Vec<Vec<f64>>),
}

impl<'a> Parzen<'a> {
    /// The mixture around `points`, in the order of trials.
    pub(super) fn of(space: &'a Space, points: &[&[f64]]) -> Self {
        let count = points.len();
        let mut weights: Vec<f64> = (0..count).map(|at| weight(at, count)).collect();
        weights.push(1.0);
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let dimensions = space
            .dimensions
            .iter()
            .enumerate()
            .map(|(at, (_, range))| {
                let seen: Vec<f64> = points.iter().map(|point| point[at]).collect();
                Kernels::of(range, &seen)
            })
            .collect();
        Self { space, weights, dimensions }
    }

    /// A point from the mixture.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> Point {
        let mut left: f64 = rng.random();
        let mut component = self.weights.len() - 1;
        for (at, weight) in self.weights.iter().enumerate() {
            if left < *weight {
                component = at;
                break;
            }
            left -= weight;
        }
        let ranges = self.space.dimensions.iter().map(|(_, range)| range);
        self.dimensions.iter().zip(ranges).map(|(kernels, range)| kernels.draw(range, component, rng)).collect()
    }

    /// The logarithm of the mixture's density at a point (probability, for whole numbers and choices).
    pub(super) fn log_density(&self, point: &[f64]) -> f64 {
        let logs: Vec<f64> = (0..self.weights.len())
            .map(|component| {
                let own: f64 = self
                    .dimensions
                    .iter()
                    .zip(&self.space.dimensions)
                    .zip(point)
                    .map(|((kernels, (_, range)), &at)| kernels.log_density(range, component, at))
                    .sum();
                own + self.weights[component].ln()
            })
            .collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if most == f64::NEG_INFINITY {
            return most;
        }
        most + logs.iter().map(|log| (log - most).exp()).sum::<f64>().ln()
    }
}

/// The weight of the trial at place `at` of `count`, from the oldest: a ramp from 1 / count to one, then ones.
fn weight(at: usize, count: usize) -> f64 {
    let old = count.saturating_sub(FRESH);
    if at >= old {
        return 1.0;
    }
    let first = 1.0 / count as f64;
    if old == 1 { first } else { first + (1.0 - first) * at as f64 / (old - 1) as f64 }
}

impl Kernels {
    fn of(range: &Range, seen: &[f64]) -> Self {
        let count = seen.len();
        match range {
            Range::Choice(choices) => {
                let even = 1.0 / choices.len() as f64;
                let floor = 1.0 / (count + 1) as f64;
                let around = |at: f64| {
                    let own = |choice: usize| floor + f64::from(u8::from(choice == at as usize));
                    let sum = floor * choices.len() as f64 + 1.0;
                    (0..choices.len()).map(|choice| own(choice) / sum).collect()
                };
                let mut all: Vec<Vec<f64>> = seen.iter().map(|&at| around(at)).collect();
                all.push(vec![even; choices.len()]);
                Self::Choice(all)
            }
            Range::Number { low, high, log, whole, .. } => {
                let step = if *whole && !log { 1.0 } else { 0.0 };
                // On a log scale whole numbers are taken as stretches of half a step to either side.
                let (low, high) = if *log { bounds(range) } else { (*low, *high) };
                let length = high - low + step;
                let least = length / (count as f64 + 2.0).min(100.0);
                let mut centres: Vec<f64> = seen.iter().map(|&at| on_scale(range, at)).collect();
                let mut widths = reaches(&centres, low - step / 2.0, high + step / 2.0);
                widths.iter_mut().for_each(|width| *width = width.clamp(least, length));
                centres.push(0.5 * (low + high));
                widths.push(length);
                Self::Number { low, high, step, centres, widths }
            }
        }
    }

    fn draw(&self, range: &Range, component: usize, rng: &mut ChaCha8Rng) -> f64 {
        let share: f64 = rng.random();
        match self {
            Self::Choice(all) => {
                let mut left = share;
                let shares = &all[component];
                for (choice, own) in shares.iter().enumerate() {
                    if left < *own {
                        return choice as f64;
                    }
                    left -= own;
                }
                (shares.len() - 1) as f64
            }
            Self::Number { low, high, step, centres, widths } => {
                let (centre, width) = (centres[component], widths[component]);
                let (from, to) = (low - step / 2.0, high + step / 2.0);
                let (below, above) = (normal((from - centre) / width), normal((to - centre) / width));
                let place = centre + width * quantile(below + share * (above - below));
                back(range, place.clamp(from, to))
            }
        }
    }

    fn log_density(&self, range: &Range, component: usize, at: f64) -> f64 {
        match self {
            Self::Choice(all) => all[component].get(at as usize).map_or(f64::NEG_INFINITY, |share| share.ln()),
            Self::Number { low, high, step, centres, widths } => {
                let (centre, width) = (centres[component], widths[component]);
                let within = |from: f64, to: f64| normal((to - centre) / width) - normal((from - centre) / width);
                let at = on_scale(range, at);
                let mass = within(low - step / 2.0, high + step / 2.0);
                if let Range::Number { log: true, whole: true, .. } = range {
                    let number = at.exp().round();
                    return (within((number - 0.5).ln(), (number + 0.5).ln()) / mass).max(f64::MIN_POSITIVE).ln();
                }
                if *step > 0.0 {
                    return (within(at - step / 2.0, at + step / 2.0) / mass).max(f64::MIN_POSITIVE).ln();
                }
                let z = (at - centre) / width;
                -0.5 * z * z - 0.5 * std::f64::consts::TAU.ln() - width.ln() - mass.ln()
            }
        }
    }
}

/// How far each centre is from the farther of its neighbours in order; the ends of the range are neighbours of a single
/// centre only.
fn reaches(centres: &[f64], low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..centres.len()).collect();
    order.sort_by(|&a, &b| centres[a].total_cmp(&centres[b]));
    let mut reaches = vec![0.0; centres.len()];
    let last = centres.len().saturating_sub(1);
    for (place, &at) in order.iter().enumerate() {
        let to = |other: usize| (centres[order[other]] - centres[at]).abs();
        reaches[at] = match place {
            0 if last == 0 => (centres[at] - low).max(high - centres[at]),
            0 => to(1),
            _ if place == last => to(place - 1),
            _ => to(place - 1).max(to(place + 1)),
        };
    }
    reaches
}

/// The standard normal distribution function.
fn normal(z: f64) -> f64 {
    0.5 * (1.0 + erf(z / std::f64::consts::SQRT_2))
}

fn quantile(share: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * share)
}
