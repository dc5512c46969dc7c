//! SHAP values against their definition, and against LightGBM's and the shap package's.

use serde::Deserialize;

use super::{Ensemble, Shap, explain, shap};
use crate::boosting::{
    Forest, ForestParams, GradientBoosting, GradientBoostingModel, GradientBoostingParams, Tree, level,
};
use crate::{Estimator, Feature, FitContext, Fitted, FittedModel, Matrix, Prediction, Sample};

fn matrix(columns: Vec<(Vec<f64>, Option<u32>)>) -> Matrix {
    let rows = columns[0].0.len();
    let feature =
        |(i, (values, levels)): (usize, (Vec<f64>, Option<u32>))| Feature { name: format!("f{i}"), values, levels };
    Matrix { features: columns.into_iter().enumerate().map(feature).collect(), rows }
}

/// Numbers with holes, a category with holes, and a target made of both.
fn table(rows: usize) -> (Matrix, Vec<f64>) {
    let number = |row: usize, by: usize| ((row * by + row / 7 * 13) % 1009) as f64 / 100.0;
    let hole = |row: usize, by: usize, value: f64| if row.is_multiple_of(by) { f64::NAN } else { value };
    let kinds: Vec<f64> = (0..rows).map(|row| ((row * 7 + row / 9) % 9) as f64).collect();
    let y = (0..rows)
        .map(|row| number(row, 31) * number(row, 457) / 4.0 + kinds[row] % 3.0 + number(row, 77) / 9.0)
        .collect();
    let columns = vec![
        ((0..rows).map(|row| hole(row, 11, number(row, 31))).collect(), None),
        ((0..rows).map(|row| number(row, 457)).collect(), None),
        ((0..rows).map(|row| hole(row, 13, kinds[row])).collect(), Some(9)),
        ((0..rows).map(|row| if row % 50 == 0 { f64::INFINITY } else { number(row, 211) }).collect(), None),
    ];
    (matrix(columns), y)
}

/// What a tree says on average when only the features in `known` are known: the definition, taken literally.
fn expected(tree: &Tree, place: i32, x: &Matrix, row: usize, known: u32) -> f64 {
    if place < 0 {
        return tree.values[!place as usize];
    }
    let node = place as usize;
    let feature = tree.features[node] as usize;
    let (left, right) = (tree.left[node], tree.right[node]);
    if known >> feature & 1 == 1 {
        let value = x.features[feature].values[row].clamp(f64::MIN, f64::MAX);
        let set = tree.sets.iter().find(|(at, _)| *at as usize == node).map(|(_, words)| words);
        let goes_left = match set {
            None => value <= tree.thresholds[node] || value.is_nan() && tree.missing_left[node],
            Some(words) => level(value, words.len() * 32)
                .map_or(tree.missing_left[node], |code| words[code / 32] >> (code % 32) & 1 == 1),
        };
        return expected(tree, if goes_left { left } else { right }, x, row, known);
    }
    fn cover(tree: &Tree, place: i32) -> f64 {
        if place < 0 {
            return tree.covers[!place as usize];
        }
        cover(tree, tree.left[place as usize]) + cover(tree, tree.right[place as usize])
    }
    let (a, b) = (cover(tree, left), cover(tree, right));
    (a * expected(tree, left, x, row, known) + b * expected(tree, right, x, row, known)) / (a + b)
}

/// Shapley's formula over all subsets of features.
fn by_subsets(trees: &[Tree], x: &Matrix, row: usize) -> Vec<f64> {
    let features = x.features.len();
    let factorial = |n: usize| (1..=n).product::<usize>() as f64;
    (0..features)
        .map(|feature| {
            let others = (0_u32..1 << features).filter(|set| set >> feature & 1 == 0);
            others
                .map(|set| {
                    let size = set.count_ones() as usize;
                    let weight = factorial(size) * factorial(features - size - 1) / factorial(features);
                    let gain = |tree: &Tree| {
                        let at = |known| expected(tree, if tree.features.is_empty() { -1 } else { 0 }, x, row, known);
                        at(set | 1 << feature) - at(set)
                    };
                    weight * trees.iter().map(gain).sum::<f64>()
                })
                .sum()
        })
        .collect()
}

fn sums(found: &Shap, rows: usize) -> Vec<f64> {
    let outputs = found.base.len();
    (0..rows * outputs)
        .map(|at| {
            let (row, output) = (at / outputs, at % outputs);
            found.base[output] + (0..found.features).map(|feature| found.at(row, feature, output)).sum::<f64>()
        })
        .collect()
}

