//! What the user should know about a split: a stable code, a severity and the numbers behind each warning.

mod classes;
mod distributions;
mod leaks;
mod neighbours;
mod sizes;
mod texts;
mod unnamed;

use trainyard_core::{Severity, Warning};

use super::{artifact::SplitTable, assign::Prepared};
use crate::error::DataError;

/// Chance of a false alarm that a test may take, over all it compares.
const ALPHA: f64 = 0.01;

/// Every code of a warning about a split, how much it matters, and what to do.
const CODES: [(&str, Severity, &str); 15] = [
    (
        "class-missing-from-part",
        Severity::High,
        "split by class (`split/stratified`), give the part a larger share, or merge the class with another",
    ),
    (
        "group-on-both-sides",
        Severity::High,
        "split by group (`split/group`): a model that has seen other rows of a group is judged too well on it",
    ),
    (
        "duplicate-rows-across-parts",
        Severity::High,
        "drop repeated rows first (`validate/table` with `duplicates: drop`), or split by a hash of all columns \
         (`split/hash`), which keeps equal rows together",
    ),
    (
        "repeated-text-across-parts",
        Severity::High,
        "split by a hash of the text (`split/hash` with `key`), or by who wrote it or where it stood (`split/group`)",
    ),
    (
        "neighbours-alike",
        Severity::High,
        "the rows follow each other in time or place: split by time (`split/time`) or by group (`split/group`), on a \
         column that numbers the rows or their blocks",
    ),
    (
        "time-overlap",
        Severity::High,
        "split by time (`split/time`), unless the model will be used on moments between those it has learned from",
    ),
    ("class-share-differs", Severity::Medium, "split by class (`split/stratified`), or try another seed"),
    (
        "class-too-small",
        Severity::Medium,
        "gather more rows of the class, merge it with another, or give the smallest part a larger share",
    ),
    (
        "target-distribution-differs",
        Severity::Medium,
        "split by quantile bins of the target (`split/stratified`); after a split by time it is drift, and to be expected",
    ),
    (
        "group-larger-than-part",
        Severity::Medium,
        "give the part a larger share, or judge by leaving groups out (`resample: {leave-groups-out: 1}`)",
    ),
    (
        "possible-group",
        Severity::Medium,
        "if its rows belong together, name it as `group` and split by group (`split/group`); if not, silence this warning \
         with that reason",
    ),
    (
        "possible-time",
        Severity::Low,
        "if the model will predict what comes later, name the column as `time` and split by time (`split/time`)",
    ),
    (
        "part-too-small",
        Severity::Low,
        "gather more rows, give the part a larger share, or estimate by resampling (`resample: {k-fold: 5}`)",
    ),
    (
        "feature-differs",
        Severity::Low,
        "find out why: rows that are not of one kind, an order in the file, or, after a split by time, drift",
    ),
    (
        "test-part-reused",
        Severity::Medium,
        "choose between models on the part `validation` or by resampling, and look at the test part once; or split anew \
         with fresh data",
    ),
];

/// How much a warning of this code matters, and what to do; nothing for a code that no split gives.
#[must_use]
pub fn about(code: &str) -> Option<(Severity, &'static str)> {
    CODES.iter().find(|(own, ..)| *own == code).map(|(_, severity, help)| (*severity, *help))
}

/// How much a warning of this code matters.
#[must_use]
pub fn severity(code: &str) -> Severity {
    about(code).map_or(Severity::Low, |(severity, _)| severity)
}

/// The warning with what its code says of how much it matters and what to do.
#[must_use]
pub fn advised(warning: Warning) -> Warning {
    match about(&warning.code) {
        Some((severity, help)) => warning.severity(severity).help(help),
        None => warning,
    }
}

/// All warnings about a split, the most severe first.
///
/// # Errors
/// `bad-table` for a column type that cannot be shown as text.
pub(super) fn warnings(prepared: &Prepared<'_>, split: &SplitTable) -> Result<Vec<Warning>, DataError> {
    let view = View { prepared, names: split.part_names(), parts: split.parts(), sizes: split.sizes() };
    let (rows, features) = rayon::join(|| leaks::duplicates(&view), || distributions::differing(&view));
    let mut warnings = classes::warnings(&view);
    warnings.extend(leaks::groups(&view));
    warnings.extend(rows?);
    warnings.extend(texts::repeated(&view)?);
    warnings.extend(unnamed::warnings(&view)?);
    warnings.extend(leaks::moments(&view));
    warnings.extend(sizes::warnings(&view));
    warnings.extend(features?);
    let mut warnings: Vec<Warning> = warnings.into_iter().map(advised).collect();
    warnings.sort_by_key(|warning| std::cmp::Reverse(warning.severity));
    Ok(warnings)
}

/// A split as the checks look at it.
struct View<'a> {
    prepared: &'a Prepared<'a>,
    names: &'a [String],
    parts: &'a [u8],
    sizes: Vec<usize>,
}

impl View<'_> {
    /// Rows that belong to any part.
    fn rows(&self) -> usize {
        self.sizes.iter().sum()
    }
}

/// Up to five names in back-ticks, and how many more there are.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(5);
    let mut shown: Vec<String> = names.take(5).map(|name| format!("`{name}`")).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

/// A share in percent with two significant digits.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || !percent.is_finite() {
        return format!("{percent} %");
    }
    let digits = (1 - percent.abs().log10().floor() as i32).clamp(0, 6) as usize;
    format!("{percent:.digits$} %")
}
