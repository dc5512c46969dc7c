//! The booster and the forest as their users meet them.

mod bagged;
mod losses;
mod resume;
mod sparse;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Forest, ForestKind, ForestParams, GradientBoosting, GradientBoostingModel, GradientBoostingParams};
use crate::estimator::{Estimator, FitContext, Fitted, Prediction, Sample};
use crate::matrix::{Feature, Matrix};

/// Evenly spread numbers in 0 .. 1 that repeat from run to run.
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    }
}

fn matrix(columns: Vec<(Vec<f64>, Option<u32>)>) -> Matrix {
    let rows = columns[0].0.len();
    let features = columns
        .into_iter()
        .enumerate()
        .map(|(i, (values, levels))| Feature { name: format!("f{i}"), values, levels })
        .collect();
    Matrix { features, rows }
}

/// Numbers, a category and missing values, with a target that uses them all.
fn mixed(rows: usize, seed: u64) -> (Matrix, Vec<f64>) {
    let mut next = numbers(seed);
    let (mut a, mut b, mut c, mut y) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let (va, vb, vc) = (next(), next(), (next() * 12.0).floor());
        let effect = [3.0, -2.0, 0.5, 1.0, -1.0, 2.0, 0.0, -3.0, 0.2, 4.0, -0.7, 1.5][vc as usize];
        let missing = next() < 0.1;
        y.push(4.0 * va * vb + effect + if missing { 2.0 } else { 0.0 } + 0.1 * next());
        a.push(if missing { f64::NAN } else { va });
        b.push(vb);
        c.push(if next() < 0.02 { f64::NAN } else { vc });
    }
    (matrix(vec![(a, None), (b, None), (c, Some(12))]), y)
}

fn above_median(y: &[f64]) -> Vec<f64> {
    let mut sorted = y.to_vec();
    sorted.sort_by(f64::total_cmp);
    y.iter().map(|value| f64::from(u8::from(*value > sorted[y.len() / 2]))).collect()
}

fn thirds(y: &[f64]) -> Vec<f64> {
    let mut sorted = y.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted[y.len() / 3], sorted[y.len() * 2 / 3]);
    y.iter().map(|value| f64::from(u8::from(*value > low) + u8::from(*value > high))).collect()
}

fn fit(params: &GradientBoostingParams, sample: &Sample<'_>) -> GradientBoostingModel {
    GradientBoosting::fit(params, sample, None, &FitContext::quiet(0)).unwrap()
}

fn values(prediction: Prediction) -> Vec<f64> {
    match prediction {
        Prediction::Values(values) | Prediction::Probabilities { values, .. } => values,
        Prediction::Clusters { .. } => panic!("trees predict no clusters"),
    }
}

fn small(trees: usize) -> GradientBoostingParams {
    GradientBoostingParams {
        trees,
        min_samples_leaf: 1,
        l2: 0.0,
        learning_rate: 1.0,
        row_fraction: 1.0,
        ..Default::default()
    }
}

/// Gradients are held in 15 bits, so that a value is right to about one part in 2^15.
fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (one, other) in found.iter().zip(expected) {
        assert!((one - other).abs() < 1e-4 * other.abs().max(1.0), "{one} for {other}");
    }
}

#[test]
fn one_tree_is_the_one_found_by_hand() {
    // mean 4; gains of the cuts: 6 + 2/3 at 1.5, 16 at 2.5, 6 + 2/3 at 3.5; then 0.5 on either side
    let x = matrix(vec![(vec![1.0, 2.0, 3.0, 4.0], None)]);
    let y = [1.5, 2.5, 5.5, 6.5];
    let sample = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
    let stump = fit(&GradientBoostingParams { leaves: 2, ..small(1) }, &sample);
    assert_eq!(stump.base, [4.0]);
    assert_eq!(stump.trees[0].thresholds, [2.5]);
    close(&values(stump.predict(&x)), &[2.0, 2.0, 6.0, 6.0]);
    close(&stump.importance(), &[16.0]);
    close(&stump.history.train, &[0.5]);
    let tree = fit(&small(1), &sample);
    assert_eq!(tree.trees[0].features.len(), 3);
    close(&values(tree.predict(&x)), &y);
    // with l2 = 2 the stump's leaves are ±4 / (2 + 2), at half the rate ±0.5
    let ridge = fit(&GradientBoostingParams { leaves: 2, l2: 2.0, learning_rate: 0.5, ..small(1) }, &sample);
    close(&values(ridge.predict(&x)), &[3.5, 3.5, 4.5, 4.5]);
    // with l1 = 1 they are ±(4 - 1) / 2
    let lasso = fit(&GradientBoostingParams { leaves: 2, l1: 1.0, ..small(1) }, &sample);
    close(&values(lasso.predict(&x)), &[2.5, 2.5, 5.5, 5.5]);
}

