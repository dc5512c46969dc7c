//! `evaluate/robustness`: how models bear data that get worse.
//!
//! The judged rows are disturbed at growing strength (noise on numbers, missing values, swapped categories), predicted
//! again, and the metric is measured with its interval each time. Gates such as `rmse <= 5.0 at noise 0.1` end the run
//! with exit code 3; the study is kept all the same.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError,
    evaluation::Measured,
    judgement::{Disturbed, Study},
};
use trainyard_data::split::SplitTable;
use trainyard_learn::{
    disturb::{Disturbance, disturbed},
    metrics::{self, Settings},
};
use trainyard_model::Package;

use super::{
    gates::{self, Condition},
    judge::measure,
    unseen::{Unseen, check_level, check_part, predict, task},
};

/// What to disturb, how strongly, and what must hold.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The part of the split whose rows are disturbed.
    pub part: String,
    /// The metric; the most telling for the task when absent.
    pub metric: Option<String>,
    /// Standard deviations of the noise on numbers, over that of the column.
    pub noise: Vec<f64>,
    /// Shares of values that become missing.
    pub missing: Vec<f64>,
    /// Shares of categories that become another level.
    pub swaps: Vec<f64>,
    /// Conditions that every model must meet, such as `rmse <= 5.0 at noise 0.1`.
    pub gates: Vec<String>,
    /// Confidence level of the intervals (0.5 to 0.999).
    pub level: f64,
    /// Seeds the disturbances and the bootstrap.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        let strengths = || vec![0.05, 0.1, 0.2, 0.4];
        Self {
            part: "test".to_owned(),
            metric: None,
            noise: strengths(),
            missing: strengths(),
            swaps: strengths(),
            gates: Vec::new(),
            level: 0.95,
            seed: 0,
        }
    }
}

impl Params {
    /// The metric asked for, else that of the first gate; none where the task decides.
    fn named(&self) -> Option<&str> {
        self.metric.as_deref().or_else(|| gates::metric(self.gates.first()?))
    }

    fn kinds(&self) -> [(Disturbance, &[f64]); 3] {
        [(Disturbance::Noise, &self.noise), (Disturbance::Missing, &self.missing), (Disturbance::Swaps, &self.swaps)]
    }
}

/// Disturbs the data of models.
pub struct Robustness;

impl Step for Robustness {
    const NAME: &'static str = "evaluate/robustness";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "tells how models bear noise, missing values and swapped categories";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"noise": [0.1, 0.5], "swaps": [], "metric": "rmse", "gates": ["rmse <= 5.0 at noise 0.1"]}"#];
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("data", &[Kind::Split]).many("models", &[Kind::Model]).output("robustness", &[Kind::Document])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let mut problems: Vec<Problem> = check_part(&params.part, inputs).into_iter().collect();
        if let Some(Err(error)) = params.named().map(|metric| metrics::check(metric, task(inputs))) {
            problems.push(Problem::from(error).at(["metric"]));
        }
        for (kind, strengths) in params.kinds() {
            let most = if kind == Disturbance::Noise { 10.0 } else { 1.0 };
            if let Some(strength) = strengths.iter().find(|strength| !(**strength > 0.0 && **strength <= most)) {
                let message = format!("`{}` has {strength}; expected numbers above 0, up to {most}", kind.name());
                problems.push(Problem::error("out-of-range", message).at([kind.name()]));
            }
        }
        problems.extend(check_level(params.level));
        for (index, gate) in params.gates.iter().enumerate() {
            if let Err(problem) = gate_of(gate, &params) {
                problems.push(problem.at(["gates".to_owned(), index.to_string()]));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok((params, Outlines::output("robustness", Outline::Document)))
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let split = inputs.one::<SplitTable>("data")?;
        let models = inputs.many::<Package>("models")?;
        let test = Unseen::of(&split, &models, &params.part, context)?;
        let metric = params.named().unwrap_or_else(|| metrics::deciding(test.task)).to_owned();
        metrics::check(&metric, Some(test.task))?;
        let settings = Settings { level: params.level, seed: params.seed, ..Settings::default() };
        let mut found = BTreeMap::new();
        for (done, (name, package)) in models.iter().enumerate() {
            let frame = test.frame(package)?;
            let judge = |frame: &trainyard_learn::Frame| -> Result<Measured, StepError> {
                let prediction = predict(package, frame)?;
                let mut why = String::new();
                let scored = test.scored(&prediction);
                measure(&scored, test.task, &[metric.as_str()], &settings, &mut |message| why = message)
                    .remove(&metric)
                    .ok_or_else(|| StepError::new("metric-not-measured", format!("`{name}`: {why}")))
            };
            let whole = judge(&frame)?;
            let mut all = Vec::new();
            for (kind, strengths) in params.kinds().into_iter().filter(|(kind, _)| kind.touches(&frame)) {
                context.progress(done as u64, models.len() as u64, &format!("{name}: {}", kind.name()))?;
                let mut strengths = strengths.to_vec();
                strengths.sort_by(f64::total_cmp);
                let mut steps = vec![(0.0, whole.clone())];
                for strength in strengths {
                    steps.push((strength, judge(&disturbed(&frame, kind, strength, params.seed))?));
                }
                if steps.len() > 1 {
                    all.push(Disturbed { by: kind.name().to_owned(), steps });
                }
            }
            found.insert(name.clone(), all);
        }
        let mut refused = Vec::new();
        for gate in &params.gates {
            let (condition, kind, strength) = gate_of(gate, params)?;
            for (name, all) in &found {
                let measured = all
                    .iter()
                    .find(|disturbed| disturbed.by == kind)
                    .and_then(|disturbed| disturbed.steps.iter().find(|(at, _)| *at == strength));
                let passed = measured.is_none_or(|(_, measured)| condition.holds(measured.value));
                if let (false, Some((_, measured))) = (passed, measured) {
                    refused.push(format!("`{gate}`: `{name}` has {metric} {:.6}", measured.value));
                }
            }
        }
        let outputs = Outputs::one(
            "robustness",
            Study::Robustness { part: params.part.clone(), metric, models: found }.document(),
        );
        if refused.is_empty() {
            return Ok(outputs);
        }
        let message = format!("a model does not bear its data disturbed: {}", refused.join("; "));
        Err(StepError::refusal("gate-refused", message, outputs))
    }
}

/// The condition of `<metric> <= <number> at <disturbance> <strength>`.
fn gate_of<'a>(gate: &'a str, params: &Params) -> Result<(Condition, &'a str, f64), Problem> {
    let bad =
        || Problem::error("bad-gate", format!("`{gate}` is no gate")).help("write such as `rmse <= 5.0 at noise 0.1`");
    let (condition, place) = gate.split_once(" at ").ok_or_else(bad)?;
    let (kind, strength) = place.trim().split_once(' ').ok_or_else(bad)?;
    let strength: f64 = strength.trim().parse().map_err(|_| bad())?;
    let metric = gates::metric(condition).ok_or_else(bad)?;
    let measured = params.named().unwrap_or(metric);
    let condition = gates::parse(condition, &[measured])?;
    let known = params.kinds();
    let Some((_, strengths)) = known.iter().find(|(known, _)| known.name() == kind) else {
        return Err(Problem::unknown("bad-gate", "disturbance", kind, known.iter().map(|(known, _)| known.name())));
    };
    if !strengths.contains(&strength) {
        let message = format!("`{kind}` is not measured at {strength}");
        return Err(Problem::error("bad-gate", message).help(format!("it is at {strengths:?}")));
    }
    Ok((condition, kind, strength))
}
