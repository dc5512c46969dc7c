//! `optimize/model`: makes a model smaller and faster within a stated loss of accuracy.
//!
//! Each technique, in turn, is tried at several strengths on what the one before has left. Every candidate is measured
//! on the split's validation part, which the test part stands apart from; of those whose metric is not worse than
//! allowed, the one whose estimator takes the fewest bytes goes on. What was tried comes out as a table. The choice
//! looks at the metric and at bytes alone, so that it is the same on every machine; how long a row takes before and
//! after is told beside it.
//!
//! A calibration or conformal prediction that the model came with is kept as it is: fitted to what the model said before,
//! it holds as nearly as the predictions stayed the same.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Schema, Setting, Step, StepError, Value,
    Warning, evaluation::Measured, warning::Severity,
};
use trainyard_data::{Cells, Table, split::SplitTable};
use trainyard_learn::{
    FittedModel, Frame, Sample,
    metrics::{self, Settings},
    shrink::{Technique, smaller},
};
use trainyard_model::{Package, Scorer};

use crate::evaluate::unseen::{Unseen, check_level, check_part};

/// What to try, and how much worse the model may become.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// What is tried, one after the other: `prune-trees`, `prune-leaves`, `prune-weights`, `quantise`; all of them, in
    /// this order, when absent. What does not apply to the model's kind is passed over.
    pub techniques: Option<Vec<Technique>>,
    /// The metric that says how good a model is; the most telling for the task when absent.
    pub metric: Option<String>,
    /// How much worse than before the metric may be, as a share of what it was (0 to 0.5).
    pub at_most_loss: f64,
    /// The part of the split to measure on; never the test part.
    pub part: String,
    /// Confidence level of the intervals (0.5 to 0.999).
    pub level: f64,
    /// Bootstrap samples of the metrics that need them (100 to 100000).
    pub samples: usize,
    /// Seeds the bootstrap.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            techniques: None,
            metric: None,
            at_most_loss: 0.005,
            part: "validation".to_owned(),
            level: 0.95,
            samples: 500,
            seed: 0,
        }
    }
}

/// Makes a model smaller.
pub struct Model;

impl Step for Model {
    const NAME: &'static str = "optimize/model";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "makes a model smaller and faster within a stated loss of accuracy";
    const EXAMPLES: &'static [&'static str] = &[
        "{}",
        r#"{"metric": "roc_auc", "at_most_loss": 0.002}"#,
        r#"{"techniques": ["prune-trees", "quantise"], "metric": "rmse", "at_most_loss": 0.01}"#,
    ];
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new()
            .one("data", &[Kind::Split])
            .one("model", &[Kind::Model])
            .output("model", &[Kind::Model])
            .output("report", &[Kind::Table])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let model = inputs.get("model").cloned();
        let task = match &model {
            Some(Outline::Model { task, .. }) => *task,
            _ => None,
        };
        let mut problems = check_ranges(&params);
        if params.part == "test" {
            let message = "the test part must not choose what becomes of a model: it could no longer judge it";
            let help = "measure on `validation`, and judge the model on `test` afterwards";
            problems.push(Problem::error("chosen-on-test", message).help(help).at(["part"]));
        }
        problems.extend(check_part(&params.part, inputs));
        if let Some(metric) = &params.metric
            && let Err(error) = metrics::check(metric, task)
        {
            problems.push(Problem::from(error).at(["metric"]));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let outlines = Outlines::output("report", Outline::Table { schema: Report::schema() });
        Ok((params, model.into_iter().fold(outlines, |outlines, model| outlines.with("model", "model", model))))
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let split = inputs.one::<SplitTable>("data")?;
        let models = inputs.many::<Package>("model")?;
        let held = Unseen::of(&split, &models, &params.part, context)?;
        let (_, package) = models.first().ok_or_else(|| StepError::new("missing-input", "there is no model"))?;
        let (chosen, report) = optimise(params, package, &held, context)?;
        tell(package, &chosen, &report, &held.frame(package)?, context)?;
        Ok(Outputs::one("report", report.table()?).and("model", chosen))
    }
}

