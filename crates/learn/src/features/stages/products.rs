//! Products of features.

use std::collections::BTreeSet;

use crate::features::Interactions;

/// The pairs asked for, each once: those named first, then all of the columns in the order of their features.
pub(super) fn pairs(wanted: &Interactions, numbers_of: impl Fn(&str) -> Vec<u32>) -> Vec<[u32; 2]> {
    let mut seen = BTreeSet::new();
    let mut pairs = Vec::new();
    let mut add = |a: u32, b: u32| {
        let pair = [a.min(b), a.max(b)];
        if seen.insert(pair) {
            pairs.push(pair);
        }
    };
    for [first, second] in &wanted.pairs {
        let others = numbers_of(second);
        for a in numbers_of(first) {
            others.iter().for_each(|&b| add(a, b));
        }
    }
    let places: BTreeSet<u32> = wanted.columns.iter().flat_map(|pattern| numbers_of(pattern)).collect();
    let places: Vec<u32> = places.into_iter().collect();
    for (at, &a) in places.iter().enumerate() {
        if wanted.squares {
            add(a, a);
        }
        places[at + 1..].iter().for_each(|&b| add(a, b));
    }
    pairs
}

pub(super) fn append(values: &mut Vec<Vec<f64>>, pairs: &[[u32; 2]]) {
    for &[a, b] in pairs {
        let product = values[a as usize].iter().zip(&values[b as usize]).map(|(a, b)| a * b).collect();
        values.push(product);
    }
}
