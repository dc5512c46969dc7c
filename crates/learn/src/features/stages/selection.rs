//! Keeping the features that say most.

use crate::{
    Estimator as _, Feature, FitContext, LearnError, Matrix, Sample,
    boosting::{GradientBoosting, GradientBoostingParams},
    features::{Goal, Layout, Select, SelectBy, Stage, stages::scores},
};

/// Trees of the small model that tells importance.
const TREES: usize = 50;

pub(super) fn fit(
    select: &Select,
    layout: &[Layout],
    values: &[Vec<f64>],
    rows: usize,
    goal: Option<&Goal<'_>>,
) -> Result<Stage, LearnError> {
    let worth = worth(select.by, layout, values, rows, goal)?;
    let mut order: Vec<usize> = (0..worth.len()).collect();
    // Stable: the first among equals.
    order.sort_by(|&a, &b| worth[b].total_cmp(&worth[a]));
    match (select.count, select.share, select.threshold) {
        (Some(count), ..) => order.truncate(count as usize),
        (_, Some(share), _) => order.truncate(((worth.len() as f64 * share).round() as usize).max(1)),
        (_, _, threshold) => order.retain(|&place| worth[place] > threshold.unwrap_or(0.0)),
    }
    order.sort_unstable();
    Ok(Stage::Selection {
        features: order.iter().map(|&place| place as u32).collect(),
        worth: order.iter().map(|&place| worth[place]).collect(),
    })
}

/// What each feature is worth; never NaN.
pub(in crate::features) fn worth(
    by: SelectBy,
    layout: &[Layout],
    values: &[Vec<f64>],
    rows: usize,
    goal: Option<&Goal<'_>>,
) -> Result<Vec<f64>, LearnError> {
    let each = |score: &dyn Fn(&[f64], Option<u32>) -> f64| {
        let finite = |score: f64| if score.is_nan() { 0.0 } else { score };
        layout.iter().zip(values).map(|(feature, values)| finite(score(values, feature.levels))).collect()
    };
    let goal = match (by, goal) {
        (SelectBy::Variance, _) => return Ok(each(&|values, _| scores::variance(values))),
        (_, Some(goal)) => goal,
        (_, None) => {
            return Err(LearnError {
                code: "needs-target",
                message: "features are selected by what they say about the target, and there is none".to_owned(),
                help: Some("select by `variance` where nothing is predicted".to_owned()),
                field: Some("select"),
            });
        }
    };
    match by {
        SelectBy::Variance | SelectBy::Correlation => {
            Ok(each(&|values, levels| scores::association(values, levels, goal)))
        }
        SelectBy::MutualInformation => {
            let y = scores::target_bins(goal);
            Ok(each(&|values, levels| scores::mutual_information(&scores::bins(values, levels), &y)))
        }
        SelectBy::Importance => importance(layout, values, rows, goal),
    }
}

fn importance(layout: &[Layout], values: &[Vec<f64>], rows: usize, goal: &Goal<'_>) -> Result<Vec<f64>, LearnError> {
    let features = layout
        .iter()
        .zip(values)
        .map(|(feature, values)| Feature { name: feature.name.clone(), values: values.clone(), levels: feature.levels })
        .collect();
    let x = Matrix { features, rows };
    let params = GradientBoostingParams { trees: TREES, ..GradientBoostingParams::default() };
    let sample = Sample { x: &x, y: goal.y, classes: goal.classes, weights: None, groups: None };
    let model = GradientBoosting::fit(&params, &sample, None, &FitContext::quiet(goal.seed))?;
    let gains = model.importance();
    let total: f64 = gains.iter().sum();
    Ok(gains.into_iter().map(|gain| if total > 0.0 { gain / total } else { 0.0 }).collect())
}
