//! Registered models, their versions and aliases.

use sqlx::sqlite::SqliteRow;
use trainyard_core::{digest::Digest, problem::nearest};

use super::{
    Argument, column, is_dangling, named, parsed,
    rows::{ModelRow, VersionRow},
    runs::metric_row,
    text,
};
use crate::{error::StoreError, store::Store};

const PUT_VERSION: &str = "BEGIN IMMEDIATE;
     INSERT INTO models (name, created, updated)
       SELECT value->>0, value->>4, value->>4 FROM jsonb_each(?) WHERE true ON CONFLICT (name) DO NOTHING;
     INSERT INTO model_versions (name, version, artifact, run, about, created, updated)
       SELECT value->>0, (SELECT last_version + 1 FROM models WHERE name = value->>0),
              value->>1, value->>2, value->>3, value->>4, value->>4 FROM jsonb_each(?) WHERE true
       ON CONFLICT (name, artifact) DO NOTHING;
     UPDATE models AS m SET
       updated = max(m.updated, v.created), last_version = max(m.last_version, v.version)
       FROM (SELECT name, max(version) AS version, max(created) AS created FROM model_versions
             WHERE name IN (SELECT value->>0 FROM jsonb_each(?)) GROUP BY name) v WHERE v.name = m.name;
     SELECT version FROM model_versions
       WHERE (name, artifact) IN (SELECT value->>0, value->>1 FROM jsonb_each(?));
     COMMIT";

const PUT_ALIAS: &str = "BEGIN IMMEDIATE;
     INSERT INTO aliases (name, alias, version)
       SELECT value->>0, value->>1, value->>2 FROM jsonb_each(?) WHERE true
       ON CONFLICT (name, alias) DO UPDATE SET version = excluded.version;
     COMMIT";

