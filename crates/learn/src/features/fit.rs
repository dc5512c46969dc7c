//! Learning a feature plan from training rows.

use std::collections::BTreeMap;

use crate::{
    Frame, FrameColumn, LearnError, Values,
    features::{
        CategoryImpute, ColumnKind, ColumnPlan, Encode, Encoding, FeatureParams, FeaturePlan, MISSING, Missing,
        NumberImpute, OTHER, Scale, Transform, Wants,
        apply::{number_text, numbers_of},
        numbers::{constant, moments, quantile},
    },
};

/// Most levels of a category that a histogram of 256 bins holds beside `(other)` and missing.
const NATIVE_LEVELS: u32 = 254;
const DENSE_LEVELS: u32 = 50;
const DENSE_SHARE: f64 = 0.01;

impl FeaturePlan {
    /// Learns from the rows of `frame` named by `rows` (every row when absent), the target not among its columns.
    /// Infinities count as missing where missing numbers are filled.
    ///
    /// # Errors
    /// Unknown or doubled column names, values out of range, no row, no feature left: every problem at once.
    pub fn fit(
        params: &FeatureParams,
        wants: Wants,
        frame: &Frame,
        rows: Option<&[usize]>,
    ) -> Result<Self, Vec<LearnError>> {
        let names: Vec<String> = frame.columns.iter().map(|column| column.name.clone()).collect();
        let mut problems = params.check(&names);
        if rows.map_or(frame.rows, <[usize]>::len) == 0 {
            problems.push(LearnError {
                code: "no-rows",
                message: "there is no training row to learn features from".to_owned(),
                help: None,
                field: None,
            });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let chosen = params.chosen(&names);
        let mut columns = Vec::with_capacity(chosen.len());
        for column in frame.columns.iter().filter(|column| chosen.contains(&column.name)) {
            match fit_column(&Choice::of(params, wants, column), column, rows) {
                Ok(Some(transform)) => columns.push(ColumnPlan { name: column.name.clone(), transform }),
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() && columns.is_empty() {
            problems.push(LearnError {
                code: "no-features",
                message: "no column holds anything to learn from: each is constant, empty or left out".to_owned(),
                help: Some(
                    "look at the profile of the training rows, and at `columns`, `exclude` and `encode`".to_owned(),
                ),
                field: Some("columns"),
            });
        }
        if problems.is_empty() { Ok(Self { columns }) } else { Err(problems) }
    }
}

/// The parameters in force for one column.
struct Choice {
    kind: ColumnKind,
    number: NumberImpute,
    constant: f64,
    category: CategoryImpute,
    indicator: bool,
    encode: Encode,
    max_levels: usize,
    min_share: f64,
    scale: Scale,
    wants: Wants,
}

impl Choice {
    fn of(params: &FeatureParams, wants: Wants, column: &FrameColumn) -> Self {
        let own = params.by_column.get(&column.name).cloned().unwrap_or_default();
        let dense = wants == Wants::Dense;
        let found = match column.values {
            Values::Number(_) => ColumnKind::Number,
            Values::Category { .. } => ColumnKind::Category,
        };
        let asked_to_encode =
            matches!(own.encode, Some(Encode::OneHot | Encode::Ordinal)).then_some(ColumnKind::Category);
        let number = if dense { NumberImpute::Median } else { NumberImpute::None };
        let levels = if dense { DENSE_LEVELS } else { NATIVE_LEVELS };
        let scale = if dense { Scale::Standard } else { Scale::None };
        Self {
            kind: own.kind.or(asked_to_encode).unwrap_or(found),
            number: own.impute.number.or(params.impute.number).unwrap_or(number),
            constant: own.impute.constant.unwrap_or(params.impute.constant),
            category: own.impute.category.or(params.impute.category).unwrap_or(CategoryImpute::None),
            indicator: own.impute.indicator.or(params.impute.indicator).unwrap_or(dense),
            encode: own.encode.unwrap_or(params.encode),
            max_levels: own.max_levels.or(params.max_levels).unwrap_or(levels) as usize,
            min_share: own.min_share.or(params.min_share).unwrap_or(if dense { DENSE_SHARE } else { 0.0 }),
            scale: own.scale.or(params.scale).unwrap_or(scale),
            wants,
        }
    }
}

fn fit_column(choice: &Choice, column: &FrameColumn, rows: Option<&[usize]>) -> Result<Option<Transform>, LearnError> {
    match choice.kind {
        ColumnKind::Number => {
            let all = numbers_of(column)?;
            let values = rows.map_or_else(|| all.to_vec(), |rows| rows.iter().map(|&row| all[row]).collect());
            Ok(fit_number(choice, values))
        }
        ColumnKind::Category => Ok(fit_category(choice, &count_levels(&column.values, rows))),
    }
}

fn fit_number(choice: &Choice, mut values: Vec<f64>) -> Option<Transform> {
    let dense = choice.wants == Wants::Dense;
    let count = values.len();
    let mut finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    finite.sort_unstable_by(f64::total_cmp);
    if dense && finite.is_empty() {
        return None;
    }
    let fill = match choice.number {
        NumberImpute::Median => (!finite.is_empty()).then(|| quantile(&finite, 0.5)),
        NumberImpute::Mean => (!finite.is_empty()).then(|| moments(&finite).0),
        NumberImpute::Constant => Some(choice.constant),
        NumberImpute::None => None,
    };
    let missing = match fill {
        Some(_) => count - finite.len(),
        None => values.iter().filter(|value| value.is_nan()).count(),
    };
    let indicator = choice.indicator && missing > 0 && (missing < count || !dense);
    if let Some(fill) = fill
        && missing > 0
    {
        for value in &mut values {
            if !value.is_finite() {
                *value = fill;
            }
        }
        finite = values;
        finite.sort_unstable_by(f64::total_cmp);
    }
    let varies = !constant(&finite) || (fill.is_none() && missing > 0);
    let value = !dense || varies;
    let (offset, spread) = match choice.scale {
        Scale::None => (0.0, 1.0),
        Scale::Standard => moments(&finite),
        Scale::MinMax => match (finite.first(), finite.last()) {
            (Some(first), Some(last)) => (*first, last - first),
            _ => (0.0, 1.0),
        },
        Scale::Robust if finite.is_empty() => (0.0, 1.0),
        Scale::Robust => {
            let range = quantile(&finite, 0.75) - quantile(&finite, 0.25);
            (quantile(&finite, 0.5), if range > 0.0 { range } else { moments(&finite).1 })
        }
    };
    let divisor = if spread.is_finite() && spread > 0.0 && !constant(&finite) { spread } else { 1.0 };
    (value || indicator).then_some(Transform::Number { fill, offset, divisor, value, indicator })
}

/// How often each level occurs among the rows, and how many rows there are and miss.
struct Levels {
    counts: BTreeMap<String, usize>,
    rows: usize,
    missing: usize,
}

fn count_levels(values: &Values, rows: Option<&[usize]>) -> Levels {
    let total = rows.map_or(values.len(), <[usize]>::len);
    let mut counts = BTreeMap::new();
    let mut missing = 0;
    match values {
        Values::Number(numbers) => {
            let mut chosen: Vec<f64> =
                rows.map_or_else(|| numbers.clone(), |rows| rows.iter().map(|&row| numbers[row]).collect());
            chosen.retain(|number| !number.is_nan());
            missing = total - chosen.len();
            chosen.sort_unstable_by(f64::total_cmp);
            for equal in chosen.chunk_by(|a, b| a == b) {
                *counts.entry(number_text(equal[0])).or_default() += equal.len();
            }
        }
        Values::Category { codes, levels } => {
            let mut by_code = vec![0_usize; levels.len()];
            let mut count = |code: u32| match by_code.get_mut(code as usize) {
                Some(count) => *count += 1,
                None => missing += 1,
            };
            match rows {
                Some(rows) => rows.iter().for_each(|&row| count(codes[row])),
                None => codes.iter().for_each(|&code| count(code)),
            }
            for (level, count) in levels.iter().zip(by_code).filter(|(_, count)| *count > 0) {
                *counts.entry(level.clone()).or_default() += count;
            }
        }
    }
    Levels { counts, rows: total, missing }
}

fn fit_category(choice: &Choice, found: &Levels) -> Option<Transform> {
    let encoding = match (choice.encode, choice.wants) {
        (Encode::None, _) => return None,
        (Encode::Auto, Wants::Native) => Encoding::Native,
        (Encode::Auto, Wants::Dense) | (Encode::OneHot, _) => Encoding::OneHot,
        (Encode::Ordinal, _) => Encoding::Ordinal,
    };
    let mut by_count: Vec<(&String, usize)> = found.counts.iter().map(|(level, &count)| (level, count)).collect();
    // Stable, so that equally frequent levels stay in the order of their texts.
    by_count.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let most_frequent = by_count.first().map(|(level, _)| (*level).clone());
    let least = choice.min_share * found.rows as f64;
    let mut levels: Vec<String> = by_count
        .into_iter()
        .filter(|(level, count)| *count as f64 >= least && *level != OTHER && *level != MISSING)
        .take(choice.max_levels)
        .map(|(level, _)| level.clone())
        .collect();
    levels.sort_unstable();
    let other = levels.len() < found.counts.len();
    let known = levels.len() as u32;
    let missing = match choice.category {
        CategoryImpute::None => Missing::Stays,
        CategoryImpute::MissingLevel => Missing::Code(known + u32::from(other)),
        CategoryImpute::MostFrequent => match most_frequent {
            // A most frequent level that is not among the known ones is itself rare, so its code is that of the others.
            Some(level) => Missing::Code(levels.binary_search(&level).map_or(known, |place| place as u32)),
            None => Missing::Stays,
        },
    };
    let dense = choice.wants == Wants::Dense;
    let mut transform = Transform::Category { levels, other, missing, encoding, dropped: Vec::new() };
    if dense {
        let constant = constant_codes(&transform, found);
        let codes = transform.code_names().len();
        if constant.len() == codes || (encoding == Encoding::Ordinal && codes - constant.len() < 2) {
            return None;
        }
        if let Transform::Category { dropped, encoding: Encoding::OneHot, .. } = &mut transform {
            *dropped = constant;
        }
    }
    Some(transform)
}

/// The codes that every training row has, or none has.
fn constant_codes(transform: &Transform, found: &Levels) -> Vec<u32> {
    let Transform::Category { levels, missing, .. } = transform else { return Vec::new() };
    let names = transform.code_names();
    let mut counts: Vec<usize> = levels.iter().map(|level| found.counts.get(level).copied().unwrap_or(0)).collect();
    let known: usize = counts.iter().sum();
    counts.resize(names.len(), 0);
    if names.len() > levels.len() {
        counts[levels.len()] = found.counts.values().sum::<usize>() - known;
    }
    if let Missing::Code(code) = missing
        && let Some(count) = counts.get_mut(*code as usize)
    {
        *count += found.missing;
    }
    (0..).zip(counts).filter(|(_, count)| *count == 0 || *count == found.rows).map(|(code, _)| code).collect()
}
