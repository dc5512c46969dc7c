//! Sketches of columns: what a column was like, in a few hundred bytes, for comparing later data with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Values;

/// Bins of a histogram at most.
const BINS: usize = 64;

/// Levels counted by name at most.
const LEVELS: usize = 64;

/// Values that the edges of a histogram are told from at most, spread evenly over the rows.
const SAMPLE: usize = 1 << 16;

/// What a column of values was like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sketch {
    /// Number of rows.
    pub rows: u64,
    /// Rows without a value.
    pub missing: u64,
    /// What the values were.
    #[serde(flatten)]
    pub values: Sketched,
}

/// What the values of a column were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "lowercase")]
pub enum Sketched {
    /// Numbers, or moments in seconds since 1970. Infinite ones count for the bins alone.
    Numbers {
        /// The smallest; absent where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<f64>,
        /// The largest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
        /// The mean.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mean: Option<f64>,
        /// The variance, over the number of values.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variance: Option<f64>,
        /// Ascending edges between neighbouring bins, about equally many values in each; a value on an edge is in the bin
        /// above it.
        edges: Vec<f64>,
        /// Values in each bin: one more than edges.
        counts: Vec<u64>,
    },
    /// Texts.
    Levels {
        /// Number of distinct texts.
        distinct: u64,
        /// The most frequent texts with their number of rows, the most frequent first, by text among equals.
        top: Vec<(String, u64)>,
        /// Rows of all other texts.
        other: u64,
    },
}

impl Sketch {
    /// The sketch of the values in these rows.
    #[must_use]
    pub fn of(values: &Values, rows: &[usize]) -> Self {
        match values {
            Values::Number(numbers) | Values::Moment(numbers) => {
                Self::of_numbers(&rows.iter().map(|&row| numbers[row]).collect::<Vec<_>>())
            }
            Values::Category { codes, levels } => Self::of_levels(rows.iter().map(|&row| codes[row]), levels),
        }
    }

    /// The sketch of numbers; NaN is missing.
    #[must_use]
    pub fn of_numbers(numbers: &[f64]) -> Self {
        let present = || numbers.iter().copied().filter(|number| !number.is_nan());
        let missing = numbers.iter().filter(|number| number.is_nan()).count() as u64;
        let edges = edges(numbers);
        let mut counts = vec![0_u64; edges.len() + 1];
        present().for_each(|number| counts[edges.partition_point(|edge| *edge <= number)] += 1);
        let finite = || present().filter(|number| number.is_finite());
        // Two passes: exact enough whatever the size of the mean.
        let count = finite().count() as f64;
        let mean = (count > 0.0).then(|| finite().sum::<f64>() / count);
        let variance = mean.map(|mean| finite().map(|number| (number - mean) * (number - mean)).sum::<f64>() / count);
        // What overflows is no number that a document could hold.
        let sound = |number: &f64| number.is_finite();
        let values = Sketched::Numbers {
            min: finite().reduce(f64::min),
            max: finite().reduce(f64::max),
            mean: mean.filter(sound),
            variance: variance.filter(sound),
            edges,
            counts,
        };
        Self { rows: numbers.len() as u64, missing, values }
    }

    /// The sketch of codes into `levels`; any other code is missing.
    #[must_use]
    pub fn of_levels(codes: impl Iterator<Item = u32>, levels: &[String]) -> Self {
        let mut by_code = vec![0_u64; levels.len()];
        let (mut rows, mut missing) = (0, 0);
        for code in codes {
            rows += 1;
            match by_code.get_mut(code as usize) {
                Some(count) => *count += 1,
                None => missing += 1,
            }
        }
        let mut by_text: BTreeMap<&str, u64> = BTreeMap::new();
        for (level, count) in levels.iter().zip(by_code).filter(|(_, count)| *count > 0) {
            *by_text.entry(level).or_default() += count;
        }
        let distinct = by_text.len() as u64;
        let mut top: Vec<(String, u64)> = by_text.into_iter().map(|(text, count)| (text.to_owned(), count)).collect();
        // Stable: equal counts stay in the order of their texts.
        top.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let other = top.iter().skip(LEVELS).map(|(_, count)| count).sum();
        top.truncate(LEVELS);
        Self { rows, missing, values: Sketched::Levels { distinct, top, other } }
    }
}

