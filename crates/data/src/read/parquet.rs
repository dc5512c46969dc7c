//! Parquet files.

use super::files::Opened;
use crate::{
    error::DataError,
    table::{Table, decode_parquet, parquet_schema},
};

/// Reads a Parquet file, or only its schema as a table without rows.
pub(super) fn read(opened: &Opened<'_>, only_schema: bool) -> Result<Table, DataError> {
    let file = opened.unpacked()?;
    let (schema, batches) = if only_schema { (parquet_schema(file)?, Vec::new()) } else { decode_parquet(file)? };
    Table::new(schema, batches)
        .map_err(|error| DataError { message: format!("`{}`: {}", file.display(), error.message), ..error })
}
