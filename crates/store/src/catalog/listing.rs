//! Lists as pages show them: a part at a time, by cursor, so that none grows slower with what came before it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trainyard_core::{
    digest::Digest,
    record::{RunStatus, StepRecord, StepStatus},
};

use sqlx::sqlite::SqliteRow;

use super::{Bind, column, named, parsed, rows::MetricRow, runs::metric_row, text};
use crate::{error::StoreError, store::Store};

/// Which runs, the newest first.
#[derive(Clone, Debug, Default)]
pub struct RunList<'a> {
    /// Only those of this pipeline or experiment.
    pub of: Option<&'a str>,
    /// Only those that ended so.
    pub status: Option<RunStatus>,
    /// Only those behind the run that started then, with that id.
    pub before: Option<(i64, &'a str)>,
    /// How many.
    pub limit: usize,
}

/// A run in a list: a pipeline's, or one that a client logged.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedRun {
    /// Its id.
    pub run: String,
    /// The name of its pipeline or experiment.
    pub of: String,
    /// Its name; a pipeline's run goes by its id.
    pub name: String,
    /// Who logged it; empty for a pipeline's.
    pub user: String,
    /// How it stands.
    pub status: RunStatus,
    /// When it started, in milliseconds since 1970.
    pub started: i64,
    /// Wall seconds.
    pub seconds: f64,
    /// True for one that a client logged.
    pub logged: bool,
}

/// An experiment in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedExperiment {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
}

/// How a step of a run ended, in short.
#[derive(Clone, Debug, PartialEq)]
pub struct StepMark {
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// How it ended.
    pub status: StepStatus,
    /// Wall seconds.
    pub seconds: f64,
}

/// What changes of a registered model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelMark {
    /// Its name.
    pub name: String,
    /// Its newest version.
    pub version: i64,
    /// The newest of its versions that are packages of ours, which can be served; 0 where none is.
    pub served: i64,
    /// (alias, version), sorted.
    pub aliases: Vec<(String, i64)>,
    /// How often its deployment was changed.
    pub deployments: i64,
}

/// What is listed of a run. The experiment of logged runs may have got another name since.
const COLUMNS: &str = "r.run, r.name, r.user, r.status, r.started, r.logged,
     CASE WHEN r.logged THEN coalesce((SELECT name FROM experiments WHERE id = r.experiment), r.pipeline)
       ELSE r.pipeline END AS of,
     CASE WHEN r.logged AND r.ended IS NOT NULL THEN (r.ended - r.started) / 1000.0 ELSE r.seconds END AS seconds";

/// All of them, by the index over their start.
const ALL: &str =
    "WHERE r.deleted IS NULL AND r.parent IS NULL AND (r.started, r.run) < (?1, ?2) AND (?3 = '' OR r.status = ?3)
     ORDER BY r.started DESC, r.run DESC LIMIT ?4";

/// Those of an experiment, by the index over it, which has equal starts the other way round.
const OF: &str = "WHERE r.experiment = (SELECT id FROM experiments WHERE name = ?5) AND r.deleted IS NULL
       AND r.parent IS NULL AND r.started <= ?1 AND (r.started < ?1 OR r.run > ?2) AND (?3 = '' OR r.status = ?3)
     ORDER BY r.started DESC, r.run LIMIT ?4";

/// Newest runs that are looked through for a name.
const LOOKED_THROUGH: i64 = 20_000;

const MODELS: &str = "SELECT m.name,
       (SELECT coalesce(max(version), 0) FROM model_versions v WHERE v.name = m.name) AS version,
       (SELECT coalesce(max(version), 0) FROM model_versions v WHERE v.name = m.name AND v.artifact IS NOT NULL) AS served,
       (SELECT json_group_array(json_array(alias, version)) FROM
          (SELECT alias, version FROM aliases a WHERE a.name = m.name ORDER BY alias)) AS aliases,
       (SELECT coalesce(max(number), 0) FROM deployments d WHERE d.name = m.name) AS deployments
     FROM models m ORDER BY m.name";

