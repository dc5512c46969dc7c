//! Texts that come again in another part: a comment posted twice is learned by heart and then judged on.

use std::collections::HashMap;

use arrow::{
    array::{Array, AsArray},
    datatypes::DataType,
};
use trainyard_core::Warning;

use super::{View, percent};
use crate::{
    error::DataError,
    split::{artifact::NO_PART, draw::Draw},
};

/// Fewest words and letters of a text that does not come again by chance.
const FEWEST_WORDS: usize = 3;
const FEWEST_LETTERS: usize = 12;
/// The share of a column's values that have to be such texts, and different, for it to be a column of texts.
const MOSTLY: f64 = 0.5;
/// Rows looked at to tell a column of texts.
const LOOKED_AT: usize = 1000;
/// Sets the look's stream apart from the split's.
const PURPOSE: u64 = 3;

/// `repeated-text-across-parts` for the column of texts with the most such rows.
///
/// # Errors
/// `unknown-column` never: the columns are the table's own.
pub(super) fn repeated(view: &View<'_>) -> Result<Option<Warning>, DataError> {
    let (table, spec) = (view.prepared.table, view.prepared.spec);
    let roles = [&spec.target, &spec.group, &spec.time].map(Option::as_deref);
    let fields = table.arrow_schema().fields();
    let texts = fields.iter().filter(|field| *field.data_type() == DataType::Utf8);
    let mut worst: Option<(usize, String)> = None;
    for field in texts.filter(|field| !roles.contains(&Some(field.name().as_str()))) {
        let array = table.column(field.name())?;
        let values = array.as_string::<i32>();
        if !is_text(values) {
            continue;
        }
        let mut home: HashMap<String, u8> = HashMap::new();
        let held = || (0..values.len()).filter(|row| values.is_valid(*row) && view.parts[*row] != NO_PART);
        for row in held() {
            if let Some(text) = plain(values.value(row)) {
                let part = view.parts[row];
                home.entry(text).and_modify(|first| *first = (*first).min(part)).or_insert(part);
            }
        }
        let is_repeated = |row: &usize| {
            plain(values.value(*row)).is_some_and(|text| home.get(&text).is_some_and(|first| *first < view.parts[*row]))
        };
        let rows = held().filter(is_repeated).count();
        if rows > worst.as_ref().map_or(0, |(rows, _)| *rows) {
            worst = Some((rows, field.name().clone()));
        }
    }
    let Some((rows, name)) = worst else { return Ok(None) };
    let later: usize = view.sizes.iter().skip(1).sum();
    let share = rows as f64 / later.max(1) as f64;
    let message = format!(
        "{rows} rows ({}) of the parts after the first have a text in `{name}` that an earlier part has too",
        percent(share)
    );
    Ok(Some(Warning::new("repeated-text-across-parts", message).number("rows", rows as f64).number("share", share)))
}

/// True for a column that mostly holds sentences which mostly differ.
fn is_text(values: &arrow::array::StringArray) -> bool {
    let mut draw = Draw::new(0, PURPOSE);
    let count = values.len().min(LOOKED_AT);
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut long = 0_usize;
    for index in 0..count {
        let (from, to) = (values.len() * index / count, values.len() * (index + 1) / count);
        let row = from + draw.below((to - from) as u32) as usize;
        if values.is_valid(row)
            && let Some(text) = plain(values.value(row))
        {
            long += 1;
            *seen.entry(text).or_default() += 1;
        }
    }
    let needed = MOSTLY * count as f64;
    long as f64 >= needed && seen.len() as f64 >= MOSTLY * long as f64
}

/// A text in lower case, its words by single spaces, without marks that cannot be seen; nothing for a short one.
fn plain(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut words = 0;
    for word in text.split(|letter: char| letter.is_whitespace() || matches!(letter, '\u{feff}' | '\u{200b}')) {
        if word.is_empty() {
            continue;
        }
        if words > 0 {
            plain.push(' ');
        }
        words += 1;
        plain.extend(word.chars().flat_map(char::to_lowercase));
    }
    (words >= FEWEST_WORDS && plain.len() >= FEWEST_LETTERS).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_does_not_tell_texts_apart() {
        assert_eq!(plain("Check  OUT my\u{feff} channel\u{feff}"), Some("check out my channel".to_owned()));
        assert_eq!(plain("first!"), None);
        assert_eq!(plain("a b c"), None);
    }
}
