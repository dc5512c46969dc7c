//! Registered models and their versions as clients of a registry see and change them.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;

use super::{
    Search, Tagged,
    search::{Table, statement},
    tags, unknown,
};
use crate::{
    catalog::{Bind, Transaction, column, parsed},
    error::StoreError,
    store::Store,
};

/// A registered model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredModel {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// When it was registered, in milliseconds since 1970.
    pub created: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated: i64,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its aliases and the versions they point at.
    pub aliases: BTreeMap<String, u64>,
}

/// A version of a registered model: an artifact of ours, or the files at a source that a client named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredVersion {
    /// The model.
    pub name: String,
    /// Its number.
    pub version: u64,
    /// True where it is a model package of ours.
    pub is_package: bool,
    /// The run that made it; may be empty.
    pub run: String,
    /// Where its files are; empty for a package of ours.
    pub source: String,
    /// The logged model it is of; may be empty.
    pub logged_model: String,
    /// Where its run can be seen; may be empty.
    pub run_link: String,
    /// What it is about.
    pub description: String,
    /// `None`, `Staging`, `Production` or `Archived`: an older way to say what aliases say.
    pub stage: String,
    /// When it was registered, in milliseconds since 1970.
    pub created: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated: i64,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its aliases, sorted.
    pub aliases: Vec<String>,
}

/// A version to be registered, of files that are not ours.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewVersion<'a> {
    /// The model.
    pub name: &'a str,
    /// Where its files are.
    pub source: &'a str,
    /// The run that made it.
    pub run: &'a str,
    /// The logged model it is of.
    pub logged_model: &'a str,
    /// Where its run can be seen.
    pub run_link: &'a str,
    /// What it is about.
    pub description: &'a str,
    /// Its tags.
    pub tags: &'a [(String, String)],
}

const MODEL: &str = "m.name, m.description, m.created, m.updated,
     (SELECT json_group_object(key, value) FROM model_tags WHERE name = m.name) AS tags,
     (SELECT json_group_object(alias, version) FROM aliases WHERE name = m.name) AS aliases";

const VERSION: &str = "v.name, v.version, v.artifact IS NOT NULL AS is_package, v.run, v.source, v.logged_model,
     v.run_link, v.description, v.stage, v.created, v.updated,
     (SELECT json_group_object(key, value) FROM version_tags WHERE name = v.name AND version = v.version) AS tags,
     (SELECT json_group_array(alias) FROM (SELECT alias FROM aliases WHERE name = v.name AND version = v.version
       ORDER BY alias)) AS aliases";

