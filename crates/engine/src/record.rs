//! The record of a run: how it ended as a whole, and what its evaluations measured.

use trainyard_core::{
    Plan,
    artifact::Kind,
    evaluation::{Evaluation, Measured},
    record::{RunRecord, RunStatus, StepRecord, StepStatus},
};
use trainyard_store::MetricRow;

use crate::load::Loader;

/// The record of a run that has just started.
pub(crate) fn started(plan: &Plan, run: String, started: i64) -> RunRecord {
    RunRecord {
        run,
        pipeline: plan.name.clone(),
        status: RunStatus::Running,
        started,
        seconds: 0.0,
        params: plan.params.clone(),
        steps: Vec::new(),
    }
}

/// How a run ended whose steps ended so. `cancelled` says that it was asked to stop.
pub(crate) fn status(steps: &[StepRecord], cancelled: bool, cut_short: bool) -> RunStatus {
    let any = |status| steps.iter().any(|step| step.status == status);
    let stopped = |step: &StepRecord| step.error.as_ref().is_some_and(|error| error.code == "cancelled");
    if cancelled && (cut_short || steps.iter().any(stopped)) {
        RunStatus::Cancelled
    } else if any(StepStatus::Failed) {
        RunStatus::Failed
    } else if any(StepStatus::Refused) {
        RunStatus::Refused
    } else {
        RunStatus::Succeeded
    }
}

/// What the evaluations among the steps' outputs measured, those found in the cache included. One that cannot be read
/// is left out: its numbers are not worth a failed run.
pub(crate) fn metrics(steps: &[StepRecord], loader: &Loader<'_>) -> Vec<MetricRow> {
    let mut rows = Vec::new();
    for step in steps {
        for output in step.outputs.values().filter(|output| output.kind == Kind::Evaluation) {
            let Ok(artifact) = loader.load(&output.digest) else { continue };
            let Some(evaluation) = artifact.value.as_any().downcast_ref::<Evaluation>() else { continue };
            for (model, judged) in &evaluation.models {
                rows.extend(judged.metrics.iter().map(|(metric, measured)| row(&step.name, model, metric, measured)));
            }
        }
    }
    rows
}

fn row(step: &str, model: &str, metric: &str, measured: &Measured) -> MetricRow {
    let finite = |value: f64| value.is_finite().then_some(value);
    MetricRow {
        step: step.to_owned(),
        model: model.to_owned(),
        metric: metric.to_owned(),
        value: finite(measured.value),
        low: finite(measured.low),
        high: finite(measured.high),
        level: finite(measured.level),
    }
}
