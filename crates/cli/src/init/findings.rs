//! What a look at the data tells about the pipeline it needs.

use std::{collections::BTreeMap, path::PathBuf};

use trainyard_core::{ColumnType, evaluation::Task, profile::Profile};
use trainyard_data::{DataError, Table, columns::numbers};
use trainyard_learn::{Frame, diagnose::group_column};
use trainyard_model::{Target, frame};

use super::leaks;

/// How the rows should be split.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Strategy {
    /// At random.
    Random,
    /// By class.
    Stratified,
    /// Rows of one group stay together.
    Group(String),
    /// The past trains, the future tests.
    Time(String),
}

/// What a look at the data tells.
#[derive(Clone, Debug)]
pub(crate) struct Findings {
    /// The data files, as the user named them.
    pub(crate) data: PathBuf,
    /// The column to predict.
    pub(crate) target: String,
    /// What is predicted.
    pub(crate) task: Task,
    /// Share of the rarest class, for classes.
    pub(crate) rarest: f64,
    /// True when whole numbers of few values could be amounts as well as classes.
    pub(crate) task_guessed: bool,
    /// Statistics of every column.
    pub(crate) profile: Profile,
    /// How to split, and why.
    pub(crate) strategy: (Strategy, String),
    /// Columns to leave out, with the reason.
    pub(crate) left_out: BTreeMap<String, String>,
    /// Date and timestamp columns that stay, from which parts of the calendar are made.
    pub(crate) moments: Vec<String>,
}

/// Looks at `table`, read from `data`.
///
/// # Errors
/// A target that is not there or cannot be predicted.
pub(crate) fn look(
    data: PathBuf,
    table: &Table,
    profile: Profile,
    target_name: &str,
    task: Option<Task>,
) -> Result<Findings, DataError> {
    let target = Target::of(table, target_name, task)?;
    if target.task.is_classification() && target.classes.len() < 2 {
        return Err(DataError::new("single-class", format!("`{target_name}` holds one value only"))
            .help("there is nothing to predict; choose another target"));
    }
    let others: Vec<String> = table.names().filter(|name| *name != target_name).map(str::to_owned).collect();
    let frame = frame(table, &others)?;
    let mut left_out = leaks::find(&frame, &profile, target_name, &target);
    let strategy = strategy(&frame, &profile, target_name, target.task);
    if let Strategy::Group(group) = &strategy.0 {
        left_out.remove(group);
    }
    if let Strategy::Time(time) = &strategy.0 {
        left_out.remove(time);
        for column in later(table, &profile, time)? {
            if column != target_name {
                let reason = format!("never before `{time}` and mostly after it: not known yet at that moment");
                left_out.insert(column, reason);
            }
        }
    }
    let is_moment = |kind| matches!(kind, ColumnType::Date | ColumnType::Timestamp);
    let moments: Vec<String> = profile
        .columns
        .iter()
        .filter(|column| is_moment(column.column_type) && column.distinct > 1 && column.name != target_name)
        .filter(|column| !left_out.contains_key(&column.name))
        .map(|column| column.name.clone())
        .collect();
    Ok(Findings {
        data,
        target: target_name.to_owned(),
        task: target.task,
        rarest: rarest(&target),
        task_guessed: target.guessed,
        profile,
        strategy,
        left_out,
        moments,
    })
}

/// The moments that come after the moment by which the rows are split.
fn later(table: &Table, profile: &Profile, time: &str) -> Result<Vec<String>, DataError> {
    let start = numbers(&table.column(time)?)?;
    let mut found = Vec::new();
    for column in profile.columns.iter().filter(|column| column.name != time) {
        if !matches!(column.column_type, ColumnType::Timestamp | ColumnType::Date) {
            continue;
        }
        let moments = numbers(&table.column(&column.name)?)?;
        let known = || start.iter().zip(&moments).filter(|(start, moment)| start.is_finite() && moment.is_finite());
        // Real data have a few rows whose clock was wrong.
        let (rows, before) = (known().count(), known().filter(|(start, moment)| moment < start).count());
        let after = known().filter(|(start, moment)| moment > start).count();
        if rows > 0 && before * 1000 <= rows && after * 2 > rows {
            found.push(column.name.clone());
        }
    }
    Ok(found)
}

fn rarest(target: &Target) -> f64 {
    let mut counts = vec![0.0; target.classes.len()];
    for value in target.values.iter().filter(|value| value.is_finite()) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "class codes are small and known")]
        if let Some(count) = counts.get_mut(*value as usize) {
            *count += 1.0;
        }
    }
    let total: f64 = counts.iter().sum();
    counts.into_iter().fold(f64::INFINITY, f64::min) / total.max(1.0)
}

fn strategy(frame: &Frame, profile: &Profile, target: &str, task: Task) -> (Strategy, String) {
    let names_things = |name: &str| {
        let column = profile.columns.iter().find(|column| column.name == name);
        column.is_some_and(|column| matches!(column.column_type, ColumnType::Integer | ColumnType::Text))
    };
    if let Some(group) = group_column::find(frame, names_things) {
        return (Strategy::Group(group.column), group.reason);
    }
    // A moment that many rows share is a stamp of the batch, not of the row.
    let moment = profile.columns.iter().find(|column| {
        matches!(column.column_type, ColumnType::Timestamp | ColumnType::Date)
            && column.name != target
            && column.distinct * 20 > profile.rows
    });
    if let Some(moment) = moment {
        let why = format!("`{}` says when each row was taken: train on the past, test on the future", moment.name);
        return (Strategy::Time(moment.name.clone()), why);
    }
    if task.is_classification() {
        (Strategy::Stratified, "every part gets its share of each class".to_owned())
    } else {
        (Strategy::Random, "nothing in the columns ties rows together".to_owned())
    }
}
