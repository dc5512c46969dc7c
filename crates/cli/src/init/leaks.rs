//! Columns that would tell the answer, or which row it is, rather than what the row is like.

use std::collections::BTreeMap;

use arrow::{array::AsArray, compute::cast, datatypes::DataType};
use trainyard_core::{ColumnType, evaluation::Task, profile::Profile};
use trainyard_data::{
    DataError, Table,
    columns::{correlation, numbers},
};
use trainyard_model::Target;

/// A feature correlated with a number target beyond this is taken for the answer in another form.
const SAME_ANSWER: f64 = 0.97;
/// A single feature that orders the rows this well (area under the ROC curve) is taken for the answer.
const GIVES_ORDER: f64 = 0.995;
/// A value that comes with the rarer class this often is taken for a consequence of it.
const GIVES_CLASS: f64 = 0.98;
/// Fewer rows than this say nothing.
const FEWEST_ROWS: usize = 10;

/// The columns to leave out, each with the reason in words.
pub(super) fn find(
    table: &Table,
    profile: &Profile,
    target_name: &str,
    target: &Target,
) -> Result<BTreeMap<String, String>, DataError> {
    let mut found = BTreeMap::new();
    for column in &profile.columns {
        if column.name == target_name {
            continue;
        }
        let reason = if column.distinct <= 1 && profile.rows > 1 {
            Some("holds one value only".to_owned())
        } else if let Some(reason) = identifier(table, profile, &column.name, column.column_type, column.distinct)? {
            Some(reason)
        } else {
            suspect(table, &column.name, column.column_type, target)?
        };
        if let Some(reason) = reason {
            found.insert(column.name.clone(), reason);
        }
    }
    Ok(found)
}

/// A text that is different in nearly every row, or a number that just counts the rows.
fn identifier(
    table: &Table,
    profile: &Profile,
    name: &str,
    column_type: ColumnType,
    distinct: u64,
) -> Result<Option<String>, DataError> {
    if profile.rows < 20 || distinct * 10 < profile.rows * 9 {
        return Ok(None);
    }
    match column_type {
        ColumnType::Text => Ok(Some(format!("an identifier: {distinct} distinct texts in {} rows", profile.rows))),
        ColumnType::Integer => {
            let values = numbers(&table.column(name)?)?;
            let counts = values.windows(2).all(|pair| (pair[1] - pair[0] - 1.0).abs() < f64::EPSILON);
            Ok(counts.then(|| "a row number: it counts up by one".to_owned()))
        }
        _ => Ok(None),
    }
}

fn suspect(table: &Table, name: &str, column_type: ColumnType, target: &Target) -> Result<Option<String>, DataError> {
    let array = table.column(name)?;
    if matches!(column_type, ColumnType::Integer | ColumnType::Float | ColumnType::Boolean) {
        let values = numbers(&array)?;
        if target.task == Task::Regression {
            let (ranks, line) =
                (rank_correlation(&values, &target.values), correlation(&values, &target.values).unwrap_or(0.0));
            let strongest = if line.abs() > ranks.abs() { line } else { ranks };
            return Ok((strongest.abs() >= SAME_ANSWER)
                .then(|| format!("leak suspect: its correlation with the target is {strongest:.3}")));
        }
        if target.task == Task::Binary {
            let area = area_under_curve(&values, &target.values);
            if area.max(1.0 - area) >= GIVES_ORDER {
                return Ok(Some(format!("leak suspect: alone it tells the classes apart (AUC {area:.4})")));
            }
        }
    }
    if target.task == Task::Binary {
        return Ok(tell_tale(&cast(&array, &DataType::Utf8)?, target));
    }
    Ok(None)
}