fn check_ranges(params: &Params) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut range = |fits: bool, field: &str, found: &dyn std::fmt::Display, expected: &str| {
        if !fits {
            let message = format!("`{field}` is {found}; expected {expected}");
            problems.push(Problem::error("out-of-range", message).at([field]));
        }
    };
    range((0.0..=0.5).contains(&params.at_most_loss), "at_most_loss", &params.at_most_loss, "0 to 0.5");
    range((100..=100_000).contains(&params.samples), "samples", &params.samples, "100 to 100000");
    range(params.techniques.as_ref().is_none_or(|some| !some.is_empty()), "techniques", &"empty", "at least one");
    problems.extend(check_level(params.level));
    problems
}

/// One thing tried.
struct Candidate {
    technique: &'static str,
    what: String,
    measured: Measured,
    /// How much worse than before the metric is; below 0 where it is better.
    loss: f64,
    within: bool,
    bytes: u64,
    chosen: bool,
}

/// What was tried, the model as it was first.
struct Report {
    metric: String,
    candidates: Vec<Candidate>,
}

/// The smallest model that is good enough, and what was tried.
fn optimise(
    params: &Params,
    package: &Arc<Package>,
    held: &Unseen,
    context: &Context<'_>,
) -> Result<(Arc<Package>, Report), StepError> {
    let metric = params.metric.clone().unwrap_or_else(|| metrics::deciding(held.task).to_owned());
    let direction = metrics::check(&metric, Some(held.task))?.direction;
    let measure = |package: &Package| measure(params, &metric, package, held);
    let before = measure(package)?;
    let allowed = params.at_most_loss * before.value.abs();
    let mut chosen = Arc::clone(package);
    let mut made_by: Vec<serde_json::Value> = Vec::new();
    let mut candidates = vec![Candidate {
        technique: "none",
        what: "as it was".to_owned(),
        loss: 0.0,
        within: true,
        bytes: package.estimator_bytes(),
        chosen: false,
        measured: before.clone(),
    }];
    let x = package.features.apply(&held.frame(package)?)?;
    let sample = Sample { weights: held.weights.as_deref(), ..Sample::new(&x, &held.truth, held.classes.len()) };
    let techniques = params.techniques.as_deref().unwrap_or(&Technique::ALL);
    for (turn, &technique) in techniques.iter().enumerate() {
        context.progress(turn as u64, techniques.len() as u64, technique.name())?;
        let Some(model) = chosen.model.clone() else { break };
        let mut best: Option<(usize, Arc<Package>)> = None;
        for made in smaller(&model, technique, &sample) {
            context.progress(turn as u64, techniques.len() as u64, &made.what)?;
            let own = with_model(&chosen, made.model);
            let measured = measure(&own)?;
            let loss = direction.loss(measured.value) - direction.loss(before.value);
            let (within, bytes) = (loss <= allowed, own.estimator_bytes());
            if within && bytes < best.as_ref().map_or(chosen.estimator_bytes(), |(_, best)| best.estimator_bytes()) {
                best = Some((candidates.len(), Arc::new(own)));
            }
            let technique = technique.name();
            candidates.push(Candidate { technique, what: made.what, measured, loss, within, bytes, chosen: false });
        }
        if let Some((place, package)) = best {
            let candidate = &mut candidates[place];
            candidate.chosen = true;
            made_by.push(serde_json::json!({"technique": candidate.technique, "kept": candidate.what}));
            chosen = package;
        }
    }
    if made_by.is_empty() {
        candidates[0].chosen = true;
        return Ok((chosen, Report { metric, candidates }));
    }
    let mut own = Package { encoded: OnceLock::new(), ..chosen.as_ref().clone() };
    if let Some(params) = own.provenance.params.as_object_mut() {
        params.insert("optimised".to_owned(), serde_json::json!({"from": package.digest(), "by": made_by}));
    }
    Ok((Arc::new(own), Report { metric, candidates }))
}