#[test]
fn values_are_those_of_the_definition() {
    let (x, y) = table(400);
    let sample = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
    let params = GradientBoostingParams {
        trees: 6,
        leaves: 14,
        min_samples_leaf: 5,
        category_smoothing: 1.0,
        category_l2: 0.0,
        ..Default::default()
    };
    let model = GradientBoosting::fit(&params, &sample, None, &FitContext::quiet(3)).unwrap();
    assert!(model.trees.iter().any(|tree| !tree.sets.is_empty()));
    let trees = model.trees.clone();
    let found = shap(&FittedModel::from(model), &x, 1).unwrap();
    for row in [0, 1, 11, 13, 50, 143, 399] {
        for (feature, value) in by_subsets(&trees, &x, row).into_iter().enumerate() {
            let found = found.at(row, feature, 0);
            assert!((found - value).abs() < 1e-12, "row {row}, feature {feature}: {found} for {value}");
        }
    }
}

/// A leaf's part of Shapley's formula for feature `j`, the subsets of the others counted by their size.
fn by_sizes(zeros: &[f64], ones: &[f64], j: usize) -> f64 {
    let mut sums = vec![1.0];
    for k in (0..zeros.len()).filter(|&k| k != j) {
        let mut next = vec![0.0; sums.len() + 1];
        for (size, sum) in sums.iter().enumerate() {
            next[size] += sum * zeros[k];
            next[size + 1] += sum * ones[k];
        }
        sums = next;
    }
    // s! (d - 1 - s)! / d! = 1 / (d (d - 1 over s))
    let others = zeros.len() - 1;
    let mut binomial = 1.0;
    let mut total = 0.0;
    for (size, sum) in sums.iter().enumerate() {
        total += sum / binomial / zeros.len() as f64;
        binomial *= (others - size) as f64 / (size + 1) as f64;
    }
    (ones[j] - zeros[j]) * total
}

#[test]
fn long_paths_of_many_features_are_exact() {
    // a comb of 41 splits on 37 features: the quadrature takes more points than one pass carries
    let (splits, features) = (41_usize, 37_usize);
    let mut tree = Tree::default();
    for node in 0..splits {
        tree.features.push((node % features) as u32);
        tree.thresholds.push(if node < features { 0.6 } else { 0.3 });
        tree.missing_left.push(false);
        tree.left.push(if node + 1 < splits { node as i32 + 1 } else { -1 - splits as i32 });
        tree.right.push(-1 - node as i32);
    }
    // every leaf to the right holds a tenth of what reaches its node
    let mut left = 1e6;
    for leaf in 0..=splits {
        let cover = if leaf < splits { left * 0.1 } else { left };
        left -= cover;
        tree.covers.push(cover);
        tree.values.push(1.0 + leaf as f64);
    }
    let rows = 70;
    let columns = (0..features).map(|f| ((0..rows).map(|row| ((row * 7 + f * 3) % 10) as f64 / 13.0).collect(), None));
    let x = matrix(columns.collect());
    let ensemble = Ensemble { trees: std::slice::from_ref(&tree), width: 1, base: vec![0.0], share: 1.0 };
    let found = explain(&ensemble, &x, 1).unwrap();
    for row in [0, 1, 33, 69] {
        for feature in 0..features {
            let mut expected = 0.0;
            for leaf in 0..=splits {
                let used = (leaf + 1).min(splits);
                let known = used.min(features);
                let (mut zeros, mut ones) = (vec![1.0; known], vec![1.0; known]);
                for node in 0..used {
                    let goes_left = leaf != node;
                    zeros[node % features] *= if goes_left { 0.9 } else { 0.1 };
                    let follows = (x.features[node % features].values[row] <= tree.thresholds[node]) == goes_left;
                    ones[node % features] *= f64::from(u8::from(follows));
                }
                if feature < known {
                    expected += tree.values[leaf] * by_sizes(&zeros, &ones, feature);
                }
            }
            let found = found.at(row, feature, 0);
            assert!((found - expected).abs() < 1e-9, "row {row}, feature {feature}: {found} for {expected}");
        }
    }
}

