//! Where a binary model decides for the second class: a number, or the best on the validation part.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{StepError, evaluation::Task, judgement::Threshold};
use trainyard_learn::metrics::{self, Choose, Scored};
use trainyard_model::Package;

use super::unseen::Unseen;

/// A threshold as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Decide {
    /// The probability of the second class from which it is decided for.
    At(f64),
    /// The best by this on the validation part.
    Best(BestBy),
}

/// What a threshold is to be best at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BestBy {
    /// The highest F₁.
    F1,
    /// The highest recall plus specificity.
    Youden,
    /// The lowest cost by `costs`.
    Cost,
}

impl BestBy {
    const fn name(self) -> &'static str {
        match self {
            Self::F1 => "f1",
            Self::Youden => "youden",
            Self::Cost => "cost",
        }
    }
}

/// The threshold of one model. `apart` are the rows it is chosen on: never the judged ones.
pub(super) fn threshold(
    decide: &Decide,
    package: &Package,
    apart: Option<&Unseen>,
    costs: Option<&[Vec<f64>]>,
) -> Result<Option<Threshold>, StepError> {
    if package.signature.task != Task::Binary {
        return Ok(None);
    }
    let told = |value, by: &str, part: Option<&str>| Threshold {
        value,
        by: by.to_owned(),
        part: part.map(str::to_owned),
        roc: None,
        precision_recall: None,
    };
    let by = match decide {
        Decide::At(value) => return Ok(Some(told(*value, "given", None))),
        Decide::Best(by) => *by,
    };
    let Some(apart) = apart else {
        let message = format!("there is no part `{VALIDATION}` to choose a threshold on");
        return Err(StepError::new("no-validation-part", message)
            .help("give the split a validation part, or write the threshold as a number"));
    };
    let prediction = package.predict_prepared(&apart.table)?;
    let choose = match by {
        BestBy::F1 => Choose::F1,
        BestBy::Youden => Choose::Youden,
        BestBy::Cost => Choose::Cost(costs.map_or_else(|| vec![vec![0.0, 1.0], vec![1.0, 0.0]], <[_]>::to_vec)),
    };
    let value = metrics::threshold(&apart.scored(&prediction), &choose)?;
    Ok(Some(told(value, by.name(), Some(VALIDATION))))
}

/// The part on which thresholds are chosen.
pub(super) const VALIDATION: &str = "validation";

/// The points of the ROC and precision-recall curves where the threshold lies.
pub(super) fn mark(threshold: &mut Threshold, scored: &Scored<'_>) {
    let trainyard_learn::Prediction::Probabilities { classes: 2, values } = scored.prediction else { return };
    let mut cells = [[0.0; 2]; 2];
    for (row, truth) in scored.truth.iter().enumerate() {
        let weight = scored.weights.map_or(1.0, |weights| weights[row]);
        let called = usize::from(values[2 * row + 1] >= threshold.value);
        cells[usize::from(*truth > 0.5)][called] += weight;
    }
    let share = |part: f64, rest: f64| (part + rest > 0.0).then(|| part / (part + rest));
    let [[left, alarms], [missed, hits]] = cells;
    let recall = share(hits, missed);
    threshold.roc = share(alarms, left).zip(recall).map(|(fallout, recall)| [fallout, recall]);
    threshold.precision_recall = recall.zip(share(hits, alarms)).map(|(recall, precision)| [recall, precision]);
}