impl Store {
    /// Some runs, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn list_runs(&self, list: &RunList<'_>) -> Result<Vec<ListedRun>, StoreError> {
        let first = (i64::MAX, if list.of.is_some() { "" } else { "\u{10ffff}" });
        let (started, run) = list.before.unwrap_or(first);
        let status = list.status.map_or("", RunStatus::name);
        let limit = i64::try_from(list.limit).unwrap_or(i64::MAX);
        let mut arguments = vec![Bind::Integer(started), run.into(), status.into(), limit.into()];
        arguments.extend(list.of.map(Bind::from));
        let which = if list.of.is_some() { OF } else { ALL };
        let rows = self.catalog.made(format!("SELECT {COLUMNS} FROM runs r {which}"), &arguments)?;
        rows.iter().map(listed).collect()
    }

    /// The run of that whole id, also one in the bin.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn listed_run(&self, run: &str) -> Result<Option<ListedRun>, StoreError> {
        let rows = self.catalog.made(format!("SELECT {COLUMNS} FROM runs r WHERE r.run = ?"), &[run.into()])?;
        rows.first().map(listed).transpose()
    }

    /// The runs whose id begins so, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn runs_named(&self, beginning: &str, limit: usize) -> Result<Vec<ListedRun>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs r WHERE r.run >= ?1 AND r.run < ?1 || char(1114111) AND r.deleted IS NULL
             ORDER BY r.run DESC LIMIT ?2"
        );
        self.catalog.made(sql, &[beginning.into(), Bind::Integer(limit as i64)])?.iter().map(listed).collect()
    }

    /// Logged runs whose name holds a text, whatever its case, among the newest.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn runs_called(&self, part: &str, limit: usize) -> Result<Vec<ListedRun>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT * FROM runs WHERE deleted IS NULL ORDER BY started DESC, run DESC LIMIT ?1) r
             WHERE r.logged AND instr(lower(r.name), lower(?2)) > 0 LIMIT ?3"
        );
        let arguments = [LOOKED_THROUGH.into(), part.into(), Bind::Integer(limit as i64)];
        self.catalog.made(sql, &arguments)?.iter().map(listed).collect()
    }

    /// Runs with a parameter or a tag of exactly that value, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn runs_with(&self, key: &str, value: &str, limit: usize) -> Result<Vec<ListedRun>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs r WHERE r.deleted IS NULL AND r.run IN (
               SELECT run FROM run_params WHERE key = ?1 AND value = ?2
               UNION SELECT run FROM run_tags WHERE key = ?1 AND value = ?2)
             ORDER BY r.started DESC, r.run DESC LIMIT ?3"
        );
        let arguments = [key.into(), value.into(), Bind::Integer(limit as i64)];
        self.catalog.made(sql, &arguments)?.iter().map(listed).collect()
    }

    /// The last points of the metrics of these runs, by run: the metric, and its value where that is a number.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn last_metrics(&self, runs: &[&str]) -> Result<BTreeMap<String, Vec<LastMetric>>, StoreError> {
        let sql = "SELECT run, key, value FROM latest_metrics WHERE run IN (SELECT value FROM json_each(?1))";
        let mut found: BTreeMap<String, Vec<LastMetric>> = BTreeMap::new();
        for row in self.catalog.rows(sql, &[&text(&runs)?])? {
            found.entry(column(&row, "run")?).or_default().push((column(&row, "key")?, column(&row, "value")?));
        }
        Ok(found)
    }

    /// Experiments, the latest made first; those made before the one of number `before`.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn list_experiments(&self, before: Option<i64>, limit: usize) -> Result<Vec<NamedExperiment>, StoreError> {
        let sql =
            "SELECT id, name, created FROM experiments WHERE deleted IS NULL AND id < ?1 ORDER BY id DESC LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.catalog.bound(sql, &[before.unwrap_or(i64::MAX).into(), limit.into()])?;
        rows.iter().map(experiment).collect()
    }

    /// Experiments whose name holds a text, whatever its case.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn experiments_called(&self, part: &str, limit: usize) -> Result<Vec<NamedExperiment>, StoreError> {
        let sql =
            "SELECT id, name, created FROM experiments WHERE deleted IS NULL AND instr(lower(name), lower(?1)) > 0
                   ORDER BY updated DESC, id DESC LIMIT ?2";
        let rows = self.catalog.rows(sql, &[part, &limit.to_string()])?;
        rows.iter().map(experiment).collect()
    }

    /// The versions that a run registered: model and number.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn versions_of(&self, run: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = "SELECT name, version FROM model_versions WHERE run = ?1 ORDER BY name, version";
        let rows = self.catalog.rows(sql, &[run])?;
        rows.iter().map(|row| Ok((column(row, "name")?, column(row, "version")?))).collect()
    }

    /// The series of a run and how many points each has, by name.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn series_of(&self, run: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = "SELECT key, sum(count) AS count FROM metric_chunks WHERE run = ?1 GROUP BY key ORDER BY key";
        let rows = self.catalog.rows(sql, &[run])?;
        rows.iter().map(|row| Ok((column(row, "key")?, column::<i64>(row, "count")?.unsigned_abs()))).collect()
    }

    /// What evaluations of these runs measured, by run.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn metrics_of(&self, runs: &[&str]) -> Result<BTreeMap<String, Vec<MetricRow>>, StoreError> {
        let sql = "SELECT run, step, model, metric, value, low, high, level FROM metrics
                   WHERE run IN (SELECT value FROM json_each(?1))";
        let mut found: BTreeMap<String, Vec<MetricRow>> = BTreeMap::new();
        for row in self.catalog.rows(sql, &[&text(&runs)?])? {
            found.entry(column(&row, "run")?).or_default().push(metric_row(&row)?);
        }
        Ok(found)
    }

    /// How the steps of these runs ended, those that have.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn step_marks(&self, runs: &[&str]) -> Result<Vec<StepMark>, StoreError> {
        let sql = "SELECT run, step, status, seconds FROM step_runs
                   WHERE run IN (SELECT value FROM json_each(?1)) ORDER BY run, position, step";
        let rows = self.catalog.rows(sql, &[&text(&runs)?])?;
        rows.iter()
            .map(|row| {
                Ok(StepMark {
                    run: column(row, "run")?,
                    step: column(row, "step")?,
                    status: named(row, "status")?,
                    seconds: column(row, "seconds")?,
                })
            })
            .collect()
    }

    /// The pipelines that steps were looked up for, with the steps of each, by name.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn pipelines(&self) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        let sql = "SELECT pipeline, json_group_array(step) AS steps FROM last_fingerprints
                   GROUP BY pipeline ORDER BY pipeline";
        let rows = self.catalog.rows(sql, &[])?;
        rows.iter().map(|row| Ok((column(row, "pipeline")?, parsed(row, "steps")?))).collect()
    }

    /// What changes of each registered model, by name.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn model_marks(&self) -> Result<Vec<ModelMark>, StoreError> {
        let rows = self.catalog.rows(MODELS, &[])?;
        rows.iter()
            .map(|row| {
                Ok(ModelMark {
                    name: column(row, "name")?,
                    version: column(row, "version")?,
                    served: column(row, "served")?,
                    aliases: parsed(row, "aliases")?,
                    deployments: column(row, "deployments")?,
                })
            })
            .collect()
    }

    /// The digests of kept artifacts that begin so, each with its kind.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn artifacts_named(&self, beginning: &str, limit: usize) -> Result<Vec<(Digest, String)>, StoreError> {
        let sql =
            "SELECT digest, kind FROM artifacts WHERE digest >= ?1 AND digest < ?1 || 'g' ORDER BY digest LIMIT ?2";
        let rows = self.catalog.rows(sql, &[beginning, &limit.to_string()])?;
        rows.iter().map(|row| Ok((named(row, "digest")?, column(row, "kind")?))).collect()
    }

    /// The steps that put out an artifact, those of the newest runs first: the run and the step's record.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn makers(&self, artifact: &Digest, limit: usize) -> Result<Vec<(String, StepRecord)>, StoreError> {
        // No index leads from an artifact to runs; the newest runs are looked through.
        let sql = "WITH newest AS (SELECT run FROM runs WHERE logged = 0 ORDER BY started DESC, run DESC LIMIT 300)
                   SELECT o.run, s.record FROM newest n
                   JOIN step_outputs o ON o.run = n.run AND o.artifact = ?1
                   JOIN step_runs s ON s.run = o.run AND s.step = o.step
                   ORDER BY n.run DESC LIMIT ?2";
        let rows = self.catalog.rows(sql, &[&artifact.to_string(), &limit.to_string()])?;
        rows.iter().map(|row| Ok((column(row, "run")?, parsed(row, "record")?))).collect()
    }
}

