//! The levels of a category: counting them, and finding a row's.

use std::collections::BTreeMap;

use crate::{Values, features::Missing};

/// How often each level occurs among the rows, and how many rows there are and miss.
pub(super) struct Levels {
    pub(super) counts: BTreeMap<String, usize>,
    pub(super) rows: usize,
    pub(super) missing: usize,
}

pub(super) fn count_levels(values: &Values, rows: Option<&[usize]>) -> Levels {
    let total = rows.map_or(values.len(), <[usize]>::len);
    let mut counts = BTreeMap::new();
    let mut missing = 0;
    match values {
        Values::Number(numbers) | Values::Moment(numbers) => {
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

/// The shortest decimal text that reads back as `number`; 3 for 3.0.
pub(super) fn number_text(number: f64) -> String {
    // Adding zero turns -0 into 0.
    format!("{}", number + 0.0)
}

/// What is needed to turn a text into its code.
pub(super) struct Lookup<'a> {
    pub(super) levels: &'a [String],
    pub(super) other: bool,
    pub(super) missing: Missing,
}

impl Lookup<'_> {
    fn code(&self, place: Option<usize>) -> Option<u32> {
        match (place, self.missing) {
            (Some(place), _) if place < self.levels.len() || self.other => Some(place as u32),
            (_, Missing::Stays) => None,
            (_, Missing::Code(code)) => Some(code),
        }
    }
}

/// The place of each row's level; the number of levels for an unknown one, none for a missing one.
pub(super) fn places_of(values: &Values, levels: &[String]) -> Vec<Option<usize>> {
    map(values, levels, |place| place)
}

/// The code of each row's level.
pub(super) fn codes_of(values: &Values, lookup: &Lookup<'_>) -> Vec<Option<u32>> {
    map(values, lookup.levels, |place| lookup.code(place))
}

fn map<T: Copy>(values: &Values, sorted: &[String], code: impl Fn(Option<usize>) -> T) -> Vec<T> {
    match values {
        Values::Number(numbers) | Values::Moment(numbers) => {
            let mut last = (f64::NAN, code(None));
            let mut code_of = |number: f64| {
                if number.is_nan() {
                    return code(None);
                }
                if last.0 != number {
                    last = (number, code(Some(place_of_number(sorted, number))));
                }
                last.1
            };
            numbers.iter().map(|&number| code_of(number)).collect()
        }
        Values::Category { codes, levels } if codes.len() == 1 => {
            vec![code(levels.get(codes[0] as usize).map(|text| place_of_text(sorted, text)))]
        }
        Values::Category { codes, levels } => {
            // Looked up when first met: one row may come with thousands of levels.
            let mut known: Vec<Option<T>> = vec![None; levels.len()];
            let absent = code(None);
            let mut code_of = |at: u32| match levels.get(at as usize) {
                Some(text) => *known[at as usize].get_or_insert_with(|| code(Some(place_of_text(sorted, text)))),
                None => absent,
            };
            codes.iter().map(|&code| code_of(code)).collect()
        }
    }
}

fn place_of_text(sorted: &[String], text: &str) -> usize {
    sorted.binary_search_by(|level| level.as_str().cmp(text)).unwrap_or(sorted.len())
}

/// A number's own text first, then any level that reads as the same number, such as `3.0` or `03`.
fn place_of_number(sorted: &[String], number: f64) -> usize {
    let own = place_of_text(sorted, &number_text(number));
    if own < sorted.len() {
        return own;
    }
    let same = |level: &String| level.trim().parse::<f64>().is_ok_and(|value| value == number);
    sorted.iter().position(same).unwrap_or(sorted.len())
}
