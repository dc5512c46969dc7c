//! Runs: lists, one with its steps and metrics, several side by side, started again and stopped.

use serde_json::{Value, json};
use trainyard_core::{
    Problem,
    record::{RunStatus, StepRecord},
};
use trainyard_report::charts::dag::status_name;
use trainyard_store::{ListedRun, MetricRow, RunList};

use super::{
    GET, POST, body,
    operation::{Answer, BEFORE, LIMIT, Operation, Parameter, Shape, schema},
    wire, wired,
};
use crate::{Site, call::Call, compare, cursor, fault::told, logged, pipelines, series};

const STATUSES: &[&str] = &["running", "scheduled", "succeeded", "failed", "refused", "cancelled"];

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation {
            method: GET,
            path: "/runs",
            id: "listRuns",
            about: "Lists runs, the newest first.",
            query: &[
                Parameter {
                    name: "pipeline",
                    about: "Only runs of this pipeline.",
                    shape: Shape::Text,
                    required: false,
                },
                Parameter {
                    name: "status",
                    about: "Only runs that stand so.",
                    shape: Shape::OneOf(STATUSES),
                    required: false,
                },
                BEFORE,
                LIMIT,
            ],
            body: None,
            answer: Answer::Document(list, schema::<wire::Runs>),
        },
        Operation {
            method: GET,
            path: "/runs/{run}",
            id: "getRun",
            about: "Tells all that is known of a run; the beginning of its id will do.",
            query: &[],
            body: None,
            answer: Answer::Document(get, schema::<wire::RunDetail>),
        },
        Operation {
            method: GET,
            path: "/runs/{run}/steps",
            id: "listSteps",
            about: "Lists the steps of a run that have ended.",
            query: &[],
            body: None,
            answer: Answer::Document(steps, schema::<wire::Steps>),
        },
        Operation {
            method: GET,
            path: "/runs/{run}/metrics",
            id: "listMetrics",
            about: "Lists what the evaluations of a run measured.",
            query: &[],
            body: None,
            answer: Answer::Document(metrics, schema::<wire::Metrics>),
        },
        Operation {
            method: GET,
            path: "/runs/{run}/series",
            id: "getSeries",
            about: "Tells a metric that a client logged, over time.",
            query: &[
                Parameter { name: "metric", about: "The metric.", shape: Shape::Text, required: true },
                Parameter {
                    name: "points",
                    about: "About how many points at most; the peaks of a longer series stay.",
                    shape: Shape::Number(10_000, 500),
                    required: false,
                },
            ],
            body: None,
            answer: Answer::Document(series, schema::<wire::Series>),
        },
        Operation {
            method: GET,
            path: "/runs/{run}/files",
            id: "listFiles",
            about: "Lists the files that a client kept with a run.",
            query: &[Parameter {
                name: "path",
                about: "A folder; the topmost one when absent.",
                shape: Shape::Text,
                required: false,
            }],
            body: None,
            answer: Answer::Document(files, schema::<wire::Files>),
        },
        Operation {
            method: GET,
            path: "/runs/{run}/log",
            id: "getLog",
            about: "Tells the end of what a run that was started by this server said while it was at work.",
            query: &[],
            body: None,
            answer: Answer::Document(log, schema::<wire::Log>),
        },
        Operation {
            method: GET,
            path: "/experiments",
            id: "listExperiments",
            about: "Lists experiments, the latest made first. A pipeline's runs are those of the experiment of its name.",
            query: &[BEFORE, LIMIT],
            body: None,
            answer: Answer::Document(experiments, schema::<wire::Experiments>),
        },
        Operation {
            method: GET,
            path: "/compare",
            id: "compareRuns",
            about: "Puts runs side by side.",
            query: &[Parameter {
                name: "run",
                about: "A run's id; once for each run.",
                shape: Shape::Texts(2, compare::MOST),
                required: true,
            }],
            body: None,
            answer: Answer::Document(compared, schema::<wire::Comparison>),
        },
        Operation {
            method: POST,
            path: "/runs/{run}/again",
            id: "runAgain",
            about: "Does a run again with its parameters; from a step on, where one is named, although results are known.",
            query: &[],
            body: Some(schema::<wire::Again>),
            answer: Answer::Accepted(again, schema::<wire::Started>),
        },
        Operation {
            method: POST,
            path: "/runs/{run}/cancel",
            id: "cancelRun",
            about: "Asks a run that was started by this server to stop.",
            query: &[],
            body: None,
            answer: Answer::Accepted(cancel, schema::<wire::Started>),
        },
    ]
}

