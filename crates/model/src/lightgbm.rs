//! A gradient booster as LightGBM's text format (version 4), which `lightgbm.Booster(model_file=…)` reads: the same trees
//! on the same features, with the sets of codes of categorical features.
//!
//! The format knows trees alone. A feature that is not a column as it is must be made before; categories are codes in the
//! order of `pandas_categorical`, by which a data frame's categories are told.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::json;
use trainyard_core::evaluation::Task;
use trainyard_data::DataError;
use trainyard_learn::{
    FittedModel,
    boosting::{GradientBoostingModel, Loss, Tree},
    features::{Encoding, Transform},
};

use crate::Package;

/// An exported booster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The file.
    pub text: String,
    /// What the features are called there, in order.
    pub features: Vec<String>,
    /// The features, by their names here, that are made from a column and are not a column as it is.
    pub made: Vec<String>,
    /// Number of trees.
    pub trees: usize,
}

/// The bits of a node's `decision_type`.
const CATEGORICAL: u8 = 1;
const MISSING_LEFT: u8 = 2;
const MISSING_IS_NAN: u8 = 8;

/// The package's booster.
///
/// # Errors
/// `lightgbm-cannot-express` for any other estimator and for a calibrated one; `broken-artifact`.
pub fn export(package: &Package) -> Result<Exported, DataError> {
    let refuse = |what: String| {
        DataError::new("lightgbm-cannot-express", format!("LightGBM's format cannot express {what}"))
            .help("`trainyard export onnx` writes every estimator and the features with it")
    };
    let Some(model) = package.model.as_deref() else {
        return Err(DataError::new("broken-artifact", "the package has no model"));
    };
    let FittedModel::GradientBoosting(model) = model else {
        return Err(refuse(format!("a model of `{}`, but boosters alone", package.estimator)));
    };
    if package.calibration.is_some() && package.signature.task != Task::Regression {
        return Err(refuse("calibrated probabilities".to_owned()));
    }
    if model.base.is_empty() {
        return Err(DataError::new("broken-artifact", "the booster has no outputs"));
    }
    let own = package.features.outputs();
    let features = names(&own);
    let levels = category_levels(package, &own);
    let raw = as_they_are(package);
    let made = own.iter().filter(|name| !raw.contains(name.as_str())).cloned().collect();
    let trees = blocks(model)?;
    let outputs = model.base.len();
    let infos: Vec<String> = levels.iter().map(|levels| info(levels.as_deref())).collect();
    let sizes: Vec<String> = trees.iter().map(|block| block.len().to_string()).collect();
    let mut text = format!(
        "tree\nversion=v4\nnum_class={outputs}\nnum_tree_per_iteration={outputs}\nlabel_index=0\nmax_feature_idx={}\n\
         objective={}\nfeature_names={}\nfeature_infos={}\ntree_sizes={}\n\n",
        features.len().saturating_sub(1),
        objective(model.loss, outputs),
        features.join(" "),
        infos.join(" "),
        sizes.join(" "),
    );
    trees.iter().for_each(|block| text.push_str(block));
    let categories: Vec<&Vec<String>> = levels.iter().flatten().collect();
    let categories = if categories.is_empty() { "null".to_owned() } else { json!(categories).to_string() };
    // A `String` takes every write.
    let _ = write!(
        text,
        "end of trees\n\nfeature_importances:\n\nparameters:\n\nend of parameters\n\npandas_categorical:{categories}\n"
    );
    Ok(Exported { text, features, made, trees: trees.len() })
}

/// Names without white space and what JSON gives a meaning, which LightGBM takes for no name; each once.
fn names(own: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let plain =
        |character: char| if character.is_whitespace() || "[]{}\":,".contains(character) { '_' } else { character };
    own.iter()
        .map(|name| {
            let mut name: String = name.chars().map(plain).collect();
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            name
        })
        .collect()
}

/// The levels of each feature that is a category.
fn category_levels(package: &Package, own: &[String]) -> Vec<Option<Vec<String>>> {
    let plans = [&package.features].into_iter().chain(&package.features.beside);
    let columns: Vec<_> = plans.flat_map(|plan| &plan.columns).collect();
    let levels = |name: &String| {
        let column = columns.iter().find(|column| {
            column.name == *name && matches!(column.transform, Transform::Category { encoding: Encoding::Native, .. })
        });
        column.map(|column| column.transform.code_names())
    };
    own.iter().map(levels).collect()
}

