//! Experiments: what runs are grouped by. A pipeline's runs are those of the experiment of its name.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;

use super::{
    Search, Tagged,
    search::{Table, statement},
    tags, unknown,
};
use crate::{
    catalog::{Bind, column, parsed},
    error::StoreError,
    store::Store,
};

/// An experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experiment {
    /// Its number; 0 is the one of runs that name none.
    pub id: i64,
    /// Its name, which no other has.
    pub name: String,
    /// Where its files are kept, where a client chose a place of its own.
    pub artifact_location: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated: i64,
    /// True while it is in the bin.
    pub deleted: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

const COLUMNS: &str = "e.id, e.name, e.artifact_location, e.created, e.updated, e.deleted,
     (SELECT json_group_object(key, value) FROM experiment_tags WHERE experiment = e.id) AS tags";

impl Store {
    /// Makes an experiment and gives its number.
    ///
    /// # Errors
    /// `experiment-exists`; when the catalog cannot be written.
    pub fn create_experiment(
        &self,
        name: &str,
        artifact_location: Option<&str>,
        tags: &[(String, String)],
        now: i64,
    ) -> Result<i64, StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            let sql = "INSERT INTO experiments (name, artifact_location, created, updated) VALUES (?, ?, ?, ?)
                       ON CONFLICT DO NOTHING RETURNING id";
            let arguments = [name.into(), Bind::optional(artifact_location), now.into(), now.into()];
            let row = transaction.row(sql, &arguments)?.ok_or_else(|| exists(name))?;
            let id = column(&row, "id")?;
            let tags = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            tags::set(transaction, Tagged::Experiment(id), tags)?;
            Ok(id)
        })
    }

    /// The experiment of that number, also one in the bin.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn experiment(&self, id: i64) -> Result<Option<Experiment>, StoreError> {
        let rows = self.catalog.made(format!("SELECT {COLUMNS} FROM experiments e WHERE e.id = ?"), &[id.into()])?;
        rows.first().map(experiment).transpose()
    }

    /// The experiment of that name, also one in the bin.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn experiment_named(&self, name: &str) -> Result<Option<Experiment>, StoreError> {
        let rows =
            self.catalog.made(format!("SELECT {COLUMNS} FROM experiments e WHERE e.name = ?"), &[name.into()])?;
        rows.first().map(experiment).transpose()
    }

    /// The experiments that are searched for; without an order, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn search_experiments(&self, search: &Search) -> Result<Vec<Experiment>, StoreError> {
        let (sql, arguments) = statement(Table::Experiments, COLUMNS, search);
        self.catalog.made(sql, &arguments)?.iter().map(experiment).collect()
    }

    /// Gives an experiment another name.
    ///
    /// # Errors
    /// `experiment-exists`, `unknown-experiment`; when the catalog cannot be written.
    pub fn rename_experiment(&self, id: i64, name: &str, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            let taken = "SELECT id FROM experiments WHERE name = ? AND id <> ?";
            if transaction.row(taken, &[name.into(), id.into()])?.is_some() {
                return Err(exists(name));
            }
            let sql = "UPDATE experiments SET name = ?, updated = ? WHERE id = ? RETURNING id";
            let row = transaction.row(sql, &[name.into(), now.into(), id.into()])?;
            row.map(drop).ok_or_else(|| unknown("unknown-experiment", "experiment", id))
        })
    }

    /// Puts an experiment and its runs into the bin, or takes them out. What was in the bin before its experiment stays
    /// there.
    ///
    /// # Errors
    /// `unknown-experiment`; when the catalog cannot be written.
    pub fn bin_experiment(&self, id: i64, into: bool, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            let found = transaction.row("SELECT deleted FROM experiments WHERE id = ?", &[id.into()])?;
            let found = found.ok_or_else(|| unknown("unknown-experiment", "experiment", id))?;
            let since: Option<i64> = column(&found, "deleted")?;
            match (into, since) {
                (true, None) => {
                    transaction.rows(
                        "UPDATE experiments SET deleted = ?, updated = ? WHERE id = ?",
                        &[now.into(), now.into(), id.into()],
                    )?;
                    let runs = "UPDATE runs SET deleted = ? WHERE experiment = ? AND deleted IS NULL";
                    transaction.rows(runs, &[now.into(), id.into()])?;
                }
                (false, Some(since)) => {
                    transaction.rows(
                        "UPDATE experiments SET deleted = NULL, updated = ? WHERE id = ?",
                        &[now.into(), id.into()],
                    )?;
                    let runs = "UPDATE runs SET deleted = NULL WHERE experiment = ? AND deleted = ?";
                    transaction.rows(runs, &[id.into(), since.into()])?;
                }
                _ => {}
            }
            Ok(())
        })
    }
}

fn exists(name: &str) -> StoreError {
    StoreError::new("experiment-exists", format!("there is an experiment `{name}` already"))
        .help("it may be in the bin: restore it, or choose another name")
}

fn experiment(row: &SqliteRow) -> Result<Experiment, StoreError> {
    Ok(Experiment {
        id: column(row, "id")?,
        name: column(row, "name")?,
        artifact_location: column(row, "artifact_location")?,
        created: column(row, "created")?,
        updated: column(row, "updated")?,
        deleted: column::<Option<i64>>(row, "deleted")?.is_some(),
        tags: parsed(row, "tags")?,
    })
}