pub(super) fn run(row: &ListedRun) -> wire::Run {
    wire::Run {
        run: row.run.clone(),
        pipeline: row.of.clone(),
        name: Some(row.name.clone()).filter(|_| row.logged),
        logged: row.logged,
        status: row.status.name().to_owned(),
        started: row.started,
        seconds: row.seconds,
    }
}

fn list(site: &Site, call: &Call) -> Result<Value, Problem> {
    let limit = call.number("limit", 50, 1000)?;
    let status = call.asked("status").and_then(status_named);
    let before = call.asked("before").map(cursor::read).transpose()?;
    let list = RunList { of: call.asked("pipeline"), status, before, limit: limit + 1 };
    let mut rows = site.reader.list_runs(&list).map_err(told)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(cursor::behind);
    wired(wire::Runs { runs: rows.iter().map(run).collect(), next })
}

/// The status of that name.
pub(crate) fn status_named(name: &str) -> Option<RunStatus> {
    [
        RunStatus::Running,
        RunStatus::Scheduled,
        RunStatus::Succeeded,
        RunStatus::Failed,
        RunStatus::Refused,
        RunStatus::Cancelled,
    ]
    .into_iter()
    .find(|status| status.name() == name)
}

/// The run of that id, or whose id alone begins so.
fn found(site: &Site, call: &Call) -> Result<ListedRun, Problem> {
    let run = site.reader.run(call.part("run")).map_err(told)?.run;
    let found = site.reader.listed_run(&run).map_err(told)?;
    found.ok_or_else(|| Problem::error("run-not-found", format!("there is no run `{run}` any more")))
}

fn get(site: &Site, call: &Call) -> Result<Value, Problem> {
    let row = found(site, call)?;
    let logged = logged::of(site, &row.run)?;
    let record = site.reader.record(&row.run).map_err(told)?;
    let (params, metrics) = if row.logged {
        let params = logged.params.iter().map(|(name, value)| (name.clone(), json!(value)));
        (params.collect(), logged.metrics.iter().map(|(name, value)| last(name, *value)).collect())
    } else {
        (record.params, measured(site, &row.run)?)
    };
    wired(wire::RunDetail {
        run: run(&row),
        params,
        tags: logged.tags,
        metrics,
        asked_by: site.workshop.job(&row.run).map(|job| job.order.who),
        steps: record.steps.iter().map(step).collect(),
        user: Some(row.user).filter(|user| !user.is_empty()),
    })
}

fn measured(site: &Site, run: &str) -> Result<Vec<wire::Metric>, Problem> {
    Ok(site.reader.metrics(run).map_err(told)?.iter().map(metric).collect())
}

/// The last point of a logged metric.
fn last(name: &str, value: Option<f64>) -> wire::Metric {
    wire::Metric {
        step: String::new(),
        model: String::new(),
        metric: name.to_owned(),
        value,
        low: None,
        high: None,
        level: None,
    }
}

fn series(site: &Site, call: &Call) -> Result<Value, Problem> {
    let (run, metric) = (found(site, call)?.run, call.asked("metric").unwrap_or_default());
    let sampled = series::sampled(site, &run, metric, call.number("points", 500, 10_000)?)?;
    let points = sampled.points.iter().map(|(step, value, timestamp)| wire::PointOf {
        step: *step,
        value: value.is_finite().then_some(*value),
        timestamp: *timestamp,
    });
    wired(wire::Series { metric: metric.to_owned(), total: sampled.total, points: points.collect() })
}

