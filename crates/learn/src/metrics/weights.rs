//! Weights of one bootstrap sample.
//!
//! Few rows get the classical bootstrap's counts (Efron 1979). Many rows get independent weights of two values with
//! mean 1, variance 1 and skewness 0.97, so that mean, spread and skewness of what is resampled come out as with counts
//! (the generalised bootstrap of Mason and Newton 1992, with weights after Mammen 1993): they need five random bits a
//! row and no memory, where counts need a random access a row.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Rows from which two-valued weights are used.
pub(super) const MANY: usize = 20_000;

/// The share of rows with the higher weight: 9/32, from five random bits.
const SHARE: f64 = 0.281_25;

/// The lower of the two values: 1 − √(p / (1 − p)).
pub(super) fn low() -> f64 {
    1.0 - (SHARE / (1.0 - SHARE)).sqrt()
}

/// How far the higher value is above the lower: 1 / √(p (1 − p)).
pub(super) fn step() -> f64 {
    1.0 / (SHARE * (1.0 - SHARE)).sqrt()
}

/// 64 independent bits, each 1 with probability 9/32 = 0.01001 in binary: read from the last digit on, an AND halves
/// the probability and an OR halves it and adds one half.
pub(super) fn bits(random: &mut ChaCha8Rng) -> u64 {
    let mut next = || random.next_u64();
    let quarter = next() & next();
    let eighth = quarter & next();
    // 1/2 + 1/16 = 9/16, then halved: 9/32.
    (eighth | next()) & next()
}

/// Weights in the order in which a statistic takes them.
pub(super) trait Weights {
    /// The next run of weights; empty once there are no more.
    fn next(&mut self) -> &[f64];

    /// All that are left.
    fn all(&mut self) -> Vec<f64> {
        let mut all = Vec::new();
        loop {
            let run = self.next();
            if run.is_empty() {
                return all;
            }
            all.extend_from_slice(run);
        }
    }
}

/// Weights that are all there.
pub(super) struct Whole {
    weights: Vec<f64>,
    given: bool,
}

impl Whole {
    pub(super) const fn new(weights: Vec<f64>) -> Self {
        Self { weights, given: false }
    }
}

impl Weights for Whole {
    fn next(&mut self) -> &[f64] {
        if std::mem::replace(&mut self.given, true) { &[] } else { &self.weights }
    }

    fn all(&mut self) -> Vec<f64> {
        self.given = true;
        std::mem::take(&mut self.weights)
    }
}

/// Two-valued weights, made as they are asked for.
pub(super) struct TwoValued<'a> {
    random: ChaCha8Rng,
    left: usize,
    run: Vec<f64>,
    own: Option<&'a (dyn Fn(usize) -> f64 + Sync)>,
    place: usize,
}

impl<'a> TwoValued<'a> {
    /// `rows` weights, each times the row's own where given by place.
    pub(super) fn new(random: ChaCha8Rng, rows: usize, own: Option<&'a (dyn Fn(usize) -> f64 + Sync)>) -> Self {
        Self { random, left: rows, run: Vec::with_capacity(RUN), own, place: 0 }
    }
}

/// Weights in a run: they fit into the fastest cache.
const RUN: usize = 1024;

impl Weights for TwoValued<'_> {
    fn next(&mut self) -> &[f64] {
        let values = [low(), low() + step()];
        let rows = self.left.min(RUN);
        self.left -= rows;
        self.run.clear();
        while self.run.len() < rows {
            let bits = bits(&mut self.random);
            self.run.extend((0..64).map(|bit| values[(bits >> bit & 1) as usize]));
        }
        self.run.truncate(rows);
        if let Some(own) = self.own {
            let first = self.place;
            self.run.iter_mut().enumerate().for_each(|(at, weight)| *weight *= own(first + at));
        }
        self.place += rows;
        &self.run
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn two_valued_weights_have_the_moments_of_counts() {
        let rows = 1 << 20;
        let weights = TwoValued::new(ChaCha8Rng::seed_from_u64(1), rows, None).all();
        assert_eq!(weights.len(), rows);
        let moment = |power| weights.iter().map(|weight| (weight - 1.0_f64).powi(power)).sum::<f64>() / rows as f64;
        let mean = weights.iter().sum::<f64>() / rows as f64;
        // Three standard errors of each moment.
        assert!((mean - 1.0).abs() < 3e-3, "{mean}");
        assert!((moment(2) - 1.0).abs() < 3e-3, "{}", moment(2));
        assert!((moment(3) - 0.973).abs() < 1e-2, "{}", moment(3));
        let (low, high) = (low(), low() + step());
        assert!((low * (1.0 - SHARE) + high * SHARE - 1.0).abs() < 1e-15);
    }

    #[test]
    fn runs_cover_every_row_once() {
        let mut weights = TwoValued::new(ChaCha8Rng::seed_from_u64(1), 2500, Some(&|place| place as f64));
        let mut rows = 0;
        loop {
            let run = weights.next();
            if run.is_empty() {
                break;
            }
            rows += run.len();
        }
        assert_eq!(rows, 2500);
        let mut whole = Whole::new(vec![1.0, 2.0]);
        assert_eq!((whole.next().len(), whole.next().len()), (2, 0));
    }
}
