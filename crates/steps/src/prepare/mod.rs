//! Preparing tables: nothing here learns from the data's distribution unless it says so.

pub mod columns;
pub mod outliers;
pub mod sql;

use trainyard_core::step::ErasedStep;

/// The steps of this stage.
pub const STEPS: &[&dyn ErasedStep] = &[&columns::Columns, &outliers::Outliers, &sql::Sql];
