//! Runs: lists, one with its steps and metrics, several side by side, started again and stopped.

use serde_json::{Value, json};
use trainyard_core::{
    Problem,
    record::{RunStatus, StepRecord},
};
use trainyard_report::charts::dag::status_name;
use trainyard_store::{MetricRow, RunList, RunRow};

use super::{
    GET, POST, body,
    operation::{Answer, BEFORE, LIMIT, Operation, Parameter, Shape, schema},
    wire, wired,
};
use crate::{Site, call::Call, compare, cursor, fault::told, pipelines};

const STATUSES: &[&str] = &["running", "succeeded", "failed", "refused", "cancelled"];

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

pub(super) fn run(row: &RunRow) -> wire::Run {
    wire::Run {
        run: row.run.clone(),
        pipeline: row.pipeline.clone(),
        status: row.status.name().to_owned(),
        started: row.started,
        seconds: row.seconds,
    }
}

fn list(site: &Site, call: &Call) -> Result<Value, Problem> {
    let limit = call.number("limit", 50, 1000)?;
    let status = call.asked("status").and_then(status_named);
    let before = call.asked("before").map(cursor::read).transpose()?;
    let list = RunList { pipeline: call.asked("pipeline"), status, before, limit: limit + 1 };
    let mut rows = site.reader.list_runs(&list).map_err(told)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(cursor::behind);
    wired(wire::Runs { runs: rows.iter().map(run).collect(), next })
}

/// The status of that name.
pub(crate) fn status_named(name: &str) -> Option<RunStatus> {
    [RunStatus::Running, RunStatus::Succeeded, RunStatus::Failed, RunStatus::Refused, RunStatus::Cancelled]
        .into_iter()
        .find(|status| status.name() == name)
}

fn get(site: &Site, call: &Call) -> Result<Value, Problem> {
    let record = site.reader.record(call.part("run")).map_err(told)?;
    wired(wire::RunDetail {
        run: wire::Run {
            run: record.run.clone(),
            pipeline: record.pipeline.clone(),
            status: record.status.name().to_owned(),
            started: record.started,
            seconds: record.seconds,
        },
        metrics: site.reader.metrics(&record.run).map_err(told)?.iter().map(metric).collect(),
        asked_by: site.workshop.job(&record.run).map(|job| job.order.who),
        steps: record.steps.iter().map(step).collect(),
        params: record.params,
    })
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
    let run = site.reader.run(call.part("run")).map_err(told)?;
    wired(wire::Metrics { metrics: site.reader.metrics(&run.run).map_err(told)?.iter().map(metric).collect() })
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
    let runs = comparison.runs.iter().map(|record| wire::Run {
        run: record.run.clone(),
        pipeline: record.pipeline.clone(),
        status: record.status.name().to_owned(),
        started: record.started,
        seconds: record.seconds,
    });
    wired(wire::Comparison { runs: runs.collect(), params: rows(comparison.params), metrics: rows(comparison.metrics) })
}

fn again(site: &Site, call: &Call) -> Result<Value, Problem> {
    let asked: wire::Again = body(call)?;
    let run =
        pipelines::again(site, call.part("run"), asked.from.as_deref().filter(|step| !step.is_empty()), &call.who)?;
    wired(wire::Started { run })
}

fn cancel(site: &Site, call: &Call) -> Result<Value, Problem> {
    let run = call.part("run");
    site.workshop.cancel(run, &call.who)?;
    wired(wire::Started { run: run.to_owned() })
}
