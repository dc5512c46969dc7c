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

/// How much a warning of this code matters.
#[must_use]
pub fn severity(code: &str) -> Severity {
    match code {
        "class-missing-from-part"
        | "group-on-both-sides"
        | "duplicate-rows-across-parts"
        | "repeated-text-across-parts"
        | "neighbours-alike"
        | "time-overlap" => Severity::High,
        "class-share-differs"
        | "class-too-small"
        | "target-distribution-differs"
        | "group-larger-than-part"
        | "possible-group"
        | "test-part-reused" => Severity::Medium,
        _ => Severity::Low,
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
    for warning in &mut warnings {
        warning.severity = severity(&warning.code);
    }
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
