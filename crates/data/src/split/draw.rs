//! Seeded chance that is the same on every machine and with every version of the libraries below it.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A stream of random draws. The shuffle is written out here, since a library may change the order in which its own
/// draws, and a split must stay what it was.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of a seed; `purpose` keeps streams for different uses apart.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&purpose.to_le_bytes());
        Self(ChaCha8Rng::from_seed(bytes))
    }

    /// A whole number below `bound`, each equally likely; 0 for a bound of 0. Lemire, "Fast random integer generation
    /// in an interval", ACM TOMACS 29 (2019).
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(bound);
            let low = product as u32;
            if low >= bound || low >= bound.wrapping_neg().checked_rem(bound).unwrap_or(0) {
                return (product >> 32) as u32;
            }
        }
    }

    /// Any number of 64 bits, each equally likely.
    pub(super) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Puts the items in random order (Fisher and Yates); at most 2³² items.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_one_order_for_good() {
        let mut items: Vec<u32> = (0..10).collect();
        Draw::new(7, 0).shuffle(&mut items);
        // Kept from the first version: a change here would change every split ever made.
        assert_eq!(items, [5, 9, 8, 4, 0, 2, 3, 7, 6, 1]);
        let mut other: Vec<u32> = (0..10).collect();
        Draw::new(7, 1).shuffle(&mut other);
        assert_ne!(items, other);
    }

    #[test]
    fn every_place_is_equally_likely() {
        let mut draw = Draw::new(1, 0);
        let mut counts = [0_u32; 7];
        (0..70_000).for_each(|_| counts[draw.below(7) as usize] += 1);
        // Six degrees of freedom: 22.5 is the 99.9 % point of chi².
        let chi: f64 = counts.iter().map(|count| (f64::from(*count) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(chi < 22.5, "{counts:?}");
        assert_eq!(draw.below(1), 0);
        assert_eq!(draw.below(0), 0);
    }
}
