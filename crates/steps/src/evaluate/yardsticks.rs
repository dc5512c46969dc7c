//! What guessing scores: without features, from the last value and the season where the split is by time, and from the
//! best single column.

use std::{collections::BTreeMap, sync::Arc};

use trainyard_core::{
    StepError,
    evaluation::{Measured, Task},
};
use trainyard_data::{
    columns::{self, numbers},
    split::SplitTable,
};
use trainyard_learn::{Prediction, metrics::Settings, one_feature::OneFeature};
use trainyard_model::{Package, Target, frame};

use super::{judge::measure, unseen::Unseen};

/// Rows that a season is looked for in at most, and the longest season.
const SEASON_ROWS: usize = 20_000;
const LONGEST_SEASON: usize = 1500;
/// How strongly a season must repeat to be one.
const SEASONAL: f64 = 0.3;
/// Training rows of the one-feature model at most, spread evenly.
const ONE_FEATURE_ROWS: usize = 200_000;

/// Every baseline's metrics, by name.
///
/// # Errors
/// When a column of the split cannot be read.
pub(super) fn baselines(
    models: &[(String, Arc<Package>)],
    test: &Unseen,
    split: &SplitTable,
    names: &[&str],
    settings: &Settings<'_>,
) -> Result<BTreeMap<String, BTreeMap<String, Measured>>, StepError> {
    let Some((_, package)) = models.first() else { return Ok(BTreeMap::new()) };
    let mut found = BTreeMap::new();
    // A guess has no interval worth a warning where a metric is not defined for it.
    let mut add = |name: &str, test: &Unseen, prediction: &Prediction| {
        let measured = measure(&test.scored(prediction), test.task, names, settings, &mut |_| {});
        if !measured.is_empty() {
            found.insert(name.to_owned(), measured);
        }
    };
    for baseline in &package.baselines {
        add(baseline.name(), test, &baseline.predict(test.truth.len()));
    }
    if !matches!(test.task, Task::Regression | Task::Binary | Task::Multiclass) {
        return Ok(found);
    }
    if let Some(prediction) = one_feature(package, test, split)? {
        add("one_feature", test, &prediction);
    }
    for (name, values) in in_time(test, split)? {
        let known: Vec<usize> = (0..values.len()).filter(|&row| values[row].is_finite()).collect();
        if known.len() * 2 < values.len() {
            continue;
        }
        let part = if known.len() < values.len() { &test.take(&known) } else { test };
        let values = known.iter().map(|&row| values[row]);
        let classes = test.classes.len();
        let prediction = match test.task {
            Task::Regression => Prediction::Values(values.collect()),
            _ => Prediction::Probabilities {
                classes,
                values: values
                    .flat_map(|value| (0..classes).map(move |class| f64::from(u8::from(value as usize == class))))
                    .collect(),
            },
        };
        add(name, part, &prediction);
    }
    Ok(found)
}

/// The best single column's model, fitted on training rows.
fn one_feature(package: &Package, test: &Unseen, split: &SplitTable) -> Result<Option<Prediction>, StepError> {
    if !split.part_names().iter().any(|part| part == "train") {
        return Ok(None);
    }
    let inputs = package.features.inputs();
    let all = split.rows("train")?;
    let step = all.len().div_ceil(ONE_FEATURE_ROWS).max(1);
    let rows: Vec<u32> = all.into_iter().step_by(step).collect();
    let table = split.table().take(&rows)?;
    let values = Target::under(&table, &test.target, test.task, &test.classes)?;
    let known: Vec<usize> = (0..values.len()).filter(|&row| values[row].is_finite()).collect();
    let y: Vec<f64> = known.iter().map(|&row| values[row]).collect();
    let learned = frame(&table, &inputs)?.take(&known);
    let Ok(Some(fitted)) = OneFeature::fit(&learned, &y, test.classes.len()) else { return Ok(None) };
    Ok(fitted.predict(&test.frame(package)?).ok())
}

/// For each judged row the value before it, and that of one season before it, within its group, in time order.
fn in_time(test: &Unseen, split: &SplitTable) -> Result<Vec<(&'static str, Vec<f64>)>, StepError> {
    let Some(column) = &split.roles().time else { return Ok(Vec::new()) };
    let table = split.table();
    let times = numbers(&table.column(column)?)?;
    let values = Target::under(table, &test.target, test.task, &test.classes)?;
    let groups = match &split.roles().group {
        Some(group) => columns::codes(table, group)?,
        None => vec![0; times.len()],
    };
    let mut order: Vec<usize> =
        (0..times.len()).filter(|&row| times[row].is_finite() && values[row].is_finite()).collect();
    order.sort_by(|&a, &b| groups[a].cmp(&groups[b]).then(times[a].total_cmp(&times[b])).then(a.cmp(&b)));
    let judged: std::collections::BTreeSet<u32> = test.rows.iter().copied().collect();
    let before: Vec<f64> =
        order.iter().filter(|&&row| !judged.contains(&(row as u32))).map(|&row| values[row]).collect();
    let mut lags = vec![("last_value", 1)];
    if test.task == Task::Regression && split.roles().group.is_none() {
        lags.extend(season(&before).map(|lag| ("seasonal", lag)));
    }
    let mut found = Vec::new();
    for (name, lag) in lags {
        let mut guess = vec![f64::NAN; times.len()];
        for place in lag..order.len() {
            let (row, earlier) = (order[place], order[place - lag]);
            // Rows of one moment are not known before each other.
            if groups[row] == groups[earlier] && times[earlier] < times[row] {
                guess[row] = values[earlier];
            }
        }
        found.push((name, test.rows.iter().map(|&row| guess[row as usize]).collect()));
    }
    Ok(found)
}

/// The number of rows after which values repeat: the first of the high peaks of the autocorrelation, where it is high
/// enough.
fn season(values: &[f64]) -> Option<usize> {
    let values = &values[values.len().saturating_sub(SEASON_ROWS)..];
    let count = values.len();
    if count < 12 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count as f64;
    let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if spread <= 0.0 || spread.is_nan() {
        return None;
    }
    let correlation = |lag: usize| {
        let sum: f64 = values.iter().zip(&values[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum();
        sum / spread * count as f64 / (count - lag) as f64
    };
    let longest = LONGEST_SEASON.min(count / 3);
    let each: Vec<f64> = (1..=longest + 1).map(correlation).collect();
    let peak = |place: usize| each[place] > each[place - 1] && each[place] >= each[place + 1];
    let peaks = || (1..each.len().saturating_sub(1)).filter(|&place| peak(place) && each[place] >= SEASONAL);
    let highest = peaks().map(|place| each[place]).reduce(f64::max)?;
    // Two seasons are a season too, and chance may make them look better.
    peaks().find(|&place| each[place] >= 0.9 * highest).map(|place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::season;

    #[test]
    fn a_season_is_found_where_there_is_one() {
        let wave = |period: f64| -> Vec<f64> {
            let value = |row: f64| (row / period * std::f64::consts::TAU).sin() + (row * 7919.0 % 1009.0) / 2000.0;
            (0..2000).map(f64::from).map(value).collect()
        };
        assert_eq!(season(&wave(24.0)), Some(24));
        assert_eq!(season(&wave(7.0)), Some(7));
        assert_eq!(season(&(0..2000).map(f64::from).collect::<Vec<f64>>()), None, "a trend is no season");
        assert_eq!(season(&[1.0; 100]), None);
    }
}
