//! `constant-column` and `near-constant-column`: columns that hardly say anything.

use trainyard_core::{Severity, Warning};

use super::{in_order, listed, percent};
use crate::{Frame, Values};

/// The share of rows of one value that makes a column nearly constant.
const NEARLY: f64 = 0.999;
/// Fewer rows than this cannot show such a share.
const FEWEST_ROWS: usize = 1_000;

/// One warning for the constant columns and one for the nearly constant ones.
pub(super) fn warnings(frame: &Frame) -> Vec<Warning> {
    if frame.rows < 2 {
        return Vec::new();
    }
    let (mut constant, mut nearly) = (Vec::new(), Vec::new());
    let mut least = 1.0_f64;
    for column in &frame.columns {
        let share = most_frequent(&column.values);
        if share == 1.0 {
            constant.push(column.name.clone());
        } else if share >= NEARLY && frame.rows >= FEWEST_ROWS {
            nearly.push(column.name.clone());
            least = least.min(share);
        }
    }
    let warning = |code: &str, message: String, names: &[String]| {
        Warning::new(code, message).severity(Severity::Low).number("columns", names.len() as f64)
    };
    let hold = |names: &[String]| if names.len() == 1 { "holds" } else { "hold" };
    let mut warnings = Vec::new();
    if !nearly.is_empty() {
        let message =
            format!("{} {} one value in at least {} of the rows", listed(&nearly), hold(&nearly), percent(least));
        let help = "what so few rows show may be chance; leave such columns out unless they mean something";
        warnings.push(warning("near-constant-column", message, &nearly).help(help).number("share", least));
    }
    if !constant.is_empty() {
        let message = format!("{} {} one value only", listed(&constant), hold(&constant));
        warnings.push(warning("constant-column", message, &constant).help("nothing can be learned from such a column"));
    }
    warnings
}

/// The share of the most frequent value, missing counted as one; below a half it may be given too small.
fn most_frequent(values: &Values) -> f64 {
    match values {
        Values::Category { codes, .. } => majority(codes.iter().map(|code| u64::from(*code))),
        other => majority(in_order(other).iter().map(|value| key(*value))),
    }
}

/// Equal for equal values: minus zero is zero, and one missing value is like another.
fn key(value: f64) -> u64 {
    if value.is_nan() { u64::MAX } else { (value + 0.0).to_bits() }
}

/// The share of the element that is more than half of all, if there is one (Boyer and Moore's majority vote).
fn majority(values: impl ExactSizeIterator<Item = u64> + Clone) -> f64 {
    let rows = values.len().max(1);
    let (mut candidate, mut votes) = (0, 0_usize);
    for value in values.clone() {
        if votes == 0 {
            candidate = value;
        }
        if value == candidate { votes += 1 } else { votes -= 1 }
    }
    values.filter(|value| *value == candidate).count() as f64 / rows as f64
}
