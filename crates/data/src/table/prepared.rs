//! A table that knows what was done to it since its source.

use std::sync::Arc;

use arrow::datatypes::Field;
use trainyard_core::{ColumnType, Digest};

use super::{Table, column_type, digest};
use crate::preparation::{Compiled, Operation, Preparation};

impl Table {
    /// What was done to it since its source, row by row; none where it is a source itself.
    #[must_use]
    pub const fn preparation(&self) -> Option<&Arc<Preparation>> {
        self.preparation.as_ref()
    }

    /// The same rows with this preparation, or with none.
    #[must_use]
    pub fn with_preparation(self, preparation: Option<Arc<Preparation>>) -> Self {
        Self { preparation, ..self }
    }

    /// What was done to it since its source: nothing, where it is a source itself.
    #[must_use]
    pub fn since_source(&self) -> Preparation {
        self.preparation
            .as_ref()
            .map_or_else(|| Preparation::of_source(&self.schema), |known| Preparation::clone(known))
    }

    /// The same rows, which are what `operation` made of rows of `from`. Where that cannot be said of records as well (a
    /// query that mixes rows, columns of types that no record has) the table is a source.
    #[must_use]
    pub fn prepared_from(self, from: &Self, operation: Operation) -> Self {
        let preparation = from.since_source().then(operation);
        let outputs: Vec<String> = self.names().map(str::to_owned).collect();
        // A column of any other type is handed on as it is.
        let alike = |made: &Field, here: &Field| {
            made.data_type() == here.data_type() || column_type(here.data_type()) == ColumnType::Other
        };
        let leads_here = Compiled::new(&preparation, &outputs).is_ok_and(|compiled| {
            compiled.schema().fields().iter().zip(self.schema.fields()).all(|(made, here)| alike(made, here))
        });
        self.with_preparation(leads_here.then(|| Arc::new(preparation)))
    }

    /// The same rows, with the unit of a column known where that is a column of the source, be it under another name.
    #[must_use]
    pub fn with_unit(self, column: &str, unit: &str) -> Self {
        let mut preparation = self.since_source();
        let compiled = Compiled::new(&preparation, &[column.to_owned()]);
        let Some(origin) = compiled.ok().and_then(|compiled| Some(compiled.origin(column)?.column.name.clone())) else {
            return self;
        };
        for source in preparation.source.iter_mut().filter(|source| source.column.name == origin) {
            source.unit = Some(unit.to_owned());
        }
        self.with_preparation(Some(Arc::new(preparation)))
    }

    /// The digest of the content, whatever was done to make it.
    pub(super) fn content_digest(&self) -> Digest {
        // What cannot be read cannot be kept either, and that tells why.
        *self.digest.get_or_init(|| digest::digest(self).unwrap_or_else(|error| digest::unreadable(&error)))
    }
}