/// A metric and its last value, where that is a number.
pub type LastMetric = (String, Option<f64>);

fn experiment(row: &SqliteRow) -> Result<NamedExperiment, StoreError> {
    Ok(NamedExperiment { id: column(row, "id")?, name: column(row, "name")?, created: column(row, "created")? })
}

fn listed(row: &SqliteRow) -> Result<ListedRun, StoreError> {
    Ok(ListedRun {
        run: column(row, "run")?,
        of: column(row, "of")?,
        name: column(row, "name")?,
        user: column(row, "user")?,
        status: named(row, "status")?,
        started: column(row, "started")?,
        seconds: column(row, "seconds")?,
        logged: column(row, "logged")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{never, run, store};

    #[test]
    fn runs_are_listed_once_each_from_page_to_page() {
        let (_folder, store) = store();
        let session = store.session(&never).unwrap();
        // Several start in the same millisecond.
        for number in 0..25 {
            session.start_run(&run(&format!("r-{number:02}"), number / 3)).unwrap();
        }
        for of in [None, Some("plant")] {
            let mut seen = Vec::new();
            let mut before: Option<(i64, String)> = None;
            loop {
                let cursor = before.as_ref().map(|(started, run)| (*started, run.as_str()));
                let page = store.list_runs(&RunList { before: cursor, limit: 4, of, ..RunList::default() }).unwrap();
                let Some(last) = page.last() else { break };
                before = Some((last.started, last.run.clone()));
                seen.extend(page.into_iter().map(|row| (-row.started, row.run)));
            }
            assert!(seen.is_sorted_by_key(|(started, _)| *started), "{seen:?}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 25);
        }
        let none = RunList { of: Some("other"), limit: 4, ..RunList::default() };
        assert!(store.list_runs(&none).unwrap().is_empty());
        let ended = RunList { status: Some(RunStatus::Failed), limit: 4, ..RunList::default() };
        assert!(store.list_runs(&ended).unwrap().is_empty());
        assert_eq!(store.runs_named("r-1", 100).unwrap().len(), 10);
        assert!(store.runs_named("r-1%", 100).unwrap().is_empty());
        assert_eq!(store.runs_with("seed", "7", 100).unwrap().len(), 25);
        assert!(store.runs_with("seed", "8", 100).unwrap().is_empty());
        assert_eq!(store.listed_run("r-07").unwrap().unwrap().of, "plant");
    }
}
