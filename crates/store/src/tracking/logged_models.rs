//! Models that programs log, registered or not.

use sqlx::sqlite::SqliteRow;

use super::{
    JsonText, Search, Tagged, metrics,
    search::{Table, statement},
    tags, unknown,
};
use crate::{
    catalog::{Bind, column, text},
    error::StoreError,
    store::Store,
};

/// A logged model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedModel {
    /// Its id.
    pub id: String,
    /// Its experiment.
    pub experiment: i64,
    /// Its name, which others may have too.
    pub name: String,
    /// `pending`, `ready` or `failed`.
    pub status: String,
    /// What kind of model it is, in the words of whoever logged it.
    pub model_type: String,
    /// The run that made it; empty when none did.
    pub run: String,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated: i64,
    /// True while it is in the bin.
    pub deleted: bool,
    /// Where its experiment keeps files, where that is a place of its own.
    pub artifact_location: Option<String>,
    /// `[{"key", "value"}]`.
    pub params: JsonText,
    /// `[{"key", "value"}]`.
    pub tags: JsonText,
    /// `[{"key", "value", "timestamp", "step", "model_id", "run_id", "dataset_name", "dataset_digest"}]`.
    pub metrics: JsonText,
}

/// What was measured of a logged model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPoint {
    /// The model.
    pub model: String,
    /// The run that measured it.
    pub run: String,
    /// What was measured.
    pub point: super::Point,
    /// On which data.
    pub dataset_name: Option<String>,
    /// Which version of the data.
    pub dataset_digest: Option<String>,
}

const WHOLE: &str = "l.id, l.experiment, l.name, l.status, l.type, l.run, l.created, l.updated, l.deleted,
     (SELECT artifact_location FROM experiments WHERE id = l.experiment) AS artifact_location,
     (SELECT json_group_array(json_object('key', key, 'value', value)) FROM logged_model_params WHERE model = l.id)
       AS params,
     (SELECT json_group_array(json_object('key', key, 'value', value)) FROM logged_model_tags WHERE model = l.id)
       AS tags,
     (SELECT json_group_array(json_object('key', key, 'value', CASE WHEN value IS NULL THEN 'NaN'
         WHEN value > 1e308 THEN json('1.7976931348623157e308') WHEN value < -1e308 THEN json('-1.7976931348623157e308')
         ELSE json(printf('%!.17g', value)) END, 'timestamp', timestamp,
         'step', step, 'model_id', model, 'run_id', run, 'dataset_name', dataset_name,
         'dataset_digest', dataset_digest)) FROM logged_model_metrics WHERE model = l.id) AS metrics";

