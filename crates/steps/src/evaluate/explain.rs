//! `evaluate/explain`: why a model predicts what it predicts.
//!
//! Permutation importance of the raw columns, partial dependence of the most important ones with the own curves of some
//! rows, and exact SHAP values where the model is made of trees.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError, Warning,
    evaluation::Task,
    judgement::{Shap, Study},
};
use trainyard_data::split::SplitTable;
use trainyard_learn::{dependence, metrics, shap};
use trainyard_model::Package;

use super::{
    judge,
    unseen::{Unseen, check_part, predict},
};

/// What to explain, and how thoroughly.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The part of the split whose rows are looked at.
    pub part: String,
    /// The metric that importance is told in; the most telling for the task when absent.
    pub metric: Option<String>,
    /// The columns whose dependence is shown; the six most important when absent.
    pub columns: Option<Vec<String>>,
    /// The class whose probability is explained; the second of two, the last of more when absent.
    pub class: Option<String>,
    /// Rows looked at, at most (20 to 10000), spread evenly.
    pub rows: usize,
    /// How often each column is shuffled for its importance.
    pub importance: usize,
    /// Seeds the shuffles.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self { part: "test".to_owned(), metric: None, columns: None, class: None, rows: 500, importance: 5, seed: 0 }
    }
}

/// Columns whose dependence is shown, and features whose SHAP values are.
const MOST: usize = 6;
const MOST_FEATURES: usize = 12;
/// SHAP values shown of a feature.
const POINTS: usize = 200;

/// Explains a model.
pub struct Explain;

impl Step for Explain {
    const NAME: &'static str = "evaluate/explain";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "tells why a model predicts what it predicts: importance, dependence, SHAP values";
    const EXAMPLES: &'static [&'static str] = &["{}", r#"{"columns": ["age"], "rows": 1000}"#];
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new().one("data", &[Kind::Split]).one("model", &[Kind::Model]).output("explanation", &[Kind::Document])
    }

    fn check(params: Params, inputs: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let mut problems: Vec<Problem> = check_part(&params.part, inputs).into_iter().collect();
        if let Some(Outline::Model { task, features, .. }) = inputs.get("model") {
            if let Some(Err(error)) = params.metric.as_ref().map(|metric| metrics::check(metric, *task)) {
                problems.push(Problem::from(error).at(["metric"]));
            }
            for (index, column) in params.columns.iter().flatten().enumerate() {
                if !features.is_empty() && !features.contains(column) {
                    let known = features.iter().map(String::as_str);
                    problems.push(
                        Problem::unknown("unknown-column", "column", column, known)
                            .at(["columns".to_owned(), index.to_string()]),
                    );
                }
            }
        }
        if !(20..=10_000).contains(&params.rows) {
            let message = format!("`rows` is {}; expected 20 to 10000", params.rows);
            problems.push(Problem::error("out-of-range", message).at(["rows"]));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok((params, Outlines::output("explanation", Outline::Document)))
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let split = inputs.one::<SplitTable>("data")?;
        let models = inputs.many::<Package>("model")?;
        let (name, package) =
            models.first().ok_or_else(|| StepError::new("missing-input", "there is no model to explain"))?;
        let test = Unseen::of(&split, &models, &params.part, context)?;
        let metric = params.metric.clone().unwrap_or_else(|| metrics::deciding(test.task).to_owned());
        context.progress(0, 3, "importance")?;
        let importance = match test.task {
            Task::Clustering => Vec::new(),
            _ => judge::permutation(package, &test, &metric, params.importance.max(1), params.seed, context)?,
        };
        let (class, output) = explained(package, params)?;
        let columns: Vec<String> = match &params.columns {
            Some(columns) => columns.clone(),
            None => importance.iter().take(MOST).map(|importance| importance.column.clone()).collect(),
        };
        let shown = test.truth.len().min(params.rows);
        let rows: Vec<usize> = (0..shown).map(|place| place * test.truth.len() / shown).collect();
        let frame = test.frame(package)?.take(&rows);
        context.progress(1, 3, "dependence")?;
        let dependence = columns
            .iter()
            .map(|column| dependence::dependence(&frame, column, class, &|frame| predict(package, frame)))
            .collect::<Result<Vec<_>, _>>()?;
        context.progress(2, 3, "shap")?;
        let shap = shap_values(package, &frame, class, context)?;
        let study = Study::Explanation {
            model: name.clone(),
            output,
            part: params.part.clone(),
            metric,
            importance,
            dependence,
            shap,
        };
        Ok(Outputs::one("explanation", study.document()))
    }
}

/// Which output is explained, and what to call it.
fn explained(package: &Package, params: &Params) -> Result<(usize, String), StepError> {
    let classes = &package.signature.classes;
    if !package.signature.task.is_classification() {
        return Ok((0, format!("predicted {}", package.target)));
    }
    let class = match &params.class {
        None => classes.len().saturating_sub(1),
        Some(class) => classes.iter().position(|known| known == class).ok_or_else(|| {
            StepError::from(
                Problem::unknown("unknown-class", "class", class, classes.iter().map(String::as_str)).at(["class"]),
            )
        })?,
    };
    Ok((class, format!("probability of {}", classes.get(class).map_or("the class", String::as_str))))
}

/// The features with the largest mean absolute SHAP value; none for a model without trees.
fn shap_values(
    package: &Package,
    frame: &trainyard_learn::Frame,
    class: usize,
    context: &Context<'_>,
) -> Result<Vec<Shap>, StepError> {
    let Some(model) = &package.model else { return Ok(Vec::new()) };
    let x = package.features.apply(frame)?;
    let values = match shap::shap(model, &x, context.threads) {
        Ok(values) => values,
        Err(error) if error.code == "no-trees" => return Ok(Vec::new()),
        Err(error) => {
            context.warn(Warning::new("no-shap-values", error.message));
            return Ok(Vec::new());
        }
    };
    // Two classes have one output where the model has one score.
    let output = class.min(values.base.len().saturating_sub(1));
    let sign = if values.base.len() == 1 && package.signature.classes.len() == 2 && class == 0 { -1.0 } else { 1.0 };
    let mut found: Vec<Shap> = x
        .features
        .iter()
        .enumerate()
        .map(|(place, feature)| {
            let own: Vec<f64> = (0..x.rows).map(|row| sign * values.at(row, place, output)).collect();
            let mut order: Vec<usize> = (0..x.rows).collect();
            order.sort_by(|&a, &b| feature.values[a].total_cmp(&feature.values[b]));
            let mut ranks = vec![0.0; x.rows];
            let last = x.rows.saturating_sub(1).max(1) as f64;
            order.iter().enumerate().for_each(|(rank, &row)| ranks[row] = rank as f64 / last);
            let shown = x.rows.min(POINTS);
            let points = (0..shown).map(|point| point * x.rows / shown).map(|row| [own[row], ranks[row]]).collect();
            let mean = own.iter().map(|value| value.abs()).sum::<f64>() / x.rows.max(1) as f64;
            Shap { feature: feature.name.clone(), mean, points }
        })
        .collect();
    found.sort_by(|a, b| b.mean.total_cmp(&a.mean).then_with(|| a.feature.cmp(&b.feature)));
    found.truncate(MOST_FEATURES);
    Ok(found)
}
