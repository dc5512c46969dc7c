//! Parts by a column that names them.

use std::collections::BTreeMap;

use trainyard_core::problem::nearest;

use super::{
    artifact::NO_PART,
    codes::Codes,
    ratio::{MOST_PARTS, rank},
};
use crate::{error::DataError, table::Table};

/// The part name that leaves rows out.
pub(super) const LEFT_OUT: &str = "none";

/// The part names, and the part of each row: see [`super::Strategy::Predefined`].
///
/// # Errors
/// `missing-part` for rows without a value; `unknown-part` for values the mapping does not name; `bad-ratio` for
/// fewer than one part or more than 254.
pub(super) fn assign(
    table: &Table,
    column: &str,
    mapping: &BTreeMap<String, String>,
) -> Result<(Vec<String>, Vec<u8>), DataError> {
    let array = table.column(column)?;
    let codes = Codes::of(&array)?;
    let labels = codes.labels(&array)?;
    if let Some(code) = codes.first.iter().position(|row| array.is_null(*row as usize)) {
        let missing = codes.sizes()[code];
        return Err(DataError::new("missing-part", format!("{missing} rows have no value in column `{column}`")));
    }
    let unknown: Vec<&String> = labels.iter().filter(|label| part_of(mapping, label).is_none()).collect();
    if let Some(first) = unknown.first() {
        let shown: Vec<String> = unknown.iter().take(5).map(|label| format!("`{label}`")).collect();
        let more = if unknown.len() > 5 { ", …" } else { "" };
        let error = DataError::new(
            "unknown-part",
            format!("column `{column}` holds {}{more}, given no part", shown.join(", ")),
        );
        return Err(match nearest(first, mapping.keys().map(String::as_str)) {
            Some(near) => {
                error.help(format!("the mapping names `{near}`; map a value to `{LEFT_OUT}` to leave it out"))
            }
            None => error.help(format!("map it to a part, or to `{LEFT_OUT}` to leave its rows out")),
        });
    }
    let names = names(labels.iter().filter_map(|label| part_of(mapping, label)));
    if !(1..=MOST_PARTS).contains(&names.len()) {
        let message = format!("column `{column}` names {} parts, expected 1 to {MOST_PARTS}", names.len());
        return Err(DataError::new("bad-ratio", message));
    }
    let of_code: Vec<u8> = labels
        .iter()
        .filter_map(|label| part_of(mapping, label))
        .map(|part| names.iter().position(|name| name == part).map_or(NO_PART, |part| part as u8))
        .collect();
    Ok((names, codes.codes.iter().map(|code| of_code[*code as usize]).collect()))
}

fn part_of<'a>(mapping: &'a BTreeMap<String, String>, label: &'a String) -> Option<&'a String> {
    if mapping.is_empty() { Some(label) } else { mapping.get(label) }
}

/// Distinct part names in the usual order, without the one that leaves rows out.
pub(super) fn names<'a>(parts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<String> = parts.filter(|part| *part != LEFT_OUT).cloned().collect();
    names.sort();
    names.dedup();
    names.sort_by_key(|name| rank(name));
    names
}
