//! Columns of few distinct values, as codes: a category's own, or a number's distinct values in order of appearance.

use std::{borrow::Cow, collections::HashMap};

use crate::Values;

/// A column of few distinct values.
pub(super) struct Levels<'a> {
    /// A code a row; [`Values::MISSING`] where it is missing.
    pub(super) codes: Cow<'a, [u32]>,
    /// Number of codes.
    pub(super) count: usize,
    names: Names<'a>,
}

enum Names<'a> {
    Texts(&'a [String]),
    Numbers(Vec<f64>),
}

impl<'a> Levels<'a> {
    /// The levels of a column; `None` where it has more than `most`.
    pub(super) fn of(values: &'a Values, most: usize) -> Option<Self> {
        if let Values::Category { codes, levels } = values {
            let names = Names::Texts(levels);
            return (levels.len() <= most).then_some(Self { codes: Cow::Borrowed(codes), count: levels.len(), names });
        }
        let Values::Number(numbers) = values else { return None };
        let mut seen: HashMap<u64, u32> = HashMap::new();
        let mut names = Vec::new();
        let mut codes = Vec::with_capacity(numbers.len());
        for &value in numbers {
            if !value.is_finite() {
                codes.push(Values::MISSING);
                continue;
            }
            // Minus zero and zero are one value.
            let code = *seen.entry((value + 0.0).to_bits()).or_insert_with(|| {
                names.push(value);
                names.len() as u32 - 1
            });
            if names.len() > most {
                return None;
            }
            codes.push(code);
        }
        Some(Self { codes: Cow::Owned(codes), count: names.len(), names: Names::Numbers(names) })
    }

    /// A level as the data have it.
    pub(super) fn name(&self, code: usize) -> String {
        match &self.names {
            Names::Texts(texts) => texts.get(code).cloned().unwrap_or_default(),
            Names::Numbers(numbers) => numbers.get(code).map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Code and target of each row where both are known.
    pub(super) fn known<'t>(&'t self, target: &'t [f64]) -> impl Iterator<Item = (usize, f64)> + 't {
        self.codes
            .iter()
            .zip(target)
            .filter(|(code, value)| **code != Values::MISSING && value.is_finite())
            .map(|(code, value)| (*code as usize, *value))
    }
}