impl Store {
    /// All registered models by name.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn models(&self) -> Result<Vec<ModelRow>, StoreError> {
        let names = self.catalog.rows("SELECT name FROM models ORDER BY name", &[])?;
        names
            .iter()
            .map(|row| {
                let name: String = column(row, "name")?;
                Ok(ModelRow { versions: self.versions(&name)?, name })
            })
            .collect()
    }

    /// The registered model of that name.
    ///
    /// # Errors
    /// `unknown-model` with the nearest name; when the catalog cannot be read.
    pub fn model(&self, name: &str) -> Result<ModelRow, StoreError> {
        if self.catalog.row("SELECT name FROM models WHERE name = ?1", &[name])?.is_none() {
            return Err(self.no_model(name)?);
        }
        Ok(ModelRow { name: name.to_owned(), versions: self.versions(name)? })
    }

    /// The version and model artifact that an alias, or a version's number, of model `name` stands for. An alias goes
    /// before a number.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn resolve(&self, name: &str, alias_or_version: &str) -> Result<Option<(u64, Digest)>, StoreError> {
        let sql = "SELECT v.version, v.artifact FROM model_versions v
                   LEFT JOIN aliases a ON a.name = v.name AND a.version = v.version AND a.alias = ?2
                   WHERE v.name = ?1 AND v.artifact IS NOT NULL AND (a.alias IS NOT NULL OR CAST(v.version AS TEXT) = ?2)
                   ORDER BY a.alias IS NULL LIMIT 1";
        let row = self.catalog.row(sql, &[name, alias_or_version])?;
        row.map(|row| Ok((unsigned(&row, "version")?, named(&row, "artifact")?))).transpose()
    }

    /// Points `alias` of model `name` at `version`; moves it when it points elsewhere.
    ///
    /// # Errors
    /// `bad-alias` for one that reads as a version; `unknown-model`, `unknown-version`; when the catalog cannot be
    /// written.
    pub fn set_alias(&self, name: &str, alias: &str, version: u64) -> Result<(), StoreError> {
        self.must_write()?;
        if alias.is_empty() || alias.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(StoreError::new("bad-alias", format!("`{alias}` cannot be an alias"))
                .help("an alias is a word such as `champion`; numbers are versions"));
        }
        // SQLite's integers end here; no version is that high.
        let number = version.min(i64::MAX as u64);
        let pointed = self.catalog.script(PUT_ALIAS, &[Argument::rows([(name, alias, number)])?]);
        match pointed {
            Err(error) if is_dangling(&error) => {
                let versions = self.model(name)?.versions;
                let known: Vec<String> = versions.iter().rev().map(|row| row.version.to_string()).collect();
                Err(StoreError::new("unknown-version", format!("model `{name}` has no version {version}"))
                    .help(format!("it has {}", known.join(", "))))
            }
            other => other.map(drop),
        }
    }

    pub(crate) fn put_version(
        &self,
        name: &str,
        artifact: &Digest,
        run: &str,
        about: &serde_json::Value,
        created: i64,
    ) -> Result<u64, StoreError> {
        self.must_write()?;
        let about = text(about)?;
        let version = || Argument::rows([(name, artifact, run, &about, created)]);
        let rows =
            self.catalog.script(PUT_VERSION, &[version()?, version()?, version()?, version()?]).map_err(|error| {
                if is_dangling(&error) {
                    let what = format!("model artifact {} is not in the catalog", artifact.short());
                    return StoreError::new("artifact-not-kept", what).help("keep it before it is registered");
                }
                error
            })?;
        let row = rows.first().ok_or_else(|| StoreError::broken(format!("model `{name}` did not take a version")))?;
        unsigned(row, "version")
    }

    fn versions(&self, name: &str) -> Result<Vec<VersionRow>, StoreError> {
        let sql = "SELECT version, artifact, run, about, created,
                     (SELECT json_group_array(alias) FROM (SELECT a.alias FROM aliases a
                        WHERE a.name = v.name AND a.version = v.version ORDER BY a.alias)) AS aliases
                   FROM model_versions v WHERE name = ?1 ORDER BY version DESC";
        let mut versions: Vec<VersionRow> =
            self.catalog.rows(sql, &[name])?.iter().map(version_row).collect::<Result<_, _>>()?;
        // The step's name links what was measured to what was made.
        let sql = "SELECT DISTINCT v.version, m.step, m.model, m.metric, m.value, m.low, m.high, m.level
                   FROM model_versions v
                   JOIN step_outputs o ON o.run = v.run AND o.artifact = v.artifact
                   JOIN metrics m ON m.run = v.run AND m.model = o.step
                   WHERE v.name = ?1 ORDER BY v.version, m.step, m.model, m.metric";
        for row in self.catalog.rows(sql, &[name])? {
            let of = unsigned(&row, "version")?;
            if let Some(version) = versions.iter_mut().find(|version| version.version == of) {
                version.metrics.push(metric_row(&row)?);
            }
        }
        Ok(versions)
    }

    fn no_model(&self, name: &str) -> Result<StoreError, StoreError> {
        let rows = self.catalog.rows("SELECT name FROM models", &[])?;
        let known = rows.iter().map(|row| column(row, "name")).collect::<Result<Vec<&str>, _>>()?;
        let error = StoreError::new("unknown-model", format!("there is no registered model `{name}`"));
        Ok(match nearest(name, known.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => error.help("none is registered in this store yet"),
            None => error.help(format!("there is {}", known.join(", "))),
        })
    }
}

fn version_row(row: &SqliteRow) -> Result<VersionRow, StoreError> {
    Ok(VersionRow {
        version: unsigned(row, "version")?,
        artifact: match column::<Option<&str>>(row, "artifact")? {
            Some(_) => Some(named(row, "artifact")?),
            None => None,
        },
        run: column(row, "run")?,
        about: parsed(row, "about")?,
        created: column(row, "created")?,
        aliases: parsed(row, "aliases")?,
        metrics: Vec::new(),
    })
}

fn unsigned(row: &SqliteRow, name: &str) -> Result<u64, StoreError> {
    let value: i64 = column(row, name)?;
    u64::try_from(value).map_err(|_| StoreError::broken(format!("the catalog's column `{name}` is negative")))
}