/// A value of a column of few values that hardly ever comes without the rarer class.
fn tell_tale(texts: &arrow::array::ArrayRef, target: &Target) -> Option<String> {
    let known = target.values.iter().filter(|value| value.is_finite()).count();
    let ones = target.values.iter().filter(|value| **value == 1.0).count();
    let rare = if ones * 2 <= known { 1.0 } else { 0.0 };
    let share = share(if rare == 1.0 { ones } else { known - ones }, known);
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (text, value) in texts.as_string::<i32>().iter().zip(&target.values) {
        let Some(text) = text.filter(|_| value.is_finite()) else { continue };
        let count = counts.entry(text).or_default();
        count.0 += 1;
        count.1 += usize::from(*value == rare);
        if counts.len() > 50 {
            return None;
        }
    }
    // Where the rarer class is not rare, a pure value is no wonder.
    if share > 0.25 || counts.len() < 2 {
        return None;
    }
    counts.into_iter().find(|(_, (rows, hits))| *rows >= FEWEST_ROWS && self::share(*hits, *rows) >= GIVES_CLASS).map(
        |(text, (rows, hits))| {
            format!(
                "leak suspect: with value {text}, {hits} of {rows} rows are of the rarer class ({:.1} % overall)",
                100.0 * share
            )
        },
    )
}

fn share(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
    let share = part as f64 / whole.max(1) as f64;
    share
}

/// Ranks from 1, equal values sharing their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..].iter().take_while(|&&row| values[row] == values[order[start]]).count().max(1);
        #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
        let rank = start as f64 + (same + 1) as f64 / 2.0;
        order[start..start + same].iter().for_each(|&row| ranks[row] = rank);
        start += same;
    }
    ranks
}

/// Spearman's rank correlation over the rows where both are finite; 0 where there is none.
fn rank_correlation(feature: &[f64], target: &[f64]) -> f64 {
    let (feature, target): (Vec<f64>, Vec<f64>) =
        feature.iter().zip(target).filter(|(a, b)| a.is_finite() && b.is_finite()).unzip();
    let (feature, target) = (ranks(&feature), ranks(&target));
    #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
    let mean = (feature.len() as f64 + 1.0) / 2.0;
    let (mut cross, mut squares_a, mut squares_b) = (0.0, 0.0, 0.0);
    for (a, b) in feature.iter().zip(&target) {
        cross += (a - mean) * (b - mean);
        squares_a += (a - mean).powi(2);
        squares_b += (b - mean).powi(2);
    }
    let scale = f64::sqrt(squares_a * squares_b);
    if feature.len() < FEWEST_ROWS || scale == 0.0 { 0.0 } else { cross / scale }
}

/// Area under the ROC curve of one feature for class 1, by the rank sum; 0.5 where it cannot be told.
fn area_under_curve(feature: &[f64], target: &[f64]) -> f64 {
    let pairs = || feature.iter().zip(target).filter(|(a, b)| a.is_finite() && b.is_finite());
    let values: Vec<f64> = pairs().map(|(value, _)| *value).collect();
    let ranks = ranks(&values);
    let (mut sum, mut ones) = (0.0, 0.0);
    for (rank, (_, class)) in ranks.iter().zip(pairs()) {
        sum += rank * class;
        ones += class;
    }
    #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
    let zeros = ranks.len() as f64 - ones;
    if ones < 5.0 || zeros < 5.0 { 0.5 } else { (sum - ones * (ones + 1.0) / 2.0) / (ones * zeros) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_share_ties() {
        assert_eq!(ranks(&[10.0, 20.0, 10.0, 30.0]), [1.5, 3.0, 1.5, 4.0]);
    }

    #[test]
    fn correlation_and_area_agree_with_scipy_and_scikit_learn() {
        // scipy.stats.spearmanr(range(10), [0, 1, 2, 3, 4, 5, 6, 7, 9, 8]).statistic
        let x: Vec<f64> = (0..10).map(f64::from).collect();
        let y = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 9.0, 8.0];
        assert!((rank_correlation(&x, &y) - 0.987_878_787_878_787_8).abs() < 1e-12);
        // sklearn.metrics.roc_auc_score([0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1], [0..10]) is 29 / 30
        let classes = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0];
        let x: Vec<f64> = (0..11).map(f64::from).collect();
        assert!((area_under_curve(&x, &classes) - 29.0 / 30.0).abs() < 1e-12);
    }
}
