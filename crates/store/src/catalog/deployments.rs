//! What stands behind the names of served models, and what stood there before.

use std::time::{SystemTime, UNIX_EPOCH};

use trainyard_core::Deployment;

use super::{Argument, column, is_dangling, parsed, rows::DeploymentRow, text};
use crate::{error::StoreError, store::Store};

const PUT_DEPLOYMENT: &str = "BEGIN IMMEDIATE;
     INSERT INTO deployments (name, number, record, reason, created)
       SELECT value->>0,
              (SELECT coalesce(max(number), 0) + 1 FROM deployments WHERE name = value->>0),
              value->>1, value->>2, value->>3 FROM jsonb_each(?);
     COMMIT";

impl Store {
    /// A number that is another one after any change that another connection made to the catalog.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn changes(&self) -> Result<u64, StoreError> {
        let row = self.catalog.row("SELECT data_version FROM pragma_data_version", &[])?;
        let version: i64 = row.map_or(Ok(0), |row| column(&row, "data_version"))?;
        Ok(version.unsigned_abs())
    }

    /// The deployments of a model, the newest first: that one counts.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn deployments(&self, name: &str) -> Result<Vec<DeploymentRow>, StoreError> {
        let sql = "SELECT number, coalesce(record, 'null') AS record, reason, created FROM deployments
                   WHERE name = ?1 ORDER BY number DESC";
        let rows = self.catalog.rows(sql, &[name])?;
        rows.iter()
            .map(|row| {
                Ok(DeploymentRow {
                    deployment: parsed(row, "record")?,
                    reason: column(row, "reason")?,
                    created: column(row, "created")?,
                })
            })
            .collect()
    }

    /// Makes the name of a model stand for something else; for its champion where there is no deployment.
    ///
    /// # Errors
    /// `bad-deployment`, `unknown-model`, `unknown-version`; when the catalog cannot be written.
    pub fn deploy(&self, name: &str, deployment: Option<&Deployment>, reason: &str) -> Result<(), StoreError> {
        self.must_write()?;
        if let Some(deployment) = deployment {
            deployment.check().map_err(|problem| StoreError::new("bad-deployment", problem.message))?;
            let known = self.model(name)?.versions;
            for version in deployment.versions() {
                if !known.iter().any(|row| row.version == version) {
                    let known: Vec<String> = known.iter().rev().map(|row| row.version.to_string()).collect();
                    let message = format!("model `{name}` has no version {version}");
                    let error = StoreError::new("unknown-version", message);
                    return Err(error.help(format!("it has {}", known.join(", "))));
                }
            }
        }
        let record = deployment.map(text).transpose()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let done = self.catalog.script(PUT_DEPLOYMENT, &[Argument::rows([(name, record, reason, now)])?]);
        match done {
            Err(error) if is_dangling(&error) => Err(self.model(name).err().unwrap_or(error)),
            other => other.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sample::store,
        store::{Mode, Store},
    };

    #[test]
    fn only_what_is_registered_is_deployed() {
        let (_folder, store) = store();
        assert_eq!(store.deploy("m", Some(&Deployment::of(1)), "first").unwrap_err().code, "unknown-model");
        assert_eq!(store.deploy("m", None, "first").unwrap_err().code, "unknown-model");
        assert!(store.deployments("m").unwrap().is_empty());
    }

    #[test]
    fn another_connection_s_write_is_a_change() {
        let (_folder, store) = store();
        let before = store.changes().unwrap();
        assert_eq!(store.changes().unwrap(), before);
        let other = Store::open(store.root(), Mode::Write).unwrap();
        let row = "BEGIN IMMEDIATE; INSERT INTO trials VALUES ('f', 's', 0, 'x', 0.0, 0.0, ''); COMMIT";
        other.catalog.script(row, &[]).unwrap();
        assert_ne!(store.changes().unwrap(), before);
    }
}