#[test]
fn the_first_step_on_log_loss_is_newtons() {
    let x = matrix(vec![(vec![0.0, 0.0, 1.0, 1.0], None)]);
    let sample = Sample { x: &x, y: &[0.0, 1.0, 1.0, 1.0], classes: 2, weights: None, groups: None };
    let model = fit(&small(1), &sample);
    assert!((model.base[0] - 3.0_f64.ln()).abs() < 1e-15);
    // p = 3/4: left -(1.5 - 1) / (2 * 3/16), right -(1.5 - 2) / (2 * 3/16)
    let scores = model.scores(&x);
    for (score, expected) in scores.iter().zip([-4.0 / 3.0, -4.0 / 3.0, 4.0 / 3.0, 4.0 / 3.0]) {
        assert!((score - 3.0_f64.ln() - expected).abs() < 1e-3, "{score}");
    }
}

#[test]
fn limits_hold() {
    let (x, y) = mixed(2000, 1);
    let sample = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
    let depth_of = |tree: &super::Tree| {
        let mut depth = vec![0_usize; tree.features.len() + 1];
        let mut deepest = 0;
        for node in 0..tree.features.len() {
            for child in [tree.left[node], tree.right[node]] {
                deepest = deepest.max(depth[node] + 1);
                if child >= 0 {
                    depth[child as usize] = depth[node] + 1;
                }
            }
        }
        deepest
    };
    let shallow = fit(&GradientBoostingParams { depth: 3, ..small(3) }, &sample);
    assert!(shallow.trees.iter().all(|tree| depth_of(tree) == 3 && tree.values.len() <= 8));
    let few = fit(&GradientBoostingParams { leaves: 5, ..small(3) }, &sample);
    assert!(few.trees.iter().all(|tree| tree.values.len() == 5));
    let large = fit(&GradientBoostingParams { min_samples_leaf: 300, ..small(1) }, &sample);
    let leaves: std::collections::BTreeMap<u64, usize> =
        values(large.predict(&x)).iter().fold(Default::default(), |mut counts, value| {
            *counts.entry(value.to_bits()).or_default() += 1;
            counts
        });
    assert!(leaves.values().all(|&count| count >= 300), "{leaves:?}");
    let none = fit(&GradientBoostingParams { min_gain: 1e9, ..small(5) }, &sample);
    assert_eq!((none.iterations, none.trees.len()), (0, 0));
}

#[test]
fn missing_values_go_where_they_were_learned_to_go() {
    for side in [0.0, 10.0] {
        let x = matrix(vec![(vec![1.0, 1.0, 2.0, 2.0, f64::NAN, f64::NAN], None)]);
        let y = [0.0, 0.0, 10.0, 10.0, side, side];
        let model = fit(&small(1), &Sample { x: &x, y: &y, classes: 0, weights: None, groups: None });
        for (predicted, y) in values(model.predict(&x)).iter().zip(y) {
            assert!((predicted - y).abs() < 1e-2, "{predicted} for {y}");
        }
    }
}

#[test]
fn categories_are_grouped_and_unseen_codes_are_missing() {
    let codes: Vec<f64> = (0..1200).map(|i| f64::from(i % 12)).collect();
    let y: Vec<f64> = codes.iter().map(|code| if [1.0, 4.0, 5.0, 9.0].contains(code) { 8.0 } else { -4.0 }).collect();
    let x = matrix(vec![(codes, Some(40))]);
    let params = GradientBoostingParams { category_smoothing: 0.0, category_l2: 0.0, leaves: 2, ..small(1) };
    let model = fit(&params, &Sample { x: &x, y: &y, classes: 0, weights: None, groups: None });
    for (predicted, y) in values(model.predict(&x)).iter().zip(&y) {
        assert!((predicted - y).abs() < 1e-2, "{predicted} for {y}");
    }
    let strange = matrix(vec![(vec![f64::NAN, 12.0, 39.0, 40.0, 1e18, -1.0, 4.5], Some(40))]);
    let predicted = values(model.predict(&strange));
    assert!(predicted.iter().all(|value| *value == predicted[0] && (value + 4.0).abs() < 1e-2), "{predicted:?}");
}

