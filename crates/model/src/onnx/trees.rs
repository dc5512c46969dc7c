//! Trees, by the `TreeEnsemble` operator of ai.onnx.ml 5: thresholds in double precision, sets of codes as they are,
//! missing values to the side that each node says.

use trainyard_learn::{
    boosting::{ForestModel, GradientBoostingModel, Loss, Tree},
    isolation_forest::{IsolationForestModel, expected_depth},
};

use crate::onnx::{
    Refusal,
    columns::Features,
    graph::{self, Graph, ML, Value, int, ints, tensor},
    scores::Scores,
};

/// Modes of nodes (`nodes_modes`).
const AT_MOST: u8 = 0;
const MEMBER: u8 = 6;

/// The operator's attributes, node by node.
#[derive(Default)]
struct Ensemble {
    modes: Vec<u8>,
    splits: Vec<f64>,
    features: Vec<i64>,
    missing_left: Vec<i64>,
    /// A node's children: left, then right; with whether it is a leaf.
    children: [(Vec<i64>, Vec<i64>); 2],
    roots: Vec<i64>,
    targets: Vec<i64>,
    weights: Vec<f64>,
    members: Vec<f64>,
}

/// What a leaf of a tree adds, and to which target.
type Leaf<'a> = &'a dyn Fn(usize) -> (usize, f64);

impl Ensemble {
    /// Appends a tree with at least one node.
    fn append(&mut self, tree: &Tree, leaf: Leaf<'_>) -> Result<(), Refusal> {
        let broken = || Refusal::of("a tree that does not hold together");
        let (first, first_leaf) = (self.modes.len() as i64, self.weights.len() as i64);
        let count = tree.features.len();
        let mut sets: Vec<Option<&Vec<u32>>> = vec![None; count];
        for (node, words) in &tree.sets {
            *sets.get_mut(*node as usize).ok_or_else(broken)? = Some(words);
        }
        let mut leaves = 0;
        for (node, set) in sets.into_iter().enumerate() {
            let children = [tree.left.get(node), tree.right.get(node)];
            let (Some(&threshold), Some(&missing_left), [Some(&left), Some(&right)]) =
                (tree.thresholds.get(node), tree.missing_left.get(node), children)
            else {
                return Err(broken());
            };
            self.features.push(i64::from(tree.features[node]));
            self.missing_left.push(i64::from(missing_left));
            let codes: Option<Vec<f64>> = set.map(|words| {
                let held = |code: &usize| words[code / 32] >> (code % 32) & 1 == 1;
                (0..words.len() * 32).filter(held).map(|code| code as f64).collect()
            });
            match codes {
                Some(codes) if !codes.is_empty() => {
                    self.modes.push(MEMBER);
                    self.splits.push(0.0);
                    self.members.extend(codes);
                    self.members.push(f64::NAN);
                }
                // No code goes left, and no number is at most minus infinity.
                Some(_) => {
                    self.modes.push(AT_MOST);
                    self.splits.push(f64::NEG_INFINITY);
                }
                None => {
                    self.modes.push(AT_MOST);
                    // Infinities count as the largest numbers.
                    self.splits.push(if threshold >= f64::MAX { f64::INFINITY } else { threshold });
                }
            }
            for (child, into) in [left, right].into_iter().zip(&mut self.children) {
                if child >= 0 {
                    if child as usize >= count || child as usize <= node {
                        return Err(broken());
                    }
                    into.0.push(first + i64::from(child));
                    into.1.push(0);
                } else {
                    leaves = leaves.max(!child as usize + 1);
                    into.0.push(first_leaf + i64::from(!child));
                    into.1.push(1);
                }
            }
        }
        self.roots.push(first);
        for at in 0..leaves {
            let (target, weight) = leaf(at);
            self.targets.push(target as i64);
            self.weights.push(weight);
        }
        Ok(())
    }

    /// The sums of each row, `[N, targets]`; none where there is no node.
    fn node(self, graph: &mut Graph, x: &str, targets: usize) -> Option<Value> {
        if self.modes.is_empty() {
            return None;
        }
        let [left, right] = self.children;
        let numbers = |values: &[f64]| graph::doubles(&[values.len()], values);
        let mut settings = vec![
            int("n_targets", targets as i64),
            int("aggregate_function", 1),
            int("post_transform", 0),
            ints("tree_roots", self.roots),
            tensor("nodes_modes", graph::bytes(self.modes)),
            tensor("nodes_splits", numbers(&self.splits)),
            ints("nodes_featureids", self.features),
            ints("nodes_missing_value_tracks_true", self.missing_left),
            ints("nodes_truenodeids", left.0),
            ints("nodes_trueleafs", left.1),
            ints("nodes_falsenodeids", right.0),
            ints("nodes_falseleafs", right.1),
            ints("leaf_targetids", self.targets),
            tensor("leaf_weights", numbers(&self.weights)),
        ];
        if !self.members.is_empty() {
            settings.push(tensor("membership_values", numbers(&self.members)));
        }
        Some(graph.node_of(ML, "TreeEnsemble", &[x], settings))
    }
}