impl Store {
    /// Registers a model without a version.
    ///
    /// # Errors
    /// `model-exists`; when the catalog cannot be written.
    pub fn create_model(
        &self,
        name: &str,
        description: &str,
        tags: &[(String, String)],
        now: i64,
    ) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            let sql = "INSERT INTO models (name, description, created, updated) VALUES (?, ?, ?, ?)
                       ON CONFLICT DO NOTHING RETURNING name";
            let arguments = [name.into(), description.into(), now.into(), now.into()];
            if transaction.row(sql, &arguments)?.is_none() {
                return Err(exists(name));
            }
            let tags = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            tags::set(transaction, Tagged::Model(name), tags)
        })
    }

    /// A registered model by its name.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn registered_model(&self, name: &str) -> Result<Option<RegisteredModel>, StoreError> {
        let rows = self.catalog.made(format!("SELECT {MODEL} FROM models m WHERE m.name = ?"), &[name.into()])?;
        rows.first().map(registered_model).transpose()
    }

    /// The registered models that are searched for; without an order, by name.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn search_models(&self, search: &Search) -> Result<Vec<RegisteredModel>, StoreError> {
        let (sql, arguments) = statement(Table::Models, MODEL, search);
        self.catalog.made(sql, &arguments)?.iter().map(registered_model).collect()
    }

    /// Gives a registered model another name; its versions, aliases and deployments go with it.
    ///
    /// # Errors
    /// `unknown-model`, `model-exists`; when the catalog cannot be written.
    pub fn rename_model(&self, name: &str, to: &str, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            must_exist(transaction, name)?;
            if transaction.row("SELECT name FROM models WHERE name = ?", &[to.into()])?.is_some() {
                return Err(exists(to));
            }
            // The tables refer to one another; what they say is true again at the end.
            transaction.rows("PRAGMA defer_foreign_keys = ON", &[])?;
            let deployed = "UPDATE deployments SET name = ? WHERE name = ?";
            transaction.rows(deployed, &[to.into(), name.into()])?;
            let sql = "UPDATE models SET name = ?, updated = ? WHERE name = ?";
            transaction.rows(sql, &[to.into(), now.into(), name.into()]).map(drop)
        })
    }

    /// Says what a registered model is about.
    ///
    /// # Errors
    /// `unknown-model`; when the catalog cannot be written.
    pub fn describe_model(&self, name: &str, description: &str, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        let sql = "UPDATE models SET description = ?, updated = ? WHERE name = ? RETURNING name";
        let rows = self.catalog.bound(sql, &[description.into(), now.into(), name.into()])?;
        if rows.is_empty() { Err(unknown("unknown-model", "registered model", name)) } else { Ok(()) }
    }

    /// Removes a registered model with all its versions.
    ///
    /// # Errors
    /// `unknown-model`; when the catalog cannot be written.
    pub fn remove_model(&self, name: &str) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            must_exist(transaction, name)?;
            for sql in [
                "DELETE FROM aliases WHERE name = ?",
                "DELETE FROM model_versions WHERE name = ?",
                "DELETE FROM deployments WHERE name = ?",
                "DELETE FROM models WHERE name = ?",
            ] {
                transaction.rows(sql, &[name.into()])?;
            }
            Ok(())
        })
    }

    /// Registers a version of files that are not ours, and gives its number. One of our own packages is registered by
    /// [`crate::Session::register_version`].
    ///
    /// # Errors
    /// `unknown-model`; when the catalog cannot be written.
    pub fn create_version(&self, new: &NewVersion<'_>, now: i64) -> Result<u64, StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            let sql = "UPDATE models SET last_version = last_version + 1, updated = ? WHERE name = ?
                       RETURNING last_version";
            let row = transaction.row(sql, &[now.into(), new.name.into()])?;
            let row = row.ok_or_else(|| unknown("unknown-model", "registered model", new.name))?;
            let version: i64 = column(&row, "last_version")?;
            transaction.rows(
                "INSERT INTO model_versions
                   (name, version, run, about, created, updated, source, logged_model, run_link, description)
                   VALUES (?, ?, ?, 'null', ?, ?, ?, ?, ?, ?)",
                &[
                    new.name.into(),
                    version.into(),
                    new.run.into(),
                    now.into(),
                    now.into(),
                    new.source.into(),
                    new.logged_model.into(),
                    new.run_link.into(),
                    new.description.into(),
                ],
            )?;
            let version = u64::try_from(version).unwrap_or(0);
            let tags = new.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            tags::set(transaction, Tagged::Version(new.name, version), tags)?;
            Ok(version)
        })
    }

    /// A version by its number.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn registered_version(&self, name: &str, version: u64) -> Result<Option<RegisteredVersion>, StoreError> {
        let sql = format!("SELECT {VERSION} FROM model_versions v WHERE v.name = ? AND v.version = ?");
        let rows = self.catalog.made(sql, &[name.into(), number(version)])?;
        rows.first().map(registered_version).transpose()
    }

    /// The version that an alias points at.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn aliased_version(&self, name: &str, alias: &str) -> Result<Option<RegisteredVersion>, StoreError> {
        let sql = format!(
            "SELECT {VERSION} FROM aliases a JOIN model_versions v ON v.name = a.name AND v.version = a.version
             WHERE a.name = ? AND a.alias = ?"
        );
        let rows = self.catalog.made(sql, &[name.into(), alias.into()])?;
        rows.first().map(registered_version).transpose()
    }

    /// The versions that are searched for; without an order, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn search_versions(&self, search: &Search) -> Result<Vec<RegisteredVersion>, StoreError> {
        let (sql, arguments) = statement(Table::Versions, VERSION, search);
        self.catalog.made(sql, &arguments)?.iter().map(registered_version).collect()
    }

    /// The newest version of each stage that has one, or of the stages named.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn latest_versions(&self, name: &str, stages: &[String]) -> Result<Vec<RegisteredVersion>, StoreError> {
        let sql = format!(
            "SELECT {VERSION} FROM model_versions v WHERE v.name = ?
               AND v.version = (SELECT max(version) FROM model_versions w WHERE w.name = v.name AND w.stage = v.stage)
             ORDER BY v.version"
        );
        let rows = self.catalog.made(sql, &[name.into()])?;
        let found = rows.iter().map(registered_version).collect::<Result<Vec<_>, _>>()?;
        let asked = |version: &RegisteredVersion| {
            stages.is_empty() || stages.iter().any(|stage| stage.eq_ignore_ascii_case(&version.stage))
        };
        Ok(found.into_iter().filter(asked).collect())
    }

    /// Says what a version is about.
    ///
    /// # Errors
    /// `unknown-version`; when the catalog cannot be written.
    pub fn describe_version(&self, name: &str, version: u64, description: &str, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        let sql = "UPDATE model_versions SET description = ?, updated = ? WHERE name = ? AND version = ?
                   RETURNING version";
        let rows = self.catalog.bound(sql, &[description.into(), now.into(), name.into(), number(version)])?;
        if rows.is_empty() { Err(no_version(name, version)) } else { Ok(()) }
    }

    /// Puts a version into a stage; with `archive`, those that were there go to `Archived`.
    ///
    /// # Errors
    /// `unknown-version`; when the catalog cannot be written.
    pub fn set_stage(&self, name: &str, version: u64, stage: &str, archive: bool, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            if archive {
                transaction.rows(
                    "UPDATE model_versions SET stage = 'Archived', updated = ?
                       WHERE name = ? AND stage = ? AND version <> ?",
                    &[now.into(), name.into(), stage.into(), number(version)],
                )?;
            }
            let sql = "UPDATE model_versions SET stage = ?, updated = ? WHERE name = ? AND version = ?
                       RETURNING version";
            let row = transaction.row(sql, &[stage.into(), now.into(), name.into(), number(version)])?;
            row.map(drop).ok_or_else(|| no_version(name, version))
        })
    }

    /// Removes a version and the aliases that point at it. Its number does not come again.
    ///
    /// # Errors
    /// `unknown-version`; when the catalog cannot be written.
    pub fn remove_version(&self, name: &str, version: u64, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            let arguments = [name.into(), number(version)];
            transaction.rows("DELETE FROM aliases WHERE name = ? AND version = ?", &arguments)?;
            let sql = "DELETE FROM model_versions WHERE name = ? AND version = ? RETURNING version";
            transaction.row(sql, &arguments)?.ok_or_else(|| no_version(name, version))?;
            let touched = "UPDATE models SET updated = ? WHERE name = ?";
            transaction.rows(touched, &[now.into(), name.into()]).map(drop)
        })
    }

    /// Takes an alias away; false where there is none.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn remove_alias(&self, name: &str, alias: &str) -> Result<bool, StoreError> {
        self.must_write()?;
        let sql = "DELETE FROM aliases WHERE name = ? AND alias = ? RETURNING alias";
        Ok(!self.catalog.bound(sql, &[name.into(), alias.into()])?.is_empty())
    }
}