fn files(site: &Site, call: &Call) -> Result<Value, Problem> {
    let run = found(site, call)?.run;
    let files = logged::files(site, &run, call.asked("path").unwrap_or_default())?.into_iter();
    let files = files.map(|file| wire::File { name: file.name, bytes: file.bytes, address: file.address });
    wired(wire::Files { files: files.collect() })
}

fn steps(site: &Site, call: &Call) -> Result<Value, Problem> {
    let record = site.reader.record(call.part("run")).map_err(told)?;
    wired(wire::Steps { steps: record.steps.iter().map(step).collect() })
}

fn step(record: &StepRecord) -> wire::Step {
    let outputs = record.outputs.iter().map(|(port, output)| {
        let output = wire::Output {
            kind: output.kind.name().to_owned(),
            digest: output.digest.to_string(),
            rows: output.rows,
            bytes: output.bytes,
        };
        (port.clone(), output)
    });
    wire::Step {
        name: record.name.clone(),
        uses: record.uses.clone(),
        status: status_name(record.status).to_owned(),
        started_after: record.started_after as f64 / 1000.0,
        seconds: record.seconds,
        cpu_seconds: record.cost.cpu_seconds,
        peak_memory: record.cost.peak_memory,
        from: record.from.clone(),
        why: record.why.clone(),
        outputs: outputs.collect(),
        warnings: record.warnings.iter().map(|warning| json!(warning)).collect(),
        error: record.error.as_ref().map(|error| wire::Fault {
            code: error.code.clone(),
            message: error.message.clone(),
            help: error.help.clone(),
        }),
        params: record.params.clone(),
    }
}

fn metrics(site: &Site, call: &Call) -> Result<Value, Problem> {
    let row = found(site, call)?;
    let metrics = if row.logged {
        logged::of(site, &row.run)?.metrics.iter().map(|(name, value)| last(name, *value)).collect()
    } else {
        measured(site, &row.run)?
    };
    wired(wire::Metrics { metrics })
}

pub(super) fn metric(row: &MetricRow) -> wire::Metric {
    wire::Metric {
        step: row.step.clone(),
        model: row.model.clone(),
        metric: row.metric.clone(),
        value: row.value,
        low: row.low,
        high: row.high,
        level: row.level,
    }
}

fn compared(site: &Site, call: &Call) -> Result<Value, Problem> {
    let comparison = compare::compare(site, &call.asked_all("run"))?;
    let rows = |rows: Vec<compare::Row>| -> Vec<wire::Compared> {
        rows.into_iter()
            .map(|row| wire::Compared { name: row.name, values: row.values, differs: row.differs })
            .collect()
    };
    let runs = comparison.runs.iter().map(run);
    wired(wire::Comparison { runs: runs.collect(), params: rows(comparison.params), metrics: rows(comparison.metrics) })
}

fn log(site: &Site, call: &Call) -> Result<Value, Problem> {
    let run = call.part("run");
    let log = site.workshop.log(run).ok_or_else(|| {
        Problem::error("no-log", format!("there is no log of a run `{run}`"))
            .help("logs are kept of runs that this server starts")
    })?;
    wired(wire::Log { log })
}

fn experiments(site: &Site, call: &Call) -> Result<Value, Problem> {
    let limit = call.number("limit", 50, 1000)?;
    let before = call.asked("before").map(cursor::read).transpose()?.map(|(id, _)| id);
    let mut rows = site.reader.list_experiments(before, limit + 1).map_err(told)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| format!("{}.", row.id));
    let experiments = rows.into_iter().map(|row| wire::Experiment { id: row.id, name: row.name, created: row.created });
    wired(wire::Experiments { experiments: experiments.collect(), next })
}

fn again(site: &Site, call: &Call) -> Result<Value, Problem> {
    let asked: wire::Again = body(call)?;
    let run =
        pipelines::again(site, call.part("run"), asked.from.as_deref().filter(|step| !step.is_empty()), &call.who)?;
    call.note(format!("{} again: {run}", call.part("run")));
    wired(wire::Started { run })
}

fn cancel(site: &Site, call: &Call) -> Result<Value, Problem> {
    let run = call.part("run");
    site.workshop.cancel(run, &call.who)?;
    wired(wire::Started { run: run.to_owned() })
}
