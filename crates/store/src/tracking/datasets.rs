//! What a run took in and gave out: datasets and models.

use super::unknown;
use crate::{
    catalog::{Bind, column, text},
    error::StoreError,
    store::Store,
};

/// A dataset that went into a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// What tells its content from that of others of the name.
    pub digest: String,
    /// What kind of source it came from.
    pub source_type: String,
    /// The source, as JSON or otherwise.
    pub source: String,
    /// Its schema, as JSON.
    pub schema: Option<String>,
    /// Its profile, as JSON.
    pub profile: Option<String>,
    /// What the run says of it.
    pub tags: Vec<(String, String)>,
}

/// A logged model that went into a run or came out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunModel {
    /// Its id.
    pub model: String,
    /// The step of the run.
    pub step: i64,
}

/// A dataset that some run of an experiment used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedDataset {
    /// The experiment.
    pub experiment: i64,
    /// The dataset's name.
    pub name: String,
    /// Its digest.
    pub digest: String,
    /// What it was used for, such as `train`.
    pub context: Option<String>,
}

impl Store {
    /// Notes datasets that went into a run.
    ///
    /// # Errors
    /// `unknown-run`; when the catalog cannot be written.
    pub fn log_datasets(&self, run: &str, datasets: &[Dataset]) -> Result<(), StoreError> {
        self.must_write()?;
        let id = |dataset: &Dataset| {
            let mut hasher = trainyard_core::Hasher::new("dataset");
            hasher.part(dataset.name.as_bytes()).part(dataset.digest.as_bytes()).digest().to_string()
        };
        let rows: Vec<_> = datasets
            .iter()
            .map(|dataset| {
                let Dataset { name, digest, source_type, source, schema, profile, tags } = dataset;
                let tags: Vec<_> =
                    tags.iter().map(|(key, value)| serde_json::json!({"key": key, "value": value})).collect();
                (id(dataset), name, digest, source_type, source, schema, profile, serde_json::json!(tags).to_string())
            })
            .collect();
        let rows = text(&rows)?;
        self.catalog.transaction(|transaction| {
            if !super::runs::exists(transaction, run)? {
                return Err(unknown("unknown-run", "run", run));
            }
            transaction.rows(
                "INSERT INTO datasets (id, name, digest, source_type, source, schema, profile)
                   SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6
                   FROM json_each(?) WHERE true ON CONFLICT DO NOTHING",
                &[Bind::Text(rows.clone())],
            )?;
            transaction.rows(
                "INSERT INTO run_datasets (run, dataset, tags)
                   SELECT ?, value->>0, value->>7 FROM json_each(?) WHERE true
                 ON CONFLICT DO UPDATE SET tags = excluded.tags",
                &[run.into(), Bind::Text(rows.clone())],
            )?;
            Ok(())
        })
    }

    /// Notes logged models that went into a run (`input`) or came out of it.
    ///
    /// # Errors
    /// `unknown-run`; when the catalog cannot be written.
    pub fn log_run_models(&self, run: &str, input: bool, models: &[RunModel]) -> Result<(), StoreError> {
        self.must_write()?;
        let rows: Vec<(&str, i64)> = models.iter().map(|model| (model.model.as_str(), model.step)).collect();
        let rows = text(&rows)?;
        let direction = if input { "input" } else { "output" };
        self.catalog.transaction(|transaction| {
            if !super::runs::exists(transaction, run)? {
                return Err(unknown("unknown-run", "run", run));
            }
            transaction.rows(
                "INSERT INTO run_models (run, direction, model, step)
                   SELECT ?, ?, value->>0, value->>1 FROM json_each(?) WHERE true
                 ON CONFLICT DO UPDATE SET step = excluded.step",
                &[run.into(), direction.into(), Bind::Text(rows.clone())],
            )?;
            Ok(())
        })
    }

    /// The datasets that went into runs of some experiments.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn datasets_of(&self, experiments: &[i64]) -> Result<Vec<UsedDataset>, StoreError> {
        let sql = "SELECT DISTINCT r.experiment, d.name, d.digest,
                     (SELECT t.value->>'value' FROM json_each(k.tags) t WHERE t.value->>'key' = 'mlflow.data.context')
                       AS context
                   FROM run_datasets k JOIN datasets d ON d.id = k.dataset JOIN runs r ON r.run = k.run
                   WHERE r.experiment IN (SELECT value FROM json_each(?1)) AND r.deleted IS NULL
                   ORDER BY d.name, d.digest LIMIT 1000";
        let rows = self.catalog.bound(sql, &[Bind::Text(text(&experiments)?)])?;
        rows.iter()
            .map(|row| {
                Ok(UsedDataset {
                    experiment: column(row, "experiment")?,
                    name: column(row, "name")?,
                    digest: column(row, "digest")?,
                    context: column(row, "context")?,
                })
            })
            .collect()
    }
}