/// The sums of trees with one value a leaf, tree `t` adding to output `t % outputs`, on top of `base`: `[N, outputs]`.
fn sums(graph: &mut Graph, x: &str, trees: &[Tree], base: &[f64]) -> Result<Value, Refusal> {
    let outputs = base.len();
    let mut base = base.to_vec();
    let mut ensemble = Ensemble::default();
    for (place, tree) in trees.iter().enumerate() {
        let output = place % outputs;
        if tree.features.is_empty() {
            base[output] += tree.values.first().copied().unwrap_or(0.0);
            continue;
        }
        ensemble.append(tree, &|leaf| (output, tree.values.get(leaf).copied().unwrap_or(0.0)))?;
    }
    let added = ensemble.node(graph, x, outputs);
    let base = graph.list(&base);
    Ok(match added {
        Some(added) => graph.add(&added, &base),
        None => {
            let zeros = graph.zeros(x, outputs);
            graph.add(&zeros, &base)
        }
    })
}

/// A gradient booster.
pub(super) fn boosting(
    graph: &mut Graph,
    model: &GradientBoostingModel,
    features: &Features,
) -> Result<Scores, Refusal> {
    if model.base.is_empty() {
        return Err(Refusal::of("a booster without outputs"));
    }
    let scores = sums(graph, &features.x, &model.trees, &model.base)?;
    Ok(match model.loss {
        Loss::LogLoss => {
            let negative = graph.op("Neg", &[&scores]);
            let both = graph.beside(&[negative, scores]);
            Scores::Probabilities { values: graph.sigmoid(&both), classes: 2 }
        }
        Loss::Softmax => Scores::Probabilities { values: graph.softmax(&scores), classes: model.base.len() },
        Loss::Poisson | Loss::Tweedie => Scores::Values(graph.op("Exp", &[&scores])),
        _ => Scores::Values(scores),
    })
}

/// A forest. From three classes on a leaf has a share a class: then each tree finds its leaf's place, and the shares are
/// looked up.
pub(super) fn forest(graph: &mut Graph, model: &ForestModel, features: &Features) -> Result<Scores, Refusal> {
    let x = &features.x;
    let count = graph.number(model.trees.len().max(1) as f64);
    if model.classes <= 2 {
        let sum = sums(graph, x, &model.trees, &[0.0])?;
        let mean = graph.div(&sum, &count);
        let base = graph.number(model.base);
        let value = graph.add(&mean, &base);
        if model.classes == 0 {
            return Ok(Scores::Values(value));
        }
        let one = graph.number(1.0);
        let other = graph.sub(&one, &value);
        return Ok(Scores::Probabilities { values: graph.beside(&[other, value]), classes: 2 });
    }
    let classes = model.classes;
    let mut ensemble = Ensemble::default();
    let mut shares: Vec<f64> = Vec::new();
    let mut constant = vec![0.0; classes];
    let mut split = 0;
    for tree in &model.trees {
        if tree.features.is_empty() {
            constant.iter_mut().zip(&tree.values).for_each(|(sum, value)| *sum += value);
            continue;
        }
        let first = shares.len() / classes;
        ensemble.append(tree, &|leaf| (split, (first + leaf) as f64))?;
        split += 1;
        shares.extend(&tree.values);
        shares.resize(shares.len().div_ceil(classes) * classes, 0.0);
    }
    let constant = graph.list(&constant);
    let sum = match ensemble.node(graph, x, split) {
        None => {
            let zeros = graph.zeros(x, classes);
            graph.add(&zeros, &constant)
        }
        Some(places) => {
            let places = graph.cast(&places, super::proto::element::INT64);
            let table = graph.matrix(shares.len() / classes, classes, &shares);
            let found = graph.look_up(&table, &places);
            let sum = graph.reduce("ReduceSum", &found, 1, false);
            graph.add(&sum, &constant)
        }
    };
    Ok(Scores::Probabilities { values: graph.div(&sum, &count), classes })
}

/// An isolation forest: the mean depth, as a score of how strange a row is.
pub(super) fn isolation(
    graph: &mut Graph,
    model: &IsolationForestModel,
    features: &Features,
) -> Result<Scores, Refusal> {
    let trees: Vec<Tree> = model
        .trees
        .iter()
        .map(|tree| {
            // Leaves stand among the nodes there; here they are numbered by themselves.
            let inner: Vec<usize> = (0..tree.rights.len()).filter(|&node| tree.rights[node] != 0).collect();
            let leaves: Vec<usize> = (0..tree.rights.len()).filter(|&node| tree.rights[node] == 0).collect();
            let place = |node: usize| match inner.binary_search(&node) {
                Ok(at) => at as i32,
                Err(before) => !((node - before) as i32),
            };
            let number = |values: &[f64], of: &[usize]| of.iter().map(|&node| values[node]).collect();
            Tree {
                features: inner.iter().map(|&node| tree.features[node]).collect(),
                thresholds: number(&tree.values, &inner),
                missing_left: vec![false; inner.len()],
                left: inner.iter().map(|&node| place(node + 1)).collect(),
                right: inner.iter().map(|&node| place(tree.rights[node] as usize)).collect(),
                values: number(&tree.values, &leaves),
                ..Tree::default()
            }
        })
        .collect();
    let sum = sums(graph, &features.x, &trees, &[0.0])?;
    let scale = -std::f64::consts::LN_2 / (model.trees.len() as f64 * expected_depth(model.rows));
    let scale = graph.number(scale);
    let scaled = graph.mul(&scale, &sum);
    let score = graph.op("Exp", &[&scaled]);
    Ok(Scores::Values(graph.unless_missing(&features.x, &score)))
}
