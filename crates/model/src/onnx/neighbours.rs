//! Estimators that compare a row with rows they keep. Each asked row holds a number for each kept one while it is at it.

use trainyard_learn::{
    k_means::KMeansModel,
    knn::{KnnModel, Vote},
    local_outlier_factor::{LEAST, LocalOutlierFactorModel},
    neighbours::Distance,
    rows::Rows,
};

use crate::onnx::{
    columns::Features,
    graph::{Graph, Value, int},
    scores::Scores,
};

impl Graph {
    /// The distances to the `most` nearest of `rows`, nearest first (the earlier among equals), and their places.
    fn nearest(&mut self, x: &str, rows: &Rows, most: usize, distance: Distance) -> (Value, Value) {
        let euclidean = distance == Distance::Euclidean;
        let measures = self.distances(x, rows, euclidean);
        let most = self.whole(&[most.min(rows.count()) as i64]);
        let settings = vec![int("axis", 1), int("largest", 0), int("sorted", 1)];
        let (measure, places) = self.node_pair("TopK", &[&measures, &most], settings);
        (if euclidean { self.op("Sqrt", &[&measure]) } else { measure }, places)
    }
}

/// The nearest neighbours' votes.
pub(super) fn knn(graph: &mut Graph, model: &KnnModel, features: &Features) -> Scores {
    let params = &model.params;
    let (distance, places) = graph.nearest(&features.x, &model.rows, params.neighbours, params.distance);
    let zero = graph.number(0.0);
    let one = graph.number(1.0);
    let mut votes = match params.vote {
        Vote::Uniform => {
            let zeros = graph.mul(&distance, &zero);
            graph.add(&zeros, &one)
        }
        Vote::Distance => {
            let touches = graph.op("Equal", &[&distance, &zero]);
            let at_zero = graph.flag(&touches);
            let any = graph.row_sum(&at_zero);
            let touching = graph.op("Greater", &[&any, &zero]);
            let inverse = graph.div(&one, &distance);
            graph.choose(&touching, &at_zero, &inverse)
        }
    };
    if let Some(weights) = &model.weights {
        let weights = graph.list(weights);
        let weights = graph.look_up(&weights, &places);
        votes = graph.mul(&votes, &weights);
    }
    let total = graph.row_sum(&votes);
    let values = graph.list(&model.y);
    let values = graph.look_up(&values, &places);
    if model.classes == 0 {
        let counted = graph.mul(&votes, &values);
        let sum = graph.row_sum(&counted);
        let mean = graph.div(&sum, &total);
        return Scores::Values(graph.unless_missing(&features.x, &mean));
    }
    let shares: Vec<Value> = (0..model.classes)
        .map(|class| {
            let class = graph.number(class as f64);
            let own = graph.op("Equal", &[&values, &class]);
            let own = graph.flag(&own);
            let counted = graph.mul(&votes, &own);
            graph.row_sum(&counted)
        })
        .collect();
    let shares = graph.beside(&shares);
    let shares = graph.div(&shares, &total);
    Scores::Probabilities { values: graph.unless_missing(&features.x, &shares), classes: model.classes }
}

/// How sparse it is around a row.
pub(super) fn outlier_factor(graph: &mut Graph, model: &LocalOutlierFactorModel, features: &Features) -> Scores {
    let params = &model.params;
    let (distance, places) = graph.nearest(&features.x, &model.rows, params.neighbours, params.distance);
    let (reach, density) = (graph.list(&model.reach), graph.list(&model.density));
    let reach = graph.look_up(&reach, &places);
    let reached = graph.op("Max", &[&distance, &reach]);
    let count = graph.number(params.neighbours.min(model.rows.count()) as f64);
    let sum = graph.row_sum(&reached);
    let mean = graph.div(&sum, &count);
    let least = graph.number(LEAST);
    let mean = graph.add(&mean, &least);
    let one = graph.number(1.0);
    let own = graph.div(&one, &mean);
    let around = graph.look_up(&density, &places);
    let around = graph.row_sum(&around);
    let around = graph.div(&around, &count);
    let factor = graph.div(&around, &own);
    Scores::Values(graph.unless_missing(&features.x, &factor))
}

/// The nearest centre.
pub(super) fn k_means(graph: &mut Graph, model: &KMeansModel, features: &Features) -> Scores {
    let values = (0..model.sizes.len()).flat_map(|cluster| model.centre(cluster)).copied().collect();
    let centres = Rows { width: model.features.len(), values };
    let distances = graph.distances(&features.x, &centres, true);
    Scores::Clusters(graph.node("ArgMin", &[&distances], vec![int("axis", 1), int("keepdims", 1)]))
}