#[test]
fn a_category_of_many_levels_is_learned() {
    let mut next = numbers(9);
    let codes: Vec<f64> = (0..6000).map(|_| (next() * next() * 1000.0).floor()).collect();
    let y: Vec<f64> = codes.iter().map(|code| f64::from(*code as u32 % 2)).collect();
    let x = matrix(vec![(codes, Some(1000))]);
    let sample = Sample { x: &x, y: &y, classes: 2, weights: None, groups: None };
    let model = fit(&GradientBoostingParams { trees: 60, learning_rate: 0.3, ..Default::default() }, &sample);
    assert!(model.history.train[59] < 0.45, "{}", model.history.train[59]);
}

#[test]
fn a_weight_is_as_many_rows() {
    let mut next = numbers(4);
    let values_of = |next: &mut dyn FnMut() -> f64| {
        let kinds: Vec<f64> = (0..50).map(|_| next() * 50.0).collect();
        (0..300).map(|_| kinds[(next() * 50.0) as usize]).collect::<Vec<_>>()
    };
    let (a, b) = (values_of(&mut next), values_of(&mut next));
    let weights: Vec<f64> = (0..300).map(|_| (next() * 4.0).floor()).collect();
    let y: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a * 0.1 + (b - 25.0).abs() * 0.2).collect();
    let x = matrix(vec![(a, None), (b, None)]);
    let repeated: Vec<usize> = (0..300).flat_map(|row| std::iter::repeat_n(row, weights[row] as usize)).collect();
    let (long_x, long_y): (_, Vec<f64>) = (x.take(&repeated), repeated.iter().map(|&row| y[row]).collect());
    for classes in [0, 2] {
        let (y, long_y) = if classes == 0 {
            (y.clone(), long_y.clone())
        } else {
            let binary: Vec<f64> = y.iter().map(|y| f64::from(u8::from(*y > 5.0))).collect();
            (binary.clone(), repeated.iter().map(|&row| binary[row]).collect())
        };
        let params = GradientBoostingParams { leaves: 6, learning_rate: 0.3, l2: 1.0, ..small(4) };
        let weighted = fit(&params, &Sample { x: &x, y: &y, classes, weights: Some(&weights), groups: None });
        let long = fit(&params, &Sample { x: &long_x, y: &long_y, classes, weights: None, groups: None });
        for (one, other) in weighted.scores(&x).iter().zip(long.scores(&x)) {
            assert!((one - other).abs() < 2e-2, "{classes} classes: {one} {other}");
        }
        assert!((weighted.history.train[3] - long.history.train[3]).abs() < 1e-3);
    }
}