/// At most [`BINS`] less one distinct finite numbers that cut the values into runs of about equal length.
fn edges(numbers: &[f64]) -> Vec<f64> {
    let shown = numbers.len().min(SAMPLE);
    let evenly = (0..shown).map(|place| numbers[place * numbers.len() / shown]);
    let mut sample: Vec<f64> = evenly.filter(|number| number.is_finite()).collect();
    sample.sort_unstable_by(f64::total_cmp);
    let mut edges: Vec<f64> = (1..BINS).filter_map(|bin| sample.get(bin * sample.len() / BINS).copied()).collect();
    // One zero: a value on an edge is above it, be it negative zero.
    edges.iter_mut().for_each(|edge| *edge += 0.0);
    edges.dedup();
    // Below the smallest value there is nothing to tell.
    if !edges.is_empty() && edges.first() == sample.first() {
        edges.remove(0);
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_in_bins_of_equal_weight() {
        let mut numbers: Vec<f64> = (0..6400).map(|row| f64::from(row * 7919 % 6400)).collect();
        numbers.extend([f64::NAN, f64::INFINITY]);
        let sketch = Sketch::of_numbers(&numbers);
        assert_eq!((sketch.rows, sketch.missing), (6402, 1));
        let Sketched::Numbers { min, max, mean, variance, edges, counts } = sketch.values else { panic!() };
        assert_eq!((min, max, mean), (Some(0.0), Some(6399.0), Some(3199.5)));
        // The variance of 0..n is (n² - 1) / 12.
        assert!((variance.unwrap() - (6400.0 * 6400.0 - 1.0) / 12.0).abs() < 1e-6);
        assert_eq!((edges.len(), counts.len(), counts.iter().sum::<u64>()), (63, 64, 6401));
        assert!(counts.iter().all(|count| (100..=101).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_few_values_have_a_bin_each() {
        let numbers: Vec<f64> = (0..1000).map(|row| f64::from(row % 3)).collect();
        let Sketched::Numbers { edges, counts, .. } = Sketch::of_numbers(&numbers).values else { panic!() };
        assert_eq!((edges, counts), (vec![1.0, 2.0], vec![334, 333, 333]));
        let Sketched::Numbers { min, edges, counts, .. } = Sketch::of_numbers(&[f64::NAN; 3]).values else { panic!() };
        assert_eq!((min, edges, counts), (None, vec![], vec![0]));
        let Sketched::Numbers { edges, counts, .. } = Sketch::of_numbers(&[-0.0, 0.0, 5.0]).values else { panic!() };
        assert_eq!((edges, counts), (vec![5.0], vec![2, 1]));
    }

    #[test]
    fn the_most_frequent_levels_are_named() {
        let levels: Vec<String> = (0..100).map(|level| format!("l{level:02}")).collect();
        let codes = (0..100_u32).flat_map(|code| vec![code; 1 + code as usize % 50]).chain([Values::MISSING]);
        let sketch = Sketch::of_levels(codes, &levels);
        assert_eq!(sketch.missing, 1);
        let Sketched::Levels { distinct, top, other } = &sketch.values else { panic!() };
        assert_eq!((*distinct, top.len()), (100, 64));
        assert_eq!(top[..3], [("l49".into(), 50), ("l99".into(), 50), ("l48".into(), 49)]);
        assert_eq!(top.iter().map(|(_, count)| count).sum::<u64>() + other + 1, sketch.rows);
        let text = serde_json::to_string(&sketch).unwrap();
        assert_eq!(serde_json::from_str::<Sketch>(&text).unwrap(), sketch);
    }
}
