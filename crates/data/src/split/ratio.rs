//! Named parts and their shares.

use std::collections::BTreeMap;

use trainyard_core::Problem;

/// Most parts a split can have: a row's part is one byte, of which one value means none.
pub(super) const MOST_PARTS: usize = 254;
/// How far from 1 the shares may add up.
const TOLERANCE: f64 = 1e-6;

/// The parts of a split by name, each with its share of the rows, in the order they are shown. Not yet checked: see
/// [`Ratio::check`].
#[derive(Clone, Debug, PartialEq)]
pub struct Ratio(Vec<(String, f64)>);

impl Ratio {
    /// Parts with their shares, in that order.
    pub fn new<S: Into<String>>(parts: impl IntoIterator<Item = (S, f64)>) -> Self {
        Self(parts.into_iter().map(|(name, share)| (name.into(), share)).collect())
    }

    /// `count` equal parts named `fold-1`, `fold-2` and so on, with leading zeros so that they sort.
    #[must_use]
    pub fn folds(count: usize) -> Self {
        // One too many is refused by the check all the same, and takes no memory.
        let count = count.min(MOST_PARTS + 1);
        let digits = count.to_string().len();
        Self::new((1..=count).map(|fold| (format!("fold-{fold:0digits$}"), 1.0 / count as f64)))
    }

    /// `count` equal parts as [`Ratio::folds`], and a part `test` of the given share beside them; none for a share of 0.
    #[must_use]
    pub fn folds_and_test(count: usize, test: f64) -> Self {
        let mut ratio = Self::folds(count);
        if test != 0.0 {
            ratio.0.iter_mut().for_each(|(_, share)| *share *= 1.0 - test);
            ratio.0.push(("test".to_owned(), test));
        }
        ratio
    }

    /// The parts with their shares.
    #[must_use]
    pub fn parts(&self) -> &[(String, f64)] {
        &self.0
    }

    /// The part names in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The shares in order, made to add up to 1 exactly.
    pub(super) fn shares(&self) -> Vec<f64> {
        let sum: f64 = self.0.iter().map(|(_, share)| share).sum();
        self.0.iter().map(|(_, share)| share / sum).collect()
    }

    /// What is wrong with it, each problem at `ratio` or `ratio.<part>`: `bad-ratio` for a share that is not above 0,
    /// a name that is empty or given twice, or too few or too many parts; `ratio-not-one` with the sum.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(2..=MOST_PARTS).contains(&self.0.len()) {
            let message = format!("{} parts, expected 2 to {MOST_PARTS}", self.0.len());
            problems.push(Problem::error("bad-ratio", message).at(["ratio"]));
        }
        for (index, (name, share)) in self.0.iter().enumerate() {
            if !(share.is_finite() && *share > 0.0) {
                let message = format!("part `{name}` has a share of {share}, expected a number above 0");
                problems.push(Problem::error("bad-ratio", message).at(["ratio", name]));
            }
            if name.trim().is_empty() {
                problems.push(Problem::error("bad-ratio", "a part has an empty name").at(["ratio"]));
            }
            if self.0[..index].iter().any(|(other, _)| other == name) {
                problems.push(Problem::error("bad-ratio", format!("part `{name}` is given twice")).at(["ratio"]));
            }
        }
        let sum: f64 = self.0.iter().map(|(_, share)| share).sum();
        if problems.is_empty() && (sum - 1.0).abs() > TOLERANCE {
            // Nine digits tell 0.999 from 1 and hide the noise of adding decimals.
            let shown = (sum * 1e9).round() / 1e9;
            let shares: Vec<String> = self.0.iter().map(|(name, share)| format!("{name} {share}")).collect();
            problems.push(
                Problem::error("ratio-not-one", format!("the shares add up to {shown}, expected 1"))
                    .at(["ratio"])
                    .help(format!("given: {}", shares.join(", "))),
            );
        }
        problems
    }
}

