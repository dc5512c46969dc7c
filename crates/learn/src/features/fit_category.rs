//! Learning what becomes of a column of categories.

use crate::{
    LearnError, Values,
    features::{
        CategoryImpute, Encode, Encoding, Goal, MISSING, Missing, OTHER, Transform,
        choice::Choice,
        fit::Learned,
        fit_number::location,
        levels::{LevelMap, Levels, count_levels},
        target_encoding,
    },
};

/// Learns from the rows of `values` named by `rows`; none when there is nothing to learn. The goal's targets are those
/// of the rows, in their order.
pub(super) fn fit_category(
    choice: &Choice,
    values: &Values,
    rows: Option<&[usize]>,
    goal: Option<&Goal<'_>>,
) -> Result<Option<Learned>, LearnError> {
    let encoding = match (choice.encode, choice.dense) {
        (Encode::None, _) => return Ok(None),
        (Encode::Auto, false) => Encoding::Native,
        (Encode::Auto, true) | (Encode::OneHot, _) => Encoding::OneHot,
        (Encode::Ordinal, _) => Encoding::Ordinal,
        (Encode::Frequency, _) => return Ok(frequency(choice, count_levels(values, rows))),
        (Encode::Hash, _) => {
            let known = count_levels(values, rows).counts.len() > 1;
            return Ok((known || !choice.dense).then_some(Transform::Hash { size: choice.hash_size }.into()));
        }
        (Encode::Target, _) => {
            let Some(goal) = goal else {
                return Err(LearnError {
                    code: "needs-target",
                    message: "`encode: target` learns from the target, and there is none".to_owned(),
                    help: Some("use another encoding where nothing is predicted".to_owned()),
                    field: Some("encode"),
                });
            };
            return Ok(target(choice, values, rows, goal));
        }
    };
    Ok(codes(choice, encoding, &count_levels(values, rows)).map(Learned::from))
}

/// The level that a missing value takes, and the counts with it taken.
fn filled(choice: &Choice, found: &mut Levels) -> Option<String> {
    let level = match choice.category {
        CategoryImpute::MostFrequent => most_frequent(found)?,
        CategoryImpute::Constant => choice.level.clone(),
        CategoryImpute::MissingLevel | CategoryImpute::None => return None,
    };
    if found.missing > 0 {
        *found.counts.entry(level.clone()).or_default() += std::mem::take(&mut found.missing);
    }
    Some(level)
}

fn most_frequent(found: &Levels) -> Option<String> {
    // The first by text among equals, so the last that is greater.
    let first = |best: Option<(String, usize)>, (level, &count): (&String, &usize)| match best {
        Some(best) if best.1 >= count => Some(best),
        _ => Some((level.clone(), count)),
    };
    found.counts.iter().fold(None, first).map(|(level, _)| level)
}

