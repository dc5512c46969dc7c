//! Tables: read, write, query, profile and split. Arrow inside, canonical types outside.
//!
//! Reading order: [`table`], [`mod@read`], [`mod@write`], [`profile`], [`contract`], [`columns`], [`outliers`],
//! [`mod@sql`], [`preparation`], [`mod@split`]. Every table has a digest of its logical content, so that equal data are equal whatever
//! file they came from.

mod cells;
pub mod columns;
pub mod contract;
pub mod error;
pub mod freshness;
pub mod glance;
mod memory;
pub mod outliers;
pub mod preparation;
pub mod profile;
pub mod read;
pub mod split;
pub mod sql;
pub mod table;
pub mod write;

pub use cells::Cells;
pub use error::DataError;
pub use table::{Gather, TABLE_CODEC, Table, column_type};