fn with_model(package: &Package, model: FittedModel) -> Package {
    let encoded = OnceLock::new();
    Package { model: Some(Arc::new(model)), encoded, ..package.clone() }
}

fn measure(params: &Params, metric: &str, package: &Package, held: &Unseen) -> Result<Measured, StepError> {
    let prediction = package.predict_prepared(&held.table)?;
    let settings = Settings { level: params.level, seed: params.seed, samples: params.samples, ..Settings::default() };
    let scored = held.scored(&prediction);
    let undefined = || StepError::new("metric-not-measured", format!("`{metric}` could not be measured"));
    let (_, measured) =
        metrics::measure_with(&[metric], held.task, &scored, &settings).into_iter().next().ok_or_else(undefined)?;
    let measured = measured?;
    if measured.value.is_finite() { Ok(measured) } else { Err(undefined()) }
}

/// Tells what became of the model and, though no result depends on it, how long one row takes before and after.
fn tell(
    before: &Arc<Package>,
    after: &Arc<Package>,
    report: &Report,
    frame: &Frame,
    context: &Context<'_>,
) -> Result<(), StepError> {
    let (first, last) = (report.candidates.first(), report.candidates.iter().rfind(|candidate| candidate.chosen));
    let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
    let times = [row_time(before, frame)?, row_time(after, frame)?];
    let message = format!(
        "{} instead of {} bytes, {} {:.5} instead of {:.5}, {:.1} instead of {:.1} us a row",
        after.estimator_bytes(),
        before.estimator_bytes(),
        report.metric,
        last.measured.value,
        first.measured.value,
        times[1],
        times[0],
    );
    let warning = Warning::new("model-optimised", message)
        .number("bytes_before", before.estimator_bytes() as f64)
        .number("bytes_after", after.estimator_bytes() as f64)
        .number("row_us_before", times[0])
        .number("row_us_after", times[1]);
    context.warn(Warning { severity: Severity::Low, ..warning });
    Ok(())
}

/// Rows that one row's time is taken over, and how often.
const TIMED: usize = 200;
const TURNS: usize = 5;

/// Microseconds that a prediction of one row takes, at best.
fn row_time(package: &Arc<Package>, frame: &Frame) -> Result<f64, StepError> {
    let scorer = Scorer::new(Arc::clone(package))?;
    let rows: Vec<Frame> = (0..frame.rows.min(TIMED)).map(|row| frame.take(&[row])).collect();
    let mut best = f64::INFINITY;
    for _ in 0..TURNS {
        let start = Instant::now();
        for row in &rows {
            std::hint::black_box(scorer.predict(row)?);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best * 1e6 / rows.len().max(1) as f64)
}

impl Report {
    fn schema() -> Schema {
        Cells::schema(&Self { metric: String::new(), candidates: Vec::new() }.columns())
    }

    fn table(&self) -> Result<Table, StepError> {
        Ok(Cells::table(self.columns())?)
    }

    fn columns(&self) -> Vec<(&'static str, Cells)> {
        fn each<T>(report: &Report, of: impl Fn(&Candidate) -> T) -> Vec<T> {
            report.candidates.iter().map(of).collect()
        }
        vec![
            ("technique", Cells::Texts(each(self, |candidate| candidate.technique.to_owned()))),
            ("kept", Cells::Texts(each(self, |candidate| candidate.what.clone()))),
            ("metric", Cells::Texts(each(self, |_| self.metric.clone()))),
            ("value", Cells::Numbers(each(self, |candidate| candidate.measured.value))),
            ("low", Cells::Numbers(each(self, |candidate| candidate.measured.low))),
            ("high", Cells::Numbers(each(self, |candidate| candidate.measured.high))),
            ("loss", Cells::Numbers(each(self, |candidate| candidate.loss))),
            ("within", Cells::Flags(each(self, |candidate| candidate.within))),
            ("bytes", Cells::Counts(each(self, |candidate| candidate.bytes as i64))),
            ("chosen", Cells::Flags(each(self, |candidate| candidate.chosen))),
        ]
    }
}

#[cfg(test)]
mod tests;
