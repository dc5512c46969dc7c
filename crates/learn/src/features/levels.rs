//! The levels of a category: counting them, and finding a row's.

use std::collections::{BTreeMap, HashMap};

use crate::Values;

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

/// Where each level stands among the known ones, found by text or by number.
#[derive(Clone, Debug)]
pub(super) struct LevelMap {
    texts: HashMap<Box<str>, u32>,
    /// By the bits of a number: the level that is its own text, else the first that reads as the same number, such as
    /// `3.0` or `03`.
    numbers: HashMap<u64, u32>,
    count: u32,
}

impl LevelMap {
    /// The place of a missing value.
    pub(super) const MISSING: u32 = u32::MAX;

    pub(super) fn new(levels: &[String]) -> Self {
        let mut texts = HashMap::with_capacity(levels.len());
        let mut numbers = HashMap::new();
        for (place, level) in (0..).zip(levels) {
            texts.entry(level.as_str().into()).or_insert(place);
            if let Ok(number) = level.trim().parse::<f64>() {
                let first = numbers.entry(key(number)).or_insert(place);
                if *level == number_text(number) {
                    *first = place;
                }
            }
        }
        Self { texts, numbers, count: levels.len() as u32 }
    }

    /// The place of a text's level; the number of levels for an unknown one.
    pub(super) fn of_text(&self, text: &str) -> u32 {
        self.texts.get(text).copied().unwrap_or(self.count)
    }

    /// The place of a number's level; the number of levels for an unknown one, [`LevelMap::MISSING`] for NaN.
    pub(super) fn of_number(&self, number: f64) -> u32 {
        if number.is_nan() {
            return Self::MISSING;
        }
        self.numbers.get(&key(number)).copied().unwrap_or(self.count)
    }

    /// The place of each row's level.
    pub(super) fn places_of(&self, values: &Values) -> Vec<u32> {
        match values {
            Values::Number(numbers) | Values::Moment(numbers) => {
                numbers.iter().map(|&number| self.of_number(number)).collect()
            }
            Values::Category { codes, levels } if levels.len() <= codes.len() => {
                let places: Vec<u32> = levels.iter().map(|text| self.of_text(text)).collect();
                codes.iter().map(|&code| places.get(code as usize).copied().unwrap_or(Self::MISSING)).collect()
            }
            // A few rows may come with thousands of levels.
            Values::Category { codes, levels } => {
                let place = |text: &String| self.of_text(text);
                codes.iter().map(|&code| levels.get(code as usize).map_or(Self::MISSING, place)).collect()
            }
        }
    }
}

fn key(number: f64) -> u64 {
    // Adding zero turns -0 into 0.
    (number + 0.0).to_bits()
}