#[test]
fn the_training_loss_falls_tree_by_tree() {
    let (x, y) = mixed(3000, 2);
    for (classes, y) in [(0, y.clone()), (2, above_median(&y)), (3, thirds(&y))] {
        let params = GradientBoostingParams { trees: 40, learning_rate: 0.1, row_fraction: 1.0, ..Default::default() };
        let model = fit(&params, &Sample { x: &x, y: &y, classes, weights: None, groups: None });
        let history = &model.history.train;
        assert_eq!((history.len(), model.iterations), (40, 40));
        assert!(history.windows(2).all(|pair| pair[1] < pair[0]), "{classes} classes: {history:?}");
        assert!(history[39] < history[0] * 0.5, "{classes} classes: {history:?}");
        // the loss in the history is that of the model's own predictions
        let predicted = values(model.predict(&x));
        let loss: f64 = match classes {
            0 => (predicted.iter().zip(&y).map(|(p, y)| (p - y) * (p - y)).sum::<f64>() / 3000.0).sqrt(),
            k => y.iter().enumerate().map(|(i, y)| -predicted[i * k + *y as usize].ln()).sum::<f64>() / 3000.0,
        };
        assert!((loss / history[39] - 1.0).abs() < 1e-4, "{classes} classes: {loss} {}", history[39]);
        for row in predicted.chunks_exact(classes.max(1)).filter(|_| classes > 0) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    // enough values that the booster gives each of three threads a shard
    let (x, y) = mixed(160_000, 3);
    assert_eq!(super::boost::workers(&FitContext { threads: 3, ..FitContext::quiet(7) }, &x, 3), 3);
    let few: Vec<usize> = (0..12_000).collect();
    let few_x = x.take(&few);
    let (watch_x, watch_y) = mixed(9_000, 4);
    for (classes, target) in [(0, y.clone()), (2, above_median(&y)), (3, thirds(&y))] {
        let watched = if classes == 0 {
            watch_y.clone()
        } else if classes == 2 {
            above_median(&watch_y)
        } else {
            thirds(&watch_y)
        };
        let params = GradientBoostingParams {
            trees: 6,
            row_fraction: 0.8,
            feature_fraction: 0.7,
            node_feature_fraction: 0.7,
            ..Default::default()
        };
        let forest = ForestParams { trees: 5, ..Default::default() };
        let fitted = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let context = FitContext { threads, ..FitContext::quiet(7) };
                let train = Sample { x: &x, y: &target, classes, weights: None, groups: None };
                let watch = Sample { x: &watch_x, y: &watched, classes, weights: None, groups: None };
                let booster = GradientBoosting::fit(&params, &train, Some(&watch), &context).unwrap();
                let train = Sample { x: &few_x, y: &target[..few.len()], ..train };
                let forest = Forest::fit(&forest, &train, None, &context).unwrap();
                let predicted = [booster.predict(&x), forest.predict(&x)];
                (serde_json::to_vec(&booster).unwrap(), serde_json::to_vec(&forest).unwrap(), predicted)
            })
        });
        assert!(fitted[0] == fitted[1] && fitted[0] == fitted[2], "{classes} classes");
    }
}

#[test]
fn a_worker_may_have_no_validation_rows() {
    let (x, y) = mixed(150_000, 3);
    let (few_x, few_y) = mixed(10, 4);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let history = [1, 3].map(|threads| {
        pool.install(|| {
            let context = FitContext { threads, ..FitContext::quiet(7) };
            let train = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
            let watch = Sample { x: &few_x, y: &few_y, classes: 0, weights: None, groups: None };
            let params = GradientBoostingParams { trees: 4, ..Default::default() };
            GradientBoosting::fit(&params, &train, Some(&watch), &context).unwrap().history
        })
    });
    assert_eq!(history[0].validation.len(), 4);
    assert_eq!(history[0], history[1]);
}

