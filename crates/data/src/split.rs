//! The data-segregation API: a table, a strategy, ratios or folds and a seed; back come the parts, with or without
//! labels, and warnings that carry their numbers.
//!
//! ```text
//! let parts = Split::of(&table).target("y").ratio([0.7, 0.15, 0.15]).seed(7).stratified()?;
//! let train = parts.part(Part::Train).with_labels()?;
//! let test = parts.part(Part::Test).without_labels()?;
//! for warning in &parts.warnings { … }
//! ```
//!
//! Equal rows in equal order, with an equal [`Spec`], give equal parts on any machine and at any thread count.
//! [`split`] is the one function behind the builder, the command line, HTTP and the steps; [`folds()`] and its
//! neighbours make the folds of cross-validation from the same parts.

mod artifact;
mod assign;
mod builder;
mod check;
mod codes;
mod draw;
mod folds;
mod grouped;
mod hashed;
mod predefined;
mod ratio;
mod row_hash;
mod self_test;
mod spec;
mod statistics;
#[cfg(test)]
mod tests;
mod timed;
mod warn;

use std::sync::Arc;

pub use artifact::{NO_PART, Roles, SPLIT_CODEC, SplitTable, fold_parts};
pub use builder::{Part, PartView, Parts, Split};
pub use check::{check, outline, part_names};
pub use folds::{
    Fold, FoldInput, FoldSpec, NO_FOLD, NestedFold, fold_codes, folds, group_folds, holdout, moments, nested,
    random_folds, stratified_folds, stratified_group_folds, table_folds, time_folds,
};
pub use ratio::Ratio;
pub use self_test::{SelfTestResult, self_test};
pub use spec::{Spec, Strategy};
pub use warn::{about, advised, severity};

use assign::Prepared;

use crate::{error::DataError, table::Table};

/// Splits a table.
///
/// # Errors
/// Everything [`check()`] finds, at once; `too-many-rows` above 4 294 967 295; `no-rows`; `too-few-rows` when there are
/// fewer rows, groups or moments than parts; `missing-time` and `missing-part` for rows without a value where one is
/// needed; `unknown-part` for a predefined part that the mapping leaves out.
pub fn split(table: &Arc<Table>, spec: &Spec) -> Result<Parts, DataError> {
    let prepared = Prepared::of(table, spec)?;
    let (names, parts) = prepared.assign()?;
    let roles = Roles {
        target: spec.target.clone(),
        group: spec.group.clone(),
        time: spec.time.clone(),
        named_by: match &spec.strategy {
            Strategy::Predefined { column, .. } => Some(column.clone()),
            _ => None,
        },
    };
    let split = SplitTable::new(Arc::clone(table), names, parts, roles)?;
    let warnings = warn::warnings(&prepared, &split)?;
    Ok(Parts { split: Arc::new(split), warnings })
}
