//! Smaller models predict nearly what the fitted ones do, and each way of making one does what it says.

use super::*;
use crate::{
    Estimator, FitContext, Fitted, Matrix, Prediction,
    boosting::{Forest, GradientBoosting, Tree, holds_together},
    features::{FeatureParams, FeaturePlan, Wants, contract},
    knn::Knn,
    linear::Linear,
    logistic::Logistic,
    mlp::Mlp,
    reference_data::{NUMBERS, columns, matrix},
};

fn rows(wants: Wants) -> (Matrix, Vec<f64>) {
    let params: FeatureParams = serde_json::from_str(r#"{"exclude": ["note", "many"]}"#).unwrap();
    let frame = contract::table();
    (FeaturePlan::fit(&params, wants, &frame, None).unwrap().apply(&frame).unwrap(), contract::goal(0))
}

fn fitted<E: Estimator>(params: &str, x: &Matrix, y: &[f64], classes: usize) -> FittedModel
where
    FittedModel: From<E::Model>,
{
    let params = serde_json::from_str(params).unwrap();
    FittedModel::from(E::fit(&params, &Sample::new(x, y, classes), None, &FitContext::quiet(7)).unwrap())
}

fn values(prediction: Prediction) -> Vec<f64> {
    match prediction {
        Prediction::Values(values) | Prediction::Probabilities { values, .. } => values,
        Prediction::Clusters { .. } => panic!("numbers"),
    }
}

/// Mean squared difference.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64
}

fn trees(model: &FittedModel) -> (&[Tree], usize) {
    match model {
        FittedModel::GradientBoosting(model) => (&model.trees, 1),
        FittedModel::Forest(model) => (&model.trees, if model.classes > 2 { model.classes } else { 1 }),
        _ => panic!("trees"),
    }
}