fn exists(name: &str) -> StoreError {
    StoreError::new("model-exists", format!("there is a registered model `{name}` already"))
}

fn must_exist(transaction: &mut Transaction<'_>, name: &str) -> Result<(), StoreError> {
    let found = transaction.row("SELECT name FROM models WHERE name = ?", &[name.into()])?;
    found.map(drop).ok_or_else(|| unknown("unknown-model", "registered model", name))
}

fn no_version(name: &str, version: u64) -> StoreError {
    StoreError::new("unknown-version", format!("model `{name}` has no version {version}"))
}

/// No version is as high as SQLite's integers go.
fn number(version: u64) -> Bind {
    Bind::Integer(i64::try_from(version).unwrap_or(i64::MAX))
}

fn registered_model(row: &SqliteRow) -> Result<RegisteredModel, StoreError> {
    Ok(RegisteredModel {
        name: column(row, "name")?,
        description: column(row, "description")?,
        created: column(row, "created")?,
        updated: column(row, "updated")?,
        tags: parsed(row, "tags")?,
        aliases: parsed(row, "aliases")?,
    })
}

fn registered_version(row: &SqliteRow) -> Result<RegisteredVersion, StoreError> {
    Ok(RegisteredVersion {
        name: column(row, "name")?,
        version: u64::try_from(column::<i64>(row, "version")?).unwrap_or(0),
        is_package: column::<i64>(row, "is_package")? != 0,
        run: column(row, "run")?,
        source: column(row, "source")?,
        logged_model: column(row, "logged_model")?,
        run_link: column(row, "run_link")?,
        description: column(row, "description")?,
        stage: column(row, "stage")?,
        created: column(row, "created")?,
        updated: column(row, "updated")?,
        tags: parsed(row, "tags")?,
        aliases: parsed(row, "aliases")?,
    })
}