impl Default for Ratio {
    fn default() -> Self {
        [0.7, 0.15, 0.15].into()
    }
}

/// Train and test.
impl From<[f64; 2]> for Ratio {
    fn from([train, test]: [f64; 2]) -> Self {
        Self::new([("train", train), ("test", test)])
    }
}

/// Train, validation and test.
impl From<[f64; 3]> for Ratio {
    fn from([train, validation, test]: [f64; 3]) -> Self {
        Self::new([("train", train), ("validation", validation), ("test", test)])
    }
}

/// Parts by name: `train`, `validation` and `test` first, the others as they sort.
impl From<BTreeMap<String, f64>> for Ratio {
    fn from(parts: BTreeMap<String, f64>) -> Self {
        let mut parts: Vec<(String, f64)> = parts.into_iter().collect();
        parts.sort_by_key(|(name, _)| rank(name));
        Self(parts)
    }
}

/// Where a part stands among others: `train`, `validation`, `test`, then the rest.
pub(super) fn rank(name: &str) -> usize {
    ["train", "validation", "test"].iter().position(|usual| *usual == name).unwrap_or(3)
}

/// `rows` dealt out by share: each part within one row of its share, the largest remainders rounded up, and no part
/// empty while another has two rows. `shares` add up to 1.
pub(super) fn apportion(rows: usize, shares: &[f64]) -> Vec<usize> {
    let quotas: Vec<f64> = shares.iter().map(|share| rows as f64 * share).collect();
    // 0.7 of 10 rows is 7, although the product may fall a hair short.
    let mut counts: Vec<usize> = quotas.iter().map(|quota| (quota + 1e-9) as usize).collect();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    let remainder = |part: usize| quotas[part] - (quotas[part] + 1e-9).floor();
    order.sort_by(|left, right| remainder(*right).total_cmp(&remainder(*left)));
    let missing = rows.saturating_sub(counts.iter().sum());
    for part in order.into_iter().cycle().take(missing) {
        counts[part] += 1;
    }
    for part in 0..counts.len() {
        let largest = (0..counts.len()).max_by_key(|part| (counts[*part], usize::MAX - part)).unwrap_or(part);
        if counts[part] == 0 && counts[largest] > 1 {
            counts[part] = 1;
            counts[largest] -= 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apportion_rounds_the_largest_remainders_up() {
        assert_eq!(apportion(10, &[0.7, 0.15, 0.15]), [7, 2, 1]);
        assert_eq!(apportion(3, &[0.98, 0.01, 0.01]), [1, 1, 1]);
        assert_eq!(apportion(0, &[0.5, 0.5]), [0, 0]);
        assert_eq!(apportion(10, &[0.7, 0.2, 0.1]), [7, 2, 1]);
    }

    #[test]
    fn check_tells_the_sum() {
        let problems = Ratio::from([0.7, 0.2, 0.2]).check();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code, "ratio-not-one");
        assert_eq!(problems[0].message, "the shares add up to 1.1, expected 1");
        assert!(Ratio::from([0.7, 0.3000004]).check().is_empty());
        assert!(!Ratio::from([0.7, 0.300002]).check().is_empty());
        assert!(!Ratio::from([1.2, -0.2]).check().is_empty());
        assert!(!Ratio::from([f64::NAN, 0.5]).check().is_empty());
        assert!(!Ratio::new([("train", 1.0)]).check().is_empty());
        assert!(!Ratio::folds(usize::MAX).check().is_empty());
        assert!(Ratio::folds(10).check().is_empty());
    }

    #[test]
    fn a_map_is_put_in_the_usual_order() {
        let map = BTreeMap::from([("test", 0.1), ("extra", 0.1), ("train", 0.7), ("validation", 0.1)]);
        let map: BTreeMap<String, f64> = map.into_iter().map(|(name, share)| (name.to_owned(), share)).collect();
        assert_eq!(Ratio::from(map).names(), ["train", "validation", "test", "extra"]);
    }
}
