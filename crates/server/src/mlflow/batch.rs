//! Metrics, parameters and tags as they are logged, and the history of a metric. The hot path of a tracking server.

use std::{borrow::Cow, collections::BTreeSet, fmt::Write as _};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use trainyard_store::tracking::{Batch, ModelPoint, Point, Points};

use super::{
    Answer, Call, Refused,
    call::{Pair, integer, number},
    limits, now, quoted, runs,
};
use crate::Site;

#[derive(Deserialize)]
struct Metric<'b> {
    #[serde(borrow)]
    key: Cow<'b, str>,
    #[serde(deserialize_with = "number")]
    value: f64,
    #[serde(default, deserialize_with = "integer")]
    timestamp: i64,
    #[serde(default, deserialize_with = "integer")]
    step: i64,
    #[serde(default)]
    model_id: Option<String>,
    #[serde(default)]
    dataset_name: Option<String>,
    #[serde(default)]
    dataset_digest: Option<String>,
}

#[derive(Deserialize)]
struct LogMetric<'b> {
    #[serde(default)]
    run_id: Option<String>,
    #[serde(default)]
    run_uuid: Option<String>,
    #[serde(flatten, borrow)]
    metric: Metric<'b>,
}

#[derive(Deserialize)]
struct LogBatch<'b> {
    #[serde(default)]
    run_id: Option<String>,
    #[serde(default, borrow)]
    metrics: Vec<Metric<'b>>,
    #[serde(default)]
    params: Vec<Pair>,
    #[serde(default)]
    tags: Vec<Pair>,
}

impl Metric<'_> {
    fn check(&self) -> Result<(), Refused> {
        limits::key("Metric", &self.key)
    }

    fn point(&self) -> Point {
        let timestamp = if self.timestamp == 0 { now() } else { self.timestamp };
        Point { key: self.key.clone().into_owned(), value: self.value, timestamp, step: self.step }
    }
}

fn run_of(run_id: Option<String>, run_uuid: Option<String>) -> Result<String, Refused> {
    run_id.filter(|id| !id.is_empty()).or(run_uuid).filter(|id| !id.is_empty()).ok_or_else(|| {
        Refused::invalid("Missing value for required parameter 'run_id'. See the API docs for more information about request parameters.")
    })
}

/// What `log-metric` sends.
pub(super) fn metric(call: &Call) -> Result<Logged, Refused> {
    let LogMetric { run_id, run_uuid, metric } = call.read()?;
    let run = run_of(run_id, run_uuid)?;
    metric.check()?;
    Ok(Logged::of(run, &[metric], Vec::new(), Vec::new()))
}

/// What `log-batch` sends.
pub(super) fn batch(call: &Call) -> Result<Logged, Refused> {
    let LogBatch { run_id, metrics, params, tags } = call.read()?;
    let run = run_of(run_id, None)?;
    let too_many = |what: &str, count: usize, most: usize| {
        Refused::invalid(format!("A batch logging request can contain at most {most} {what}. Got {count} {what}."))
    };
    if metrics.len() > limits::METRICS {
        return Err(too_many("metrics", metrics.len(), limits::METRICS));
    }
    if params.len() > limits::PAIRS {
        return Err(too_many("params", params.len(), limits::PAIRS));
    }
    if tags.len() > limits::PAIRS {
        return Err(too_many("tags", tags.len(), limits::PAIRS));
    }
    metrics.iter().try_for_each(Metric::check)?;
    let taken = |pairs: Vec<Pair>| pairs.into_iter().map(|pair| (pair.key, pair.value)).collect::<Vec<_>>();
    let (params, tags) = (taken(params), taken(tags));
    limits::pairs("Param", &params, limits::PARAM)?;
    limits::pairs("Tag", &tags, limits::RUN_TAG)?;
    let mut keys = BTreeSet::new();
    if let Some((twice, _)) = params.iter().find(|(key, _)| !keys.insert(key.as_str())) {
        return Err(Refused::invalid(format!("Duplicate parameter keys have been submitted: ['{twice}']")));
    }
    Ok(Logged::of(run, &metrics, params, tags))
}

pub(super) fn log_param(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let run = fields.run_id()?;
    let (key, value) = (fields.required("key")?, fields.text("value")?.unwrap_or_default());
    let params = [(key, value)];
    limits::pairs("Param", &params, limits::PARAM)?;
    site.store.log_batch(&run, &Batch { params: &params, ..Batch::default() })?;
    Ok("{}".to_owned())
}

/// What is to be logged to a run, checked.
pub(super) struct Logged {
    run: String,
    points: Vec<Point>,
    params: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    /// Those of the points that are of models too.
    of_models: Vec<ModelPoint>,
}