fn codes(choice: &Choice, encoding: Encoding, found: &Levels) -> Option<Transform> {
    let given = (choice.category == CategoryImpute::Constant).then(|| {
        let mut counts = found.counts.clone();
        if found.missing > 0 {
            *counts.entry(choice.level.clone()).or_default() += found.missing;
        }
        Levels { counts, rows: found.rows, missing: 0 }
    });
    let most_frequent = most_frequent(found);
    let found = given.as_ref().unwrap_or(found);
    let mut by_count: Vec<(&String, usize)> = found.counts.iter().map(|(level, &count)| (level, count)).collect();
    // Stable, so that equally frequent levels stay in the order of their texts.
    by_count.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
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
    // A level that is not among the known ones is itself rare, so its code is that of the others.
    let code_of = |level: &String| match levels.binary_search(level) {
        Ok(place) => Missing::Code(place as u32),
        Err(_) if other => Missing::Code(known),
        Err(_) => Missing::Stays,
    };
    let missing = match choice.category {
        CategoryImpute::None => Missing::Stays,
        CategoryImpute::MissingLevel => Missing::Code(known + u32::from(other)),
        CategoryImpute::MostFrequent => most_frequent.as_ref().map_or(Missing::Stays, code_of),
        CategoryImpute::Constant => code_of(&choice.level),
    };
    let mut transform = Transform::Category { levels, other, missing, encoding, dropped: Vec::new() };
    if choice.dense {
        let constant = constant_codes(&transform, found);
        let codes = transform.code_count() as usize;
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
    let mut counts: Vec<usize> = levels.iter().map(|level| found.counts.get(level).copied().unwrap_or(0)).collect();
    let known: usize = counts.iter().sum();
    counts.resize(transform.code_count() as usize, 0);
    if counts.len() > levels.len() {
        counts[levels.len()] = found.counts.values().sum::<usize>() - known;
    }
    if let Missing::Code(code) = missing
        && let Some(count) = counts.get_mut(*code as usize)
    {
        *count += found.missing;
    }
    (0..).zip(counts).filter(|(_, count)| *count == 0 || *count == found.rows).map(|(code, _)| code).collect()
}

/// A level's share of the rows; missing is a level where there are missing values among them.
fn frequency(choice: &Choice, mut found: Levels) -> Option<Learned> {
    let filled = filled(choice, &mut found);
    let rows = found.rows as f64;
    let share = |count: usize| count as f64 / rows;
    let missing = match &filled {
        Some(level) => found.counts.get(level).map_or(0.0, |&count| share(count)),
        None => share(found.missing),
    };
    // As often as each occurs, in the order of the rows' numbers once sorted: enough to find location and spread.
    let mut all: Vec<f64> = Vec::with_capacity(found.rows);
    found.counts.values().for_each(|&count| all.extend(std::iter::repeat_n(share(count), count)));
    all.extend(std::iter::repeat_n(share(found.missing), found.missing));
    all.sort_unstable_by(f64::total_cmp);
    let line = Line::of(choice, &all)?;
    let values = found.counts.values().map(|&count| line.of_value(share(count))).collect();
    Some(
        Transform::Table {
            levels: found.counts.into_keys().collect(),
            names: vec!["(share)".to_owned()],
            values,
            unseen: vec![line.of_value(0.0)],
            missing: vec![line.of_value(missing)],
        }
        .into(),
    )
}

/// The straight line of a scale.
struct Line {
    offset: f64,
    divisor: f64,
}

impl Line {
    /// None when the values are constant and of no use. Curves are taken as `standard`.
    fn of(choice: &Choice, sorted: &[f64]) -> Option<Self> {
        if choice.dense && crate::features::numbers::constant(sorted) {
            return None;
        }
        let (offset, spread) = location(super::dates::straight(choice.scale), sorted);
        let steady = !(spread.is_finite() && spread > 0.0);
        Some(Self { offset, divisor: if steady { 1.0 } else { spread } })
    }

    fn of_value(&self, value: f64) -> f64 {
        (value - self.offset) / self.divisor
    }
}

fn target(choice: &Choice, values: &Values, rows: Option<&[usize]>, goal: &Goal<'_>) -> Option<Learned> {
    let mut found = count_levels(values, rows);
    let filled = filled(choice, &mut found);
    let levels: Vec<String> = found.counts.into_keys().collect();
    let taken = rows.map(|rows| values.take(rows));
    let places = LevelMap::new(&levels).places_of(taken.as_ref().unwrap_or(values));
    let level_of_missing = filled.and_then(|level| levels.binary_search(&level).ok());
    let missing = levels.len();
    let code = |place: u32| match place {
        LevelMap::MISSING => level_of_missing.unwrap_or(missing),
        place => place as usize,
    };
    let codes: Vec<usize> = places.into_iter().map(code).collect();
    let outputs = if goal.classes > 2 { goal.classes } else { 1 };
    let mut names = Vec::with_capacity(outputs);
    let mut columns = Vec::with_capacity(outputs);
    let mut training = Vec::with_capacity(outputs);
    let folds = target_encoding::folds(goal, choice.target_encoding.folds as usize, rows);
    for output in 0..outputs {
        let y: Vec<f64> = match goal.classes {
            0 => goal.y.to_vec(),
            2 => goal.y.to_vec(),
            _ => goal.y.iter().map(|&class| f64::from(u8::from(class == output as f64))).collect(),
        };
        let smoothing = choice.target_encoding.smoothing;
        let full = target_encoding::encode(&codes, &y, levels.len() + 1, smoothing);
        let crossed = target_encoding::cross_fit(&codes, &y, levels.len() + 1, smoothing, &folds);
        let mut sorted = crossed.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let Some(line) = Line::of(choice, &sorted) else { continue };
        names.push(if outputs > 1 { format!("(target {output})") } else { "(target)".to_owned() });
        let column = full.values.iter().chain(std::iter::once(&full.unseen));
        columns.push(column.map(|&value| line.of_value(value)).collect::<Vec<f64>>());
        training.push(crossed.into_iter().map(|value| line.of_value(value)).collect::<Vec<f64>>());
    }
    let at = |place: usize| columns.iter().map(|column| column[place]).collect::<Vec<f64>>();
    let table = Transform::Table {
        values: (0..levels.len()).flat_map(at).collect(),
        unseen: at(levels.len() + 1),
        missing: at(level_of_missing.unwrap_or(missing)),
        levels,
        names,
    };
    (!training.is_empty()).then_some(Learned { transform: table, training: Some(training) })
}
