//! Lists as pages show them: a part at a time, by cursor, so that none grows slower with what came before it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trainyard_core::{
    digest::Digest,
    record::{RunStatus, StepRecord, StepStatus},
};

use super::{
    column, named, parsed,
    rows::{MetricRow, RunRow},
    runs::{metric_row, run_row},
    text,
};
use crate::{error::StoreError, store::Store};

/// Which runs, the newest first.
#[derive(Clone, Debug, Default)]
pub struct RunList<'a> {
    /// Only those of this pipeline.
    pub pipeline: Option<&'a str>,
    /// Only those that ended so.
    pub status: Option<RunStatus>,
    /// Only those older than the run that started then, with that id.
    pub before: Option<(i64, &'a str)>,
    /// How many.
    pub limit: usize,
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
    /// (alias, version), sorted.
    pub aliases: Vec<(String, i64)>,
    /// How often its deployment was changed.
    pub deployments: i64,
}

const RUNS: &str = "SELECT run, pipeline, status, started, seconds FROM runs
     WHERE (started, run) < (CAST(?1 AS INTEGER), ?2)
       AND (?3 = '' OR pipeline = ?3) AND (?4 = '' OR status = ?4)
     ORDER BY started DESC, run DESC LIMIT ?5";

const MODELS: &str = "SELECT m.name,
       (SELECT coalesce(max(version), 0) FROM model_versions v WHERE v.name = m.name) AS version,
       (SELECT json_group_array(json_array(alias, version)) FROM
          (SELECT alias, version FROM aliases a WHERE a.name = m.name ORDER BY alias)) AS aliases,
       (SELECT coalesce(max(number), 0) FROM deployments d WHERE d.name = m.name) AS deployments
     FROM models m ORDER BY m.name";

impl Store {
    /// Some runs, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn list_runs(&self, list: &RunList<'_>) -> Result<Vec<RunRow>, StoreError> {
        let (started, run) = list.before.unwrap_or((i64::MAX, "\u{10ffff}"));
        let status = list.status.map_or("", RunStatus::name);
        let arguments = [
            &started.to_string(),
            run,
            list.pipeline.unwrap_or_default(),
            status,
            &list.limit.min(i64::MAX as usize).to_string(),
        ];
        self.catalog.rows(RUNS, &arguments)?.iter().map(run_row).collect()
    }

    /// The runs whose id begins so, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn runs_named(&self, beginning: &str, limit: usize) -> Result<Vec<RunRow>, StoreError> {
        let sql = "SELECT run, pipeline, status, started, seconds FROM runs
                   WHERE run >= ?1 AND run < ?1 || char(1114111) ORDER BY run DESC LIMIT ?2";
        self.catalog.rows(sql, &[beginning, &limit.to_string()])?.iter().map(run_row).collect()
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
        let sql = "WITH newest AS (SELECT run FROM runs ORDER BY started DESC, run DESC LIMIT 300)
                   SELECT o.run, s.record FROM newest n
                   JOIN step_outputs o ON o.run = n.run AND o.artifact = ?1
                   JOIN step_runs s ON s.run = o.run AND s.step = o.step
                   ORDER BY n.run DESC LIMIT ?2";
        let rows = self.catalog.rows(sql, &[&artifact.to_string(), &limit.to_string()])?;
        rows.iter().map(|row| Ok((column(row, "run")?, parsed(row, "record")?))).collect()
    }
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
        let mut seen = Vec::new();
        let mut before: Option<(i64, String)> = None;
        loop {
            let cursor = before.as_ref().map(|(started, run)| (*started, run.as_str()));
            let list = RunList { before: cursor, limit: 4, pipeline: Some("plant"), ..RunList::default() };
            let page = store.list_runs(&list).unwrap();
            let Some(last) = page.last() else { break };
            before = Some((last.started, last.run.clone()));
            seen.extend(page.into_iter().map(|row| row.run));
        }
        let mut expected: Vec<String> = (0..25).map(|number| format!("r-{number:02}")).collect();
        expected.reverse();
        assert_eq!(seen, expected);
        let none = RunList { pipeline: Some("other"), limit: 4, ..RunList::default() };
        assert!(store.list_runs(&none).unwrap().is_empty());
        let ended = RunList { status: Some(RunStatus::Failed), limit: 4, ..RunList::default() };
        assert!(store.list_runs(&ended).unwrap().is_empty());
        assert_eq!(store.runs_named("r-1", 100).unwrap().len(), 10);
        assert!(store.runs_named("r-1%", 100).unwrap().is_empty());
    }
}
