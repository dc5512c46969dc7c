//! The rows to judge on, the same for all models.

use std::sync::Arc;

use trainyard_core::{Context, Outline, Outlines, Problem, StepError, Warning, evaluation::Task};
use trainyard_data::{
    Table, columns,
    columns::numbers,
    split::{SplitTable, fold_parts},
};
use trainyard_learn::{Frame, LearnError, Prediction, metrics::Scored};
use trainyard_model::{Package, Target, frame};

/// What is wrong with judging on `part` of the split in the port `data`.
pub(crate) fn check_part(part: &str, inputs: &Outlines) -> Option<Problem> {
    let Some(Outline::Split { parts, .. }) = inputs.get("data") else { return None };
    if parts.is_empty() || parts.iter().any(|known| known == part) {
        return None;
    }
    let problem = Problem::unknown("unknown-part", "part", part, parts.iter().map(String::as_str)).at(["part"]);
    let of_folds = part == "test" && !fold_parts(parts).is_empty();
    Some(match of_folds {
        true => problem.help("the split is made of folds; give `split/k-fold` a share for `test`"),
        false => problem,
    })
}

/// What is wrong with intervals of a confidence level.
pub(crate) fn check_level(level: f64) -> Option<Problem> {
    (!(0.5..=0.999).contains(&level))
        .then(|| Problem::error("out-of-range", format!("`level` is {level}; expected 0.5 to 0.999")).at(["level"]))
}

/// What the models in the port `models` do, where it is known.
pub(crate) fn task(inputs: &Outlines) -> Option<Task> {
    inputs.all("models").iter().find_map(|(_, outline)| match outline {
        Outline::Model { task, .. } => *task,
        _ => None,
    })
}

/// Rows of a part whose actual values are known.
pub(crate) struct Unseen {
    pub(crate) table: Arc<Table>,
    pub(crate) task: Task,
    pub(crate) target: String,
    pub(crate) classes: Vec<String>,
    pub(crate) truth: Vec<f64>,
    pub(crate) groups: Option<Vec<u32>>,
    pub(crate) weights: Option<Vec<f64>>,
    /// The rows' places in the split's table.
    pub(crate) rows: Vec<u32>,
}

impl Unseen {
    /// The rows of `part` with an actual value, for models that all predict the same.
    ///
    /// # Errors
    /// `different-targets`, `no-target`, `no-rows`, `unknown-part`.
    pub(crate) fn of(
        split: &SplitTable,
        models: &[(String, Arc<Package>)],
        part: &str,
        context: &Context<'_>,
    ) -> Result<Self, StepError> {
        let (first_name, first) =
            models.first().ok_or_else(|| StepError::new("missing-input", "there is no model to judge"))?;
        for (name, package) in models {
            if package.signature.task != first.signature.task || package.signature.classes != first.signature.classes {
                let message = format!("`{name}` and `{first_name}` do not predict the same thing");
                return Err(StepError::new("different-targets", message).help("judge them in separate steps"));
            }
        }
        let signature = &first.signature;
        let whole = split.part(part)?;
        let rows = split.rows(part)?;
        let values = if signature.target.is_empty() {
            // Clusters can be judged by how well apart they lie.
            if signature.task != Task::Clustering {
                let message = format!("there is no column to judge a {} model by", signature.task.name());
                return Err(StepError::new("no-target", message).help("name it in the split: `target: …`"));
            }
            vec![f64::NAN; rows.len()]
        } else {
            Target::under(&whole, &signature.target, signature.task, &signature.classes)?
        };
        let told = !signature.target.is_empty();
        let known: Vec<u32> =
            (0_u32..).zip(&values).filter(|(_, value)| value.is_finite() || !told).map(|(row, _)| row).collect();
        let lost = values.len() - known.len();
        if lost > 0 {
            let message =
                format!("{lost} rows of part `{part}` have no known `{}` and were left out", signature.target);
            context.warn(Warning::new("missing-target", message));
        }
        if known.is_empty() {
            return Err(StepError::new("no-rows", format!("part `{part}` has no row to judge on"))
                .help("is the part empty, or the target column of it?"));
        }
        let table = if lost == 0 { whole } else { whole.take(&known)? };
        let truth = known.iter().map(|&row| values[row as usize]).collect();
        let groups = split.roles().group.as_deref().map(|column| columns::codes(&table, column)).transpose()?;
        let weights = match first.provenance.params["weights"].as_str() {
            Some(column) => Some(numbers(&table.column(column)?)?),
            None => None,
        };
        Ok(Self {
            task: signature.task,
            target: signature.target.clone(),
            classes: signature.classes.clone(),
            table: Arc::new(table),
            truth,
            groups,
            weights,
            rows: known.iter().map(|&row| rows[row as usize]).collect(),
        })
    }

    pub(crate) fn scored<'a>(&'a self, prediction: &'a Prediction) -> Scored<'a> {
        Scored { truth: &self.truth, prediction, weights: self.weights.as_deref(), groups: self.groups.as_deref() }
    }

    /// Some of the rows, by their places.
    pub(crate) fn take(&self, rows: &[usize]) -> Self {
        let pick = |codes: &Vec<u32>| rows.iter().map(|&row| codes[row]).collect();
        Self {
            table: Arc::clone(&self.table),
            task: self.task,
            target: self.target.clone(),
            classes: self.classes.clone(),
            truth: rows.iter().map(|&row| self.truth[row]).collect(),
            groups: self.groups.as_ref().map(pick),
            weights: self.weights.as_ref().map(|weights| rows.iter().map(|&row| weights[row]).collect()),
            rows: pick(&self.rows),
        }
    }

    /// The raw columns that a model reads.
    ///
    /// # Errors
    /// `unknown-column`.
    pub(crate) fn frame(&self, package: &Package) -> Result<Frame, StepError> {
        Ok(frame(&self.table, &package.features.inputs())?)
    }
}

/// The predictions of some rows, by their places.
pub(crate) fn some(prediction: &Prediction, rows: &[usize]) -> Prediction {
    match prediction {
        Prediction::Values(values) => Prediction::Values(rows.iter().map(|&row| values[row]).collect()),
        Prediction::Probabilities { classes, values } => Prediction::Probabilities {
            classes: *classes,
            values: rows.iter().flat_map(|&row| values[row * classes..(row + 1) * classes].iter().copied()).collect(),
        },
        Prediction::Clusters { clusters, values } => {
            Prediction::Clusters { clusters: *clusters, values: rows.iter().map(|&row| values[row]).collect() }
        }
    }
}

/// A package's prediction of raw columns, for functions that know no package.
pub(crate) fn predict(package: &Package, frame: &Frame) -> Result<Prediction, LearnError> {
    package.predict_frame(frame).map_err(|error| LearnError {
        code: "broken-package",
        message: error.message,
        help: error.help,
        field: None,
    })
}