#[test]
fn trees_and_leaves_become_fewer_and_predictions_move_little_at_first() {
    let (x, y) = rows(Wants::Native);
    let three = contract::goal(3);
    let models = [
        fitted::<GradientBoosting>(r#"{"trees": 40, "min_samples_leaf": 5}"#, &x, &y, 0),
        fitted::<GradientBoosting>(r#"{"trees": 20, "min_samples_leaf": 5}"#, &x, &three, 3),
        fitted::<Forest>(r#"{"trees": 20}"#, &x, &y, 0),
        fitted::<Forest>(r#"{"trees": 20}"#, &x, &three, 3),
    ];
    for model in &models {
        let held = match trees(model).0.first() {
            Some(_) if matches!(model.predict(&x), Prediction::Values(_)) => Sample::new(&x, &y, 0),
            _ => Sample::new(&x, &three, 3),
        };
        let before = values(model.predict(&x));
        let spread = apart(&before, &vec![before.iter().sum::<f64>() / before.len() as f64; before.len()]);
        for technique in [Technique::PruneTrees, Technique::PruneLeaves] {
            let found = smaller(model, technique, &held);
            assert!(found.len() + 1 >= SHARES.len(), "{}: {}", technique.name(), found.len());
            let count = |model: &FittedModel| {
                let (trees, width) = trees(model);
                assert!(trees.iter().all(|tree| holds_together(tree, width)));
                assert!(trees.iter().all(|tree| tree.covers.len() * width == tree.values.len()));
                let leaves = trees.iter().map(|tree| tree.values.len() / width).sum::<usize>();
                if technique == Technique::PruneTrees { trees.len() } else { leaves }
            };
            let mut last = count(model);
            for smaller in &found {
                let now = count(&smaller.model);
                assert!(now < last, "{}: {now} after {last}", smaller.what);
                last = now;
            }
            let first = apart(&before, &values(found[0].model.predict(&x)));
            assert!(first < 0.05 * spread, "{}: {first} of {spread}", found[0].what);
        }
    }
}

/// By hand: leaves 1, 2 and 10 of 4, 4 and 2 rows; the first two differ by 1 and cost 4 * 4 / 8 * 1 = 2.
#[test]
fn the_cheapest_leaves_become_one_at_their_mean() {
    let tree = Tree {
        features: vec![0, 0],
        thresholds: vec![5.0, 2.0],
        missing_left: vec![true, false],
        left: vec![1, -2],
        right: vec![-1, -3],
        sets: Vec::new(),
        values: vec![10.0, 1.0, 2.0],
        covers: vec![2.0, 4.0, 4.0],
    };
    let (x, y) = (matrix(&columns()), NUMBERS);
    let FittedModel::GradientBoosting(fitted) = fitted::<GradientBoosting>(r#"{"trees": 1}"#, &x, &y, 0) else {
        panic!("a booster")
    };
    let model = FittedModel::GradientBoosting(fitted.with_trees(vec![0.0], vec![tree]));
    let found = smaller(&model, Technique::PruneLeaves, &Sample::new(&x, &y, 0));
    let left: Vec<_> = found.iter().map(|smaller| trees(&smaller.model).0[0].clone()).collect();
    assert_eq!(left.len(), 2);
    assert_eq!((left[0].values.as_slice(), left[0].covers.as_slice()), (&[10.0, 1.5][..], &[2.0, 8.0][..]));
    assert_eq!((left[0].features.as_slice(), left[0].left[0], left[0].right[0]), (&[0][..], -2, -1));
    assert!(left[1].features.is_empty());
    assert!((left[1].values[0] - 3.2).abs() < 1e-12 && left[1].covers == [10.0]);
}

#[test]
fn the_first_tree_of_a_forest_is_its_best() {
    let (x, y) = rows(Wants::Native);
    let model = fitted::<Forest>(r#"{"trees": 12}"#, &x, &y, 0);
    let FittedModel::Forest(forest) = &model else { panic!("a forest") };
    let loss = |trees: &[Tree]| apart(&values(forest.with_trees(trees.to_vec()).predict(&x)), &y);
    let best = forest.trees.iter().map(|tree| loss(std::slice::from_ref(tree))).fold(f64::INFINITY, f64::min);
    // A tenth of twelve, rounded up, are two: the best one and the one that goes with it best.
    let found = smaller(&model, Technique::PruneTrees, &Sample::new(&x, &y, 0)).pop().unwrap();
    assert_eq!(found.what, "2 of 12 trees");
    let two = loss(trees(&found.model).0);
    let contains_best = trees(&found.model).0.iter().any(|tree| loss(std::slice::from_ref(tree)) == best);
    assert!(contains_best && two < best, "{two} against {best}");
}

#[test]
fn small_weights_go_first_and_the_mean_stays() {
    let (x, y) = rows(Wants::Dense);
    for (model, y, classes) in [
        (fitted::<Linear>("{}", &x, &y, 0), y.clone(), 0),
        (fitted::<Logistic>("{}", &x, &contract::goal(3), 3), contract::goal(3), 3),
        (fitted::<Mlp>(r#"{"hidden": [16], "epochs": 30}"#, &x, &y, 0), y, 0),
    ] {
        let found = smaller(&model, Technique::PruneWeights, &Sample::new(&x, &y, classes));
        let before = values(model.predict(&x));
        let moved: Vec<f64> = found.iter().map(|smaller| apart(&before, &values(smaller.model.predict(&x)))).collect();
        assert!(moved.len() >= 3 && moved[0] < *moved.last().unwrap(), "{moved:?}");
        if classes == 0 && matches!(model, FittedModel::Linear(_)) {
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            for smaller in &found {
                assert!((mean(&values(smaller.model.predict(&x))) - mean(&before)).abs() < 1e-9, "{}", smaller.what);
            }
        }
    }
}

#[test]
fn fewer_digits_take_less_room_and_say_nearly_the_same() {
    let (native, y) = rows(Wants::Native);
    let (dense, _) = rows(Wants::Dense);
    for (model, x) in [
        (fitted::<GradientBoosting>(r#"{"trees": 20}"#, &native, &y, 0), &native),
        (fitted::<Linear>("{}", &dense, &y, 0), &dense),
        (fitted::<Knn>("{}", &dense, &y, 0), &dense),
    ] {
        let found = smaller(&model, Technique::Quantise, &Sample::new(x, &y, 0));
        let size = |model: &FittedModel| serde_json::to_vec(model).unwrap().len();
        let sizes: Vec<usize> = std::iter::once(&model).chain(found.iter().map(|one| &one.model)).map(size).collect();
        assert!(sizes.len() == 6 && sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
        let moved = apart(&values(model.predict(x)), &values(found[0].model.predict(x)));
        assert!(moved < 1e-8, "{moved}");
    }
}

#[test]
fn what_does_not_apply_makes_nothing() {
    let (x, y) = rows(Wants::Dense);
    let model = fitted::<Linear>("{}", &x, &y, 0);
    let held = Sample::new(&x, &y, 0);
    assert!(smaller(&model, Technique::PruneTrees, &held).is_empty());
    assert!(smaller(&model, Technique::PruneLeaves, &held).is_empty());
    let other = matrix(&columns());
    assert!(smaller(&model, Technique::PruneWeights, &Sample::new(&other, &y, 0)).is_empty(), "other features");
    assert_eq!(kept(1), Vec::<usize>::new());
    assert_eq!(kept(4), [3, 2, 1]);
}