#[test]
fn seeds_matter_where_something_is_drawn() {
    let (x, y) = mixed(1000, 5);
    let sample = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
    let params = GradientBoostingParams { trees: 3, row_fraction: 0.5, ..Default::default() };
    let with = |seed| {
        let model = GradientBoosting::fit(&params, &sample, None, &FitContext::quiet(seed)).unwrap();
        serde_json::to_string(&model).unwrap()
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn a_stored_model_predicts_the_same_and_rows_alone_as_in_batch() {
    let (x, y) = mixed(5000, 6);
    for (classes, y) in [(0, y.clone()), (2, above_median(&y)), (3, thirds(&y))] {
        let sample = Sample { x: &x, y: &y, classes, weights: None, groups: None };
        let params = GradientBoostingParams { trees: 20, ..Default::default() };
        let booster = fit(&params, &sample);
        let forest =
            Forest::fit(&ForestParams { trees: 7, ..Default::default() }, &sample, None, &FitContext::quiet(1));
        let forest = forest.unwrap();
        let stored: GradientBoostingModel = serde_json::from_slice(&serde_json::to_vec(&booster).unwrap()).unwrap();
        let stored_forest: super::ForestModel = serde_json::from_slice(&serde_json::to_vec(&forest).unwrap()).unwrap();
        let (all, all_forest) = (booster.predict(&x), forest.predict(&x));
        assert_eq!(stored.predict(&x), all);
        assert_eq!(stored_forest.predict(&x), all_forest);
        let (all, all_forest) = (values(all), values(all_forest));
        let width = classes.max(1);
        for row in (0..5000).step_by(97) {
            let alone = x.take(&[row]);
            assert_eq!(values(booster.predict(&alone)), all[row * width..(row + 1) * width]);
            assert_eq!(values(forest.predict(&alone)), all_forest[row * width..(row + 1) * width]);
        }
        assert_eq!(values(booster.predict(&x.take(&[]))).len(), 0);
    }
}

#[test]
fn early_stopping_keeps_the_best_iteration() {
    let (x, y) = mixed(400, 7);
    let mut next = numbers(70);
    let noisy = |y: &[f64], next: &mut dyn FnMut() -> f64| y.iter().map(|y| y + 6.0 * next()).collect::<Vec<_>>();
    let y = noisy(&y, &mut next);
    let (watch_x, watch_y) = mixed(400, 8);
    let watch_y = noisy(&watch_y, &mut next);
    let train = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
    let watch = Sample { x: &watch_x, y: &watch_y, classes: 0, weights: None, groups: None };
    let params = GradientBoostingParams { trees: 500, early_stopping: 10, learning_rate: 0.2, ..Default::default() };
    let model = GradientBoosting::fit(&params, &train, Some(&watch), &FitContext::quiet(0)).unwrap();
    let history = &model.history.validation;
    let best = (0..history.len()).fold(0, |best, i| if history[i] < history[best] { i } else { best });
    assert_eq!((model.iterations, model.trees.len()), (best + 1, best + 1));
    assert_eq!((history.len(), model.history.train.len()), (best + 11, best + 11));
    let predicted = values(model.predict(&watch_x));
    let loss = (predicted.iter().zip(&watch_y).map(|(p, y)| (p - y) * (p - y)).sum::<f64>() / 400.0).sqrt();
    assert!((loss / history[best] - 1.0).abs() < 1e-5);
    let never = GradientBoostingParams { early_stopping: 0, trees: 80, ..params.clone() };
    let model = GradientBoosting::fit(&never, &train, Some(&watch), &FitContext::quiet(0)).unwrap();
    assert_eq!((model.iterations, model.history.validation.len()), (80, 80));
    let alone =
        GradientBoosting::fit(&GradientBoostingParams { trees: 60, ..params }, &train, None, &FitContext::quiet(0));
    assert_eq!(alone.unwrap().iterations, 60);
}

#[test]
fn the_caller_hears_of_each_iteration_and_may_stop() {
    let (x, y) = mixed(500, 9);
    let sample = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
    let heard = AtomicUsize::new(0);
    let on_iteration = |done: usize, total: usize, loss: Option<f64>| {
        assert_eq!((done, total, loss), (heard.fetch_add(1, Ordering::SeqCst) + 1, 50, None));
        if done == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let context = FitContext { on_iteration: &on_iteration, ..FitContext::quiet(0) };
    let params = GradientBoostingParams { trees: 50, ..Default::default() };
    let model = GradientBoosting::fit(&params, &sample, None, &context).unwrap();
    assert_eq!((model.iterations, model.history.train.len()), (5, 5));
    heard.store(0, Ordering::SeqCst);
    let forest = Forest::fit(&ForestParams { trees: 50, ..Default::default() }, &sample, None, &context).unwrap();
    assert_eq!(forest.trees.len(), 5);
}

#[test]
fn constants_and_nothing_at_all_are_learned_as_constants() {
    let empty = Matrix { features: Vec::new(), rows: 3 };
    let constant = matrix(vec![(vec![5.0; 3], None), (vec![f64::NAN; 3], None), (vec![1.0; 3], Some(4))]);
    for x in [&empty, &constant] {
        let sample = Sample { x, y: &[1.0, 2.0, 6.0], classes: 0, weights: None, groups: None };
        let booster = fit(&GradientBoostingParams::default(), &sample);
        assert_eq!(values(booster.predict(x)), [3.0; 3]);
        let forest = Forest::fit(&ForestParams::default(), &sample, None, &FitContext::quiet(0)).unwrap();
        let predicted = values(forest.predict(x));
        assert!(predicted.iter().all(|value| *value == predicted[0] && (value - 3.0).abs() < 0.5));
    }
    let (x, _) = mixed(100, 1);
    let same = fit(&small(3), &Sample { x: &x, y: &[4.0; 100], classes: 0, weights: None, groups: None });
    assert_eq!(values(same.predict(&x)), [4.0; 100]);
}

#[test]
fn targets_that_cannot_be_learned_are_refused() {
    let (x, _) = mixed(4, 1);
    let code = |y: &[f64], classes| {
        let sample = Sample { x: &x, y, classes, weights: None, groups: None };
        let booster = GradientBoosting::fit(&Default::default(), &sample, None, &FitContext::quiet(0)).unwrap_err();
        let forest = Forest::fit(&Default::default(), &sample, None, &FitContext::quiet(0)).unwrap_err();
        assert_eq!(booster, forest);
        booster.code
    };
    assert_eq!(code(&[1.0; 4], 2), "single-class");
    assert_eq!(code(&[0.0; 4], 1), "single-class");
    assert_eq!(code(&[0.0, 1.0, f64::NAN, 0.0], 0), "target-not-finite");
    let sample = Sample { x: &x, y: &[0.0, 1.0, 2.0, 0.0], classes: 3, weights: None, groups: None };
    let other = matrix(vec![(vec![0.0; 4], None)]);
    let watch = Sample { x: &other, ..sample };
    let refused = GradientBoosting::fit(&Default::default(), &sample, Some(&watch), &FitContext::quiet(0));
    assert_eq!(refused.unwrap_err().code, "features-differ");
}

#[test]
fn every_parameter_out_of_its_range_is_named() {
    let params = GradientBoostingParams {
        trees: 0,
        learning_rate: f64::NAN,
        leaves: 1,
        l2: -1.0,
        row_fraction: 0.0,
        bins: 255,
        ..Default::default()
    };
    let fields: Vec<_> = GradientBoosting::check(&params).into_iter().filter_map(|problem| problem.field).collect();
    assert_eq!(fields, ["trees", "learning_rate", "leaves", "l2", "row_fraction", "bins"]);
    assert!(GradientBoosting::check(&Default::default()).is_empty());
    let params = ForestParams { trees: 0, node_feature_fraction: Some(1.5), ..Default::default() };
    assert_eq!(Forest::check(&params).len(), 2);
    assert!(Forest::check(&Default::default()).is_empty());
    assert!(serde_json::from_str::<GradientBoostingParams>(r#"{"leafs": 3}"#).is_err());
    let some: GradientBoostingParams = serde_json::from_str(r#"{"leaves": 3}"#).unwrap();
    assert_eq!(some, GradientBoostingParams { leaves: 3, ..Default::default() });
}

#[test]
fn a_class_no_training_row_has_gets_next_to_no_probability() {
    let (x, y) = mixed(300, 3);
    let y: Vec<f64> = above_median(&y).iter().map(|y| y * 2.0).collect();
    let sample = Sample { x: &x, y: &y, classes: 3, weights: None, groups: None };
    for predicted in [
        fit(&small(5), &sample).predict(&x),
        Forest::fit(&Default::default(), &sample, None, &FitContext::quiet(0)).unwrap().predict(&x),
    ] {
        let predicted = values(predicted);
        assert!(predicted.iter().all(|p| p.is_finite()));
        assert!(predicted.chunks_exact(3).all(|row| row[1] < 1e-6), "{:?}", &predicted[..6]);
    }
}

#[test]
fn far_off_and_huge_targets_are_learned_as_well() {
    let (x, y) = mixed(2000, 11);
    let rmse = |offset: f64, factor: f64| {
        let y: Vec<f64> = y.iter().map(|y| offset + y * factor).collect();
        let sample = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
        let params = GradientBoostingParams { trees: 100, ..Default::default() };
        let booster = values(fit(&params, &sample).predict(&x));
        let forest = Forest::fit(&Default::default(), &sample, None, &FitContext::quiet(0)).unwrap().predict(&x);
        [booster, values(forest)].map(|predicted| {
            let squares: f64 = predicted.iter().zip(&y).map(|(p, y)| ((p - y) / factor).powi(2)).sum();
            (squares / 2000.0).sqrt()
        })
    };
    let plain = rmse(0.0, 1.0);
    assert!(plain[0] < 0.3 && plain[1] < 0.5, "{plain:?}");
    for (offset, factor) in [(1e9, 1.0), (0.0, 1e100), (0.0, 1e-100)] {
        for (one, other) in rmse(offset, factor).iter().zip(plain) {
            assert!((one / other - 1.0).abs() < 0.05, "{offset} {factor}: {one} {other}");
        }
    }
}

#[test]
fn a_forest_learns_numbers_categories_and_missing_values() {
    let (x, y) = mixed(4000, 12);
    let (new_x, new_y) = mixed(1000, 13);
    let forest = |y: &[f64], classes| {
        let sample = Sample { x: &x, y, classes, weights: None, groups: None };
        Forest::fit(&ForestParams { trees: 60, ..Default::default() }, &sample, None, &FitContext::quiet(3)).unwrap()
    };
    let model = forest(&y, 0);
    let predicted = values(model.predict(&new_x));
    let mean = new_y.iter().sum::<f64>() / 1000.0;
    let error: f64 = predicted.iter().zip(&new_y).map(|(p, y)| (p - y).powi(2)).sum();
    let spread: f64 = new_y.iter().map(|y| (mean - y).powi(2)).sum();
    assert!(1.0 - error / spread > 0.9, "r2 {}", 1.0 - error / spread);
    let importance = model.importance();
    assert!(importance[2] > importance[0] && importance[0] > 0.0 && importance[1] > 0.0, "{importance:?}");
    for (classes, target, new) in [(2, above_median(&y), above_median(&new_y)), (3, thirds(&y), thirds(&new_y))] {
        let predicted = values(forest(&target, classes).predict(&new_x));
        let right = predicted.chunks_exact(classes).zip(&new).filter(|(row, y)| {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            row.iter().all(|p| *p <= row[**y as usize])
        });
        let share = right.count() as f64 / 1000.0;
        assert!(share > 0.85, "{classes} classes: {share}");
    }
}

#[test]
fn one_full_tree_on_all_features_holds_its_rows() {
    let x = matrix(vec![(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], None)]);
    let y = [10.0, 10.0, 20.0, 20.0, 5.0, 5.0];
    let weights = [1.0, 1.0, 0.0, 1.0, 1.0, 1.0];
    let sample = Sample { x: &x, y: &y, classes: 0, weights: Some(&weights), groups: None };
    let params =
        ForestParams { trees: 200, min_samples_leaf: 1, node_feature_fraction: Some(1.0), ..Default::default() };
    let model = Forest::fit(&params, &sample, None, &FitContext::quiet(0)).unwrap();
    let predicted = values(model.predict(&x));
    assert!(predicted[0] < 12.0 && predicted[3] > 12.0 && predicted[5] < 8.0, "{predicted:?}");
    // extra trees take all rows, so that full trees hold them exactly, wherever they cut
    let extra = ForestParams { kind: ForestKind::ExtraTrees, trees: 9, ..params };
    let y = [10.0, 11.0, 20.0, 21.5, 5.0, 6.25];
    let model = Forest::fit(&extra, &Sample { y: &y, ..sample }, None, &FitContext::quiet(0)).unwrap();
    for (row, found) in values(model.predict(&x)).into_iter().enumerate().filter(|(row, _)| weights[*row] > 0.0) {
        assert!((found - y[row]).abs() < 1e-9, "{found} for {}", y[row]);
    }
    assert!(model.trees.iter().any(|tree| tree != &model.trees[0]));
}

#[test]
fn extra_trees_learn_as_well_as_a_forest() {
    let (x, y) = mixed(4000, 12);
    let (new_x, new_y) = mixed(1000, 13);
    let mean = new_y.iter().sum::<f64>() / 1000.0;
    let spread: f64 = new_y.iter().map(|y| (mean - y).powi(2)).sum();
    for row_fraction in [1.0, 0.6] {
        let params = ForestParams { kind: ForestKind::ExtraTrees, trees: 60, row_fraction, ..ForestParams::default() };
        let model = Forest::fit(&params, &Sample::new(&x, &y, 0), None, &FitContext::quiet(3)).unwrap();
        let predicted = values(model.predict(&new_x));
        let error: f64 = predicted.iter().zip(&new_y).map(|(p, y)| (p - y).powi(2)).sum();
        assert!(1.0 - error / spread > 0.9, "r2 {}", 1.0 - error / spread);
        let rows: Vec<f64> = model.trees.iter().map(|tree| tree.covers.iter().sum()).collect();
        assert!(rows.iter().all(|rows| *rows == 4000.0 * row_fraction), "{rows:?}");
    }
}