/// The features that are a column as it is: numbers without fill, bound or scale, and categories of known levels alone.
fn as_they_are(package: &Package) -> BTreeSet<&str> {
    let columns =
        if package.features.stages.iter().all(keeps_values) { package.features.columns.as_slice() } else { &[] };
    let plain = |transform: &Transform| match transform {
        Transform::Number { fill: None, offset, divisor, value: true, clip, shape: None, .. } => {
            *offset == 0.0 && *divisor == 1.0 && clip.is_none()
        }
        Transform::Category { encoding: Encoding::Native, other: false, missing, .. } => {
            *missing == trainyard_learn::features::Missing::Stays
        }
        _ => false,
    };
    columns.iter().filter(|column| plain(&column.transform)).map(|column| column.name.as_str()).collect()
}

const fn keeps_values(stage: &trainyard_learn::features::Stage) -> bool {
    matches!(stage, trainyard_learn::features::Stage::Selection { .. })
}

fn info(levels: Option<&[String]>) -> String {
    match levels {
        Some(levels) if !levels.is_empty() => {
            (0..levels.len()).map(|code| code.to_string()).collect::<Vec<String>>().join(":")
        }
        _ => "[-inf:inf]".to_owned(),
    }
}

/// What turns sums into predictions. Losses whose sums are the predictions share an objective, since a quantile's level is
/// no part of a model.
fn objective(loss: Loss, outputs: usize) -> String {
    match loss {
        Loss::LogLoss => "binary sigmoid:1".to_owned(),
        Loss::Softmax => format!("multiclass num_class:{outputs}"),
        Loss::Poisson => "poisson".to_owned(),
        Loss::Tweedie => "tweedie".to_owned(),
        Loss::Absolute => "regression_l1".to_owned(),
        Loss::Huber => "huber".to_owned(),
        Loss::Rank => "lambdarank".to_owned(),
        Loss::Squared | Loss::Quantile => "regression".to_owned(),
    }
}

/// The trees as blocks of text. Where the sums start is added to the first tree of each output, as LightGBM does.
fn blocks(model: &GradientBoostingModel) -> Result<Vec<String>, DataError> {
    let outputs = model.base.len();
    let constant = |value: f64| Tree { values: vec![value], covers: vec![0.0], ..Tree::default() };
    let mut blocks = Vec::with_capacity(model.trees.len());
    for (place, tree) in model.trees.iter().enumerate() {
        let shift = model.base.get(place).copied().unwrap_or(0.0);
        blocks.push(block(place, tree, shift)?);
    }
    for output in model.trees.len()..outputs {
        blocks.push(block(output, &constant(0.0), model.base[output])?);
    }
    Ok(blocks)
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<String>>().join(" ")
}

