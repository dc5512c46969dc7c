//! Columns that would tell the answer, or which row it is, rather than what the row is like: what
//! [`trainyard_learn::diagnose`] finds, in the words of a comment.

use std::collections::BTreeMap;

use trainyard_core::{ColumnType, profile::Profile};
use trainyard_learn::{
    Frame,
    diagnose::{self, Subject, identifier, target_leakage},
};
use trainyard_model::Target;

/// The columns of `frame` to leave out, each with the reason in words.
pub(super) fn find(frame: &Frame, profile: &Profile, name: &str, target: &Target) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let rows: Vec<usize> = diagnose::picked(&(0..frame.rows).collect::<Vec<_>>());
    let picked = frame.take(&rows);
    let values: Vec<f64> = rows.iter().map(|&row| target.values[row]).collect();
    let subject = Subject { frame: &picked, target: &values, name, task: target.task, classes: &target.classes };
    for leak in target_leakage::find(&subject) {
        found.insert(leak.column, format!("leak suspect: {}", leak.reason));
    }
    for column in &frame.columns {
        let Some(about) = profile.columns.iter().find(|about| about.name == column.name) else { continue };
        if about.distinct <= 1 && profile.rows > 1 {
            found.insert(column.name.clone(), "holds one value only".to_owned());
        } else if matches!(about.column_type, ColumnType::Integer | ColumnType::Text)
            && let Some(identifier) = identifier::find(column)
        {
            found.insert(column.name.clone(), format!("an identifier: {}", identifier.reason));
        }
    }
    found
}