#[test]
fn contributions_and_base_add_up_to_the_prediction() {
    let (x, y) = table(600);
    for classes in [0, 2, 3] {
        let y: Vec<f64> = y
            .iter()
            .map(|y| if classes == 0 { *y } else { (y / 4.0).floor().clamp(0.0, classes as f64 - 1.0) })
            .collect();
        let sample = Sample { x: &x, y: &y, classes, weights: None, groups: None };
        let params = GradientBoostingParams { trees: 40, ..Default::default() };
        let booster = GradientBoosting::fit(&params, &sample, None, &FitContext::quiet(0)).unwrap();
        let scores = booster.scores(&x);
        let forest = ForestParams { trees: 5, min_samples_leaf: 1, ..Default::default() };
        let forest = Forest::fit(&forest, &sample, None, &FitContext::quiet(0)).unwrap();
        let shares = match forest.predict(&x) {
            Prediction::Values(values) => values,
            Prediction::Probabilities { classes: 2, values } => values.chunks_exact(2).map(|row| row[1]).collect(),
            Prediction::Probabilities { values, .. } => values,
            Prediction::Clusters { .. } => panic!("a forest predicts no clusters"),
        };
        for (model, expected) in [(FittedModel::from(booster), scores), (FittedModel::from(forest), shares)] {
            let found = shap(&model, &x, 1).unwrap();
            for (sum, expected) in sums(&found, 600).iter().zip(&expected) {
                assert!((sum - expected).abs() < 1e-9, "{classes} classes: {sum} for {expected}");
            }
            assert_eq!(shap(&model, &x, 3).unwrap(), found, "threads change nothing");
            let few = [599, 7, 7];
            let alone = shap(&model, &x.take(&few), 1).unwrap();
            let wide = found.features * found.base.len();
            for (row, values) in few.iter().zip(alone.values.chunks_exact(wide)) {
                assert_eq!(values, &found.values[row * wide..(row + 1) * wide], "a row alone as in a batch");
            }
        }
    }
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let (x, y) = table(200);
    let sample = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
    let params = GradientBoostingParams { trees: 3, ..Default::default() };
    let model = GradientBoosting::fit(&params, &sample, None, &FitContext::quiet(0)).unwrap();
    let code = |model: &GradientBoostingModel, x: &Matrix| super::of_boosting(model, x, 1).unwrap_err().code;
    let narrow = Matrix { features: x.features[..1].to_vec(), rows: x.rows };
    assert_eq!(code(&model, &narrow), "features-differ");
    let mut old = model.clone();
    old.trees[1].covers.clear();
    assert_eq!(code(&old, &x), "no-covers");
    let text = serde_json::to_string(&old).unwrap();
    assert_eq!(code(&serde_json::from_str(&text).unwrap(), &x), "no-covers");
    assert!(shap(&FittedModel::from(model), &x.take(&[]), 1).unwrap().values.is_empty());
}

/// What `bench/reference/shap_lightgbm.py` wrote.
#[derive(Deserialize)]
struct Fixture {
    columns: Vec<Vec<Option<f64>>>,
    levels: Vec<Option<u32>>,
    outputs: usize,
    trees: Vec<Node>,
    contributions: Vec<Vec<f64>>,
}

/// A node or a leaf of LightGBM's `dump_model`.
#[derive(Deserialize)]
struct Node {
    split_feature: Option<u32>,
    threshold: Option<serde_json::Value>,
    default_left: Option<bool>,
    left_child: Option<Box<Node>>,
    right_child: Option<Box<Node>>,
    leaf_value: Option<f64>,
    leaf_count: Option<f64>,
}

fn load(node: &Node, tree: &mut Tree) -> i32 {
    let Some(feature) = node.split_feature else {
        tree.values.push(node.leaf_value.unwrap());
        tree.covers.push(node.leaf_count.unwrap_or(1.0));
        return -(tree.values.len() as i32);
    };
    let here = tree.features.len();
    tree.features.push(feature);
    let threshold = node.threshold.as_ref().unwrap();
    tree.thresholds.push(threshold.as_f64().unwrap_or(0.0));
    // LightGBM sends a missing or unseen category to the right
    tree.missing_left.push(threshold.is_number() && node.default_left.unwrap());
    if let Some(codes) = threshold.as_str() {
        let mut words = vec![0_u32; 2];
        for code in codes.split("||").map(|code| code.parse::<usize>().unwrap()) {
            words[code / 32] |= 1 << (code % 32);
        }
        tree.sets.push((here as u32, words));
    }
    tree.left.push(0);
    tree.right.push(0);
    tree.left[here] = load(node.left_child.as_ref().unwrap(), tree);
    tree.right[here] = load(node.right_child.as_ref().unwrap(), tree);
    here as i32
}

#[test]
fn values_are_those_of_lightgbm() {
    // LightGBM 4.7.0's `pred_contrib` of a regression and of three classes, with holes and a category; the shap package
    // agrees with the former to 1e-6 in the script itself
    let fixtures: Vec<Fixture> = serde_json::from_str(include_str!("lightgbm.json")).unwrap();
    assert_eq!(fixtures.len(), 2);
    for fixture in fixtures {
        let columns = fixture.columns.iter().zip(&fixture.levels).map(|(values, levels)| {
            (values.iter().map(|value| value.unwrap_or(f64::NAN)).collect::<Vec<_>>(), *levels)
        });
        let x = matrix(columns.collect());
        let trees: Vec<Tree> = fixture
            .trees
            .iter()
            .map(|root| {
                let mut tree = Tree::default();
                load(root, &mut tree);
                tree
            })
            .collect();
        let base = vec![0.0; fixture.outputs];
        let found = explain(&Ensemble { trees: &trees, width: 1, base, share: 1.0 }, &x, 1).unwrap();
        for (row, expected) in fixture.contributions.iter().enumerate() {
            for (output, expected) in expected.chunks_exact(x.features.len() + 1).enumerate() {
                for (feature, value) in expected[..x.features.len()].iter().enumerate() {
                    let found = found.at(row, feature, output);
                    assert!((found - value).abs() < 1e-6, "row {row}, feature {feature}: {found} for {value}");
                }
                assert!((found.base[output] - expected[x.features.len()]).abs() < 1e-6);
            }
        }
    }
}