impl Logged {
    fn of(run: String, metrics: &[Metric<'_>], params: Vec<(String, String)>, tags: Vec<(String, String)>) -> Self {
        let points: Vec<Point> = metrics.iter().map(Metric::point).collect();
        let of_models = metrics
            .iter()
            .zip(&points)
            .filter_map(|(metric, point)| {
                Some(ModelPoint {
                    model: metric.model_id.clone().filter(|model| !model.is_empty())?,
                    run: run.clone(),
                    point: point.clone(),
                    dataset_name: metric.dataset_name.clone(),
                    dataset_digest: metric.dataset_digest.clone(),
                })
            })
            .collect();
        Self { run, points, params, tags, of_models }
    }
}

/// Writes it.
pub(super) async fn log(site: &Site, logged: Logged) -> Answer {
    let Logged { run, points, params, tags, of_models } = &logged;
    if params.is_empty() && tags.is_empty() && of_models.is_empty() {
        site.store.log_points(run, points).await?;
    } else {
        tokio::task::block_in_place(|| log_all(site, &logged))?;
    }
    Ok("{}".to_owned())
}

fn log_all(site: &Site, Logged { run, points, params, tags, of_models }: &Logged) -> Result<(), Refused> {
    let batch = Batch { points, params, tags };
    if of_models.is_empty() {
        return Ok(site.store.log_batch(run, &batch)?);
    }
    // Clients log what a run has measured once more as its model's: that is not a new point of the run.
    site.store.fold_metrics()?;
    let mut new = Vec::new();
    for point in points {
        let again = of_models.iter().any(|of_model| of_model.point == *point)
            && has(&site.store.series(run, &point.key, 0, usize::MAX)?, point);
        if !again {
            new.push(point.clone());
        }
    }
    site.store.log_batch(run, &Batch { points: &new, ..batch })?;
    Ok(site.store.log_model_points(of_models)?)
}

fn has(points: &Points, point: &Point) -> bool {
    (0..points.values.len()).any(|at| {
        points.steps[at] == point.step
            && points.timestamps[at] == point.timestamp
            && points.values[at].total_cmp(&point.value).is_eq()
    })
}

/// Most points of an answer.
const MOST: usize = 25_000;

pub(super) fn history(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let run = fields.run_id()?;
    let key = fields.required("metric_key")?;
    let limit = match fields.integer("max_results")? {
        None => MOST,
        Some(asked) => usize::try_from(asked).unwrap_or(0).clamp(1, MOST),
    };
    let from = match fields.text("page_token")? {
        None => 0,
        Some(token) => BASE64_URL_SAFE_NO_PAD
            .decode(&token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok())
            .ok_or_else(|| Refused::invalid("Invalid page token"))?,
    };
    runs::found(site, &run)?;
    let points = site.reader.series(&run, &key, from, limit)?;
    let mut out = String::with_capacity(points.values.len() * 80 + 64);
    out.push_str(r#"{"metrics":["#);
    write(&points, 0..points.values.len(), &quoted(&key), None, &mut out);
    out.push(']');
    if points.values.len() == limit && site.reader.series_length(&run, &key)? > (from + limit) as u64 {
        let token = BASE64_URL_SAFE_NO_PAD.encode((from + limit).to_string());
        let _ = write!(out, r#","next_page_token":"{token}""#);
    }
    out.push('}');
    Ok(out)
}

/// Points of the steps between two, thinned out evenly, of several runs: what a chart needs.
pub(super) fn history_in_intervals(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let ids = fields.texts("run_ids")?;
    if ids.is_empty() || ids.len() > 100 {
        return Err(Refused::invalid("GetMetricHistoryBulkInterval request must specify 1 to 100 run_ids."));
    }
    let key = fields.required("metric_key")?;
    let (start, end) = (fields.integer("start_step")?, fields.integer("end_step")?);
    let most = fields.integer("max_results")?.map_or(2500, |most| usize::try_from(most).unwrap_or(0).clamp(1, 2500));
    site.store.fold_metrics()?;
    let mut out = String::from(r#"{"metrics":["#);
    for run in &ids {
        let points = site.reader.series(run, &key, 0, usize::MAX)?;
        let within: Vec<usize> = (0..points.values.len())
            .filter(|&at| start.is_none_or(|start| points.steps[at] >= start))
            .filter(|&at| end.is_none_or(|end| points.steps[at] <= end))
            .collect();
        let shown = within.len().min(most);
        let chosen = (0..shown).map(|place| within[place * (within.len() - 1) / (shown - 1).max(1)]);
        if !out.ends_with('[') && shown > 0 {
            out.push(',');
        }
        write(&points, chosen, &quoted(&key), Some(&quoted(run)), &mut out);
    }
    out.push_str("]}");
    Ok(out)
}

fn write(points: &Points, places: impl Iterator<Item = usize>, key: &str, run: Option<&str>, out: &mut String) {
    for (count, at) in places.enumerate() {
        if count > 0 {
            out.push(',');
        }
        let value = points.values[at];
        let value = if value.is_nan() { "\"NaN\"".to_owned() } else { serde_json::json!(value).to_string() };
        let _ = write!(
            out,
            r#"{{"key":{key},"value":{value},"timestamp":{},"step":{}"#,
            points.timestamps[at], points.steps[at]
        );
        if let Some(run) = run {
            let _ = write!(out, r#","run_id":{run}"#);
        }
        out.push('}');
    }
}
