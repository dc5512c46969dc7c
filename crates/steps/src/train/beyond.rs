//! What comes after the fit: probabilities calibrated and conformal intervals or sets fitted, on rows that the model has
//! not learned from.
//!
//! Those are the validation rows where the split has any, else the training rows, each predicted by a model of a fold
//! that left it out. Where both are asked for, each gets its own half of them: a set that was fitted on the rows of its
//! calibration would claim too much.

use trainyard_core::{StepError, Warning};
use trainyard_data::split::FoldSpec;
use trainyard_learn::{
    Estimator, Fitted, Prediction, calibration::Calibration, conformal::Conformal, features::FeaturePlan,
};
use trainyard_model::Package;

use super::{
    algorithm::Algorithm,
    cross_validate::{OutOfFold, out_of_fold, pooled},
    material::Material,
};

/// Folds of which each predicts what it has not seen.
const FOLDS: u32 = 5;

/// Calibrates the package and makes it predict intervals or sets, as its parameters ask: on the validation rows, or
/// where there are none on those that `cross_fitted` hands over, predicted by models that have not seen them.
///
/// # Errors
/// When the held-out rows cannot be predicted, are too few, or lack a class.
pub(super) fn calibrate(
    package: &mut Package,
    material: &Material<'_>,
    validation: &[usize],
    cross_fitted: impl FnOnce() -> Result<OutOfFold, StepError>,
) -> Result<(), StepError> {
    let common = material.common;
    if common.calibrate.is_none() && common.conformal.is_none() {
        return Ok(());
    }
    let held_out = if validation.is_empty() {
        cross_fitted()?
    } else {
        let model = package.model.as_ref().ok_or_else(|| StepError::new("broken-artifact", "there is no model"))?;
        OutOfFold {
            rows: validation.to_vec(),
            prediction: predicted(material, &package.features, model.as_ref(), validation)?,
        }
    };
    let both = common.calibrate.is_some() && common.conformal.is_some();
    let (first, second) = if both { halves(material, &held_out) } else { (all(&held_out), all(&held_out)) };
    if let Some(method) = common.calibrate {
        let part = some(&held_out, &first);
        let (truth, weights) = material.truth(&part.rows);
        let fitted = Calibration::fit(method, &truth, &part.prediction, weights.as_deref());
        package.calibration = Some(fitted?);
    }
    if let Some(params) = &common.conformal {
        let mut part = some(&held_out, &second);
        if let Some(calibration) = &package.calibration {
            part.prediction = calibration.apply(part.prediction);
        }
        let (truth, _) = material.truth(&part.rows);
        package.conformal = Some(Conformal::fit(params, &truth, &part.prediction)?);
        if material.groups.is_some() || material.times.is_some() {
            let what = if material.groups.is_some() { "rows of a group depend on each other" } else { "time passes" };
            let message = format!("where {what}, conformal coverage is no promise; see what it is on the test part");
            material.context.warn(Warning::new("coverage-not-promised", message));
        }
    }
    Ok(())
}

/// Every training row, predicted by a model of the folds without it.
pub(super) fn cross_fitted<A: Algorithm>(
    material: &Material<'_>,
    params: &<A::Estimator as Estimator>::Params,
    train: &[usize],
) -> Result<OutOfFold, StepError> {
    let spec = FoldSpec { k_fold: Some(FOLDS), ..FoldSpec::default() };
    let folds = material.folds(&spec, train)?;
    let made = out_of_fold::<A>(material, params, None, &folds, &std::collections::BTreeMap::new())?;
    pooled(made)
}

fn predicted(
    material: &Material<'_>,
    plan: &FeaturePlan,
    model: &impl Fitted,
    rows: &[usize],
) -> Result<Prediction, StepError> {
    let matrix = plan.apply(&material.frame.take(rows))?;
    Ok(model.predict(&matrix))
}

fn all(held_out: &OutOfFold) -> Vec<usize> {
    (0..held_out.rows.len()).collect()
}

/// Every other row, or every other group where the split has groups.
fn halves(material: &Material<'_>, held_out: &OutOfFold) -> (Vec<usize>, Vec<usize>) {
    let unit = |place: usize| material.groups.as_ref().map_or(place, |groups| groups[held_out.rows[place]] as usize);
    all(held_out).into_iter().partition(|&place| unit(place).is_multiple_of(2))
}

fn some(held_out: &OutOfFold, places: &[usize]) -> OutOfFold {
    let prediction = match &held_out.prediction {
        Prediction::Values(values) => Prediction::Values(places.iter().map(|&place| values[place]).collect()),
        Prediction::Probabilities { classes, values } => Prediction::Probabilities {
            classes: *classes,
            values: places
                .iter()
                .flat_map(|&place| values[place * classes..(place + 1) * classes].iter().copied())
                .collect(),
        },
        Prediction::Clusters { clusters, values } => {
            Prediction::Clusters { clusters: *clusters, values: places.iter().map(|&place| values[place]).collect() }
        }
    };
    OutOfFold { rows: places.iter().map(|&place| held_out.rows[place]).collect(), prediction }
}