fn block(place: usize, tree: &Tree, shift: f64) -> Result<String, DataError> {
    let broken = || DataError::new("broken-artifact", format!("tree {place} of the booster does not hold together"));
    let nodes = tree.features.len();
    let lengths = [tree.thresholds.len(), tree.missing_left.len(), tree.left.len(), tree.right.len()];
    if lengths.iter().any(|&length| length != nodes) || tree.values.len() != nodes + 1 {
        return Err(broken());
    }
    let covers = if tree.covers.len() == nodes + 1 { tree.covers.clone() } else { vec![0.0; nodes + 1] };
    let inside = (0..nodes).all(|node| {
        [tree.left[node], tree.right[node]].into_iter().all(|child| {
            if child < 0 { !child as usize <= nodes } else { child as usize > node && (child as usize) < nodes }
        })
    });
    if !inside {
        return Err(broken());
    }
    let mut sets: Vec<Option<&Vec<u32>>> = vec![None; nodes];
    for (node, words) in &tree.sets {
        *sets.get_mut(*node as usize).ok_or_else(broken)? = Some(words);
    }
    let (mut left, mut right) = (tree.left.clone(), tree.right.clone());
    let mut thresholds: Vec<String> = Vec::with_capacity(nodes);
    let mut decisions = Vec::with_capacity(nodes);
    let mut bounds = vec![0_usize];
    let mut words: Vec<u32> = Vec::new();
    for node in 0..nodes {
        let missing_left = tree.missing_left[node];
        match sets[node] {
            Some(set) => {
                thresholds.push((bounds.len() - 1).to_string());
                decisions.push(CATEGORICAL | MISSING_IS_NAN);
                // A missing or unknown code goes right there; where it goes left here, the sides change places.
                if missing_left {
                    std::mem::swap(&mut left[node], &mut right[node]);
                }
                words.extend(set.iter().map(|word| if missing_left { !word } else { *word }));
                bounds.push(words.len());
            }
            None => {
                let threshold = tree.thresholds[node];
                thresholds.push(if threshold >= f64::MAX { "inf".to_owned() } else { threshold.to_string() });
                decisions.push(MISSING_IS_NAN | if missing_left { MISSING_LEFT } else { 0 });
            }
        }
    }
    let values: Vec<f64> = tree.values.iter().map(|value| value + shift).collect();
    // Children come after their parents.
    let (mut counts, mut means) = (vec![0.0; nodes], vec![0.0; nodes]);
    for node in (0..nodes).rev() {
        let of = |child: i32| match usize::try_from(child) {
            Ok(node) => (counts[node], means[node]),
            Err(_) => (covers[!child as usize], values[!child as usize]),
        };
        let ((left, low), (right, high)) = (of(tree.left[node]), of(tree.right[node]));
        counts[node] = left + right;
        means[node] = if left + right > 0.0 { (left * low + right * high) / (left + right) } else { 0.0 };
    }
    let whole = |counts: &[f64]| joined(&counts.iter().map(|count| count.round() as i64).collect::<Vec<i64>>());
    let categories = bounds.len() - 1;
    let mut text = format!("Tree={place}\nnum_leaves={}\nnum_cat={categories}\n", nodes + 1);
    let mut line = |name: &str, values: String| {
        let _ = writeln!(text, "{name}={values}");
    };
    if nodes > 0 {
        line("split_feature", joined(&tree.features));
        line("split_gain", joined(&vec![0; nodes]));
        line("threshold", thresholds.join(" "));
        line("decision_type", joined(&decisions));
        line("left_child", joined(&left));
        line("right_child", joined(&right));
    }
    line("leaf_value", joined(&values));
    if nodes > 0 {
        line("leaf_weight", joined(&covers));
        line("leaf_count", whole(&covers));
        line("internal_value", joined(&means));
        line("internal_weight", joined(&counts));
        line("internal_count", whole(&counts));
    }
    if categories > 0 {
        line("cat_boundaries", joined(&bounds));
        line("cat_threshold", joined(&words));
    }
    line("is_linear", "0".to_owned());
    line("shrinkage", "1".to_owned());
    text.push_str("\n\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_missing_codes_are_in_changes_sides() {
        let tree = Tree {
            features: vec![0, 1],
            thresholds: vec![f64::MAX, 0.0],
            missing_left: vec![false, true],
            left: vec![1, -1],
            right: vec![-3, -2],
            sets: vec![(1, vec![0b101])],
            values: vec![1.0, 10.0, 100.0],
            covers: vec![3.0, 1.0, 4.0],
        };
        let text = block(7, &tree, 0.5).unwrap();
        let line = |name: &str| {
            let prefix = format!("{name}=");
            text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default().to_owned()
        };
        assert_eq!(line("Tree"), "7");
        assert_eq!((line("threshold"), line("decision_type")), ("inf 0".to_owned(), "8 9".to_owned()));
        assert_eq!((line("left_child"), line("right_child")), ("1 -2".to_owned(), "-3 -1".to_owned()));
        assert_eq!((line("cat_boundaries"), line("cat_threshold")), ("0 1".to_owned(), (!0b101_u32).to_string()));
        assert_eq!(line("leaf_value"), "1.5 10.5 100.5");
        assert_eq!((line("internal_count"), line("internal_value")), ("8 4".to_owned(), "52.125 3.75".to_owned()));
        let mut broken = tree;
        broken.right[0] = 0;
        assert_eq!(block(0, &broken, 0.0).unwrap_err().code, "broken-artifact");
    }

    #[test]
    fn names_are_plain_and_differ() {
        let own = ["a b", "a_b", "c=\"x\"", "ü"].map(str::to_owned);
        assert_eq!(names(&own), ["a_b", "a_b_", "c=_x_", "ü"]);
    }
}