impl Store {
    /// Makes a logged model, pending until its files are there. Of `model`, the texts of JSON are not looked at.
    ///
    /// # Errors
    /// `unknown-experiment`; when the catalog cannot be written.
    pub fn create_logged_model(
        &self,
        model: &LoggedModel,
        params: &[(String, String)],
        tags: &[(String, String)],
    ) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| {
            let experiment = "SELECT id FROM experiments WHERE id = ?";
            if transaction.row(experiment, &[model.experiment.into()])?.is_none() {
                return Err(unknown("unknown-experiment", "experiment", model.experiment));
            }
            transaction.rows(
                "INSERT INTO logged_models (id, experiment, name, status, type, run, created, updated)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                &[
                    Bind::from(&model.id),
                    model.experiment.into(),
                    Bind::from(&model.name),
                    Bind::from(&model.status),
                    Bind::from(&model.model_type),
                    Bind::from(&model.run),
                    model.created.into(),
                    model.updated.into(),
                ],
            )?;
            transaction.rows(PUT_PARAMS, &[Bind::from(&model.id), Bind::Text(text(&params)?)])?;
            let tags = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            tags::set(transaction, Tagged::LoggedModel(&model.id), tags)
        })
    }

    /// The logged model of that id, also one in the bin.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn logged_model(&self, id: &str) -> Result<Option<LoggedModel>, StoreError> {
        let rows = self.catalog.made(format!("SELECT {WHOLE} FROM logged_models l WHERE l.id = ?"), &[id.into()])?;
        rows.first().map(logged_model).transpose()
    }

    /// The logged models that are searched for; without an order, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn search_logged_models(&self, search: &Search) -> Result<Vec<LoggedModel>, StoreError> {
        let (sql, arguments) = statement(Table::LoggedModels, WHOLE, search);
        self.catalog.made(sql, &arguments)?.iter().map(logged_model).collect()
    }

    /// Says how the files of a logged model stand: `pending`, `ready` or `failed`.
    ///
    /// # Errors
    /// `unknown-logged-model`; when the catalog cannot be written.
    pub fn set_logged_model_status(&self, id: &str, status: &str, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        let sql = "UPDATE logged_models SET status = ?, updated = ? WHERE id = ? AND deleted IS NULL RETURNING id";
        let rows = self.catalog.bound(sql, &[status.into(), now.into(), id.into()])?;
        if rows.is_empty() { Err(unknown("unknown-logged-model", "logged model", id)) } else { Ok(()) }
    }

    /// Puts a logged model into the bin.
    ///
    /// # Errors
    /// `unknown-logged-model`; when the catalog cannot be written.
    pub fn bin_logged_model(&self, id: &str, now: i64) -> Result<(), StoreError> {
        self.must_write()?;
        let sql = "UPDATE logged_models SET deleted = ? WHERE id = ? AND deleted IS NULL RETURNING id";
        let rows = self.catalog.bound(sql, &[now.into(), id.into()])?;
        if rows.is_empty() { Err(unknown("unknown-logged-model", "logged model", id)) } else { Ok(()) }
    }

    /// Adds parameters of a logged model; what is there stays.
    ///
    /// # Errors
    /// `dangling-reference` where there is no such model; when the catalog cannot be written.
    pub fn put_logged_model_params(&self, id: &str, params: &[(String, String)]) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.bound(PUT_PARAMS, &[id.into(), Bind::Text(text(&params)?)]).map(drop)
    }

    /// Notes what was measured of logged models.
    ///
    /// # Errors
    /// `dangling-reference` where there is no such model; when the catalog cannot be written.
    pub fn log_model_points(&self, points: &[ModelPoint]) -> Result<(), StoreError> {
        self.must_write()?;
        let rows: Vec<_> = points
            .iter()
            .map(|ModelPoint { model, run, point, dataset_name, dataset_digest }| {
                let value = metrics::finite(point.value);
                (model, &point.key, point.timestamp, point.step, run, value, dataset_name, dataset_digest)
            })
            .collect();
        let sql =
            "INSERT INTO logged_model_metrics (model, key, timestamp, step, run, value, dataset_name, dataset_digest)
                     SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7
                     FROM json_each(?) WHERE true
                   ON CONFLICT DO UPDATE SET value = excluded.value, dataset_name = excluded.dataset_name,
                     dataset_digest = excluded.dataset_digest";
        self.catalog.bound(sql, &[Bind::Text(text(&rows)?)]).map(drop)
    }
}

const PUT_PARAMS: &str = "INSERT INTO logged_model_params (model, key, value)
       SELECT ?, value->>0, value->>1 FROM json_each(?) WHERE true ON CONFLICT DO NOTHING";

fn logged_model(row: &SqliteRow) -> Result<LoggedModel, StoreError> {
    Ok(LoggedModel {
        id: column(row, "id")?,
        experiment: column(row, "experiment")?,
        name: column(row, "name")?,
        status: column(row, "status")?,
        model_type: column(row, "type")?,
        run: column(row, "run")?,
        created: column(row, "created")?,
        updated: column(row, "updated")?,
        deleted: column::<Option<i64>>(row, "deleted")?.is_some(),
        artifact_location: column(row, "artifact_location")?,
        params: column(row, "params")?,
        tags: column(row, "tags")?,
        metrics: column(row, "metrics")?,
    })
}
