//! Support vector machines, with the probabilities of pairs coupled as the model couples them.

use std::collections::BTreeMap;

use trainyard_learn::svm::{Shape, SvmModel};

use crate::onnx::{
    columns::Features,
    graph::{Graph, Value, int},
    proto::{AttributeProto, ValueInfoProto, attribute, element},
    scores::Scores,
};

/// Keeps pairwise probabilities off 0 and 1.
const LEAST: f64 = 1e-7;

/// A support vector machine.
pub(super) fn svm(graph: &mut Graph, model: &SvmModel, features: &Features) -> Scores {
    let decisions = decisions(graph, model, features);
    if model.classes == 0 {
        let (mean, deviation) = (graph.number(model.target[0]), graph.number(model.target[1]));
        let scaled = graph.mul(&deviation, &decisions);
        return Scores::Values(graph.add(&mean, &scaled));
    }
    let slope = graph.list(&model.sigmoids.iter().map(|[a, _]| *a).collect::<Vec<f64>>());
    let shift = graph.list(&model.sigmoids.iter().map(|[_, b]| *b).collect::<Vec<f64>>());
    let odds = graph.mul(&slope, &decisions);
    let odds = graph.add(&odds, &shift);
    let odds = graph.op("Neg", &[&odds]);
    let own = graph.sigmoid(&odds);
    let known = model.present.len();
    let shares = if known == 2 {
        let one = graph.number(1.0);
        let first = graph.sub(&one, &own);
        graph.beside(&[first, own])
    } else if model.shape == Shape::Linear {
        let sum = graph.row_sum(&own);
        graph.div(&own, &sum)
    } else {
        graph.couple(&own, known)
    };
    graph.spread(shares, &model.present, model.classes)
}

/// The decision value of each machine, `[N, machines]`.
fn decisions(graph: &mut Graph, model: &SvmModel, features: &Features) -> Value {
    let x = &features.x;
    let machines = model.machines.len();
    let intercepts = graph.list(&model.machines.iter().map(|machine| machine.intercept).collect::<Vec<f64>>());
    let flat = model.shape == Shape::Linear;
    let (basis, count) = match model.shape {
        Shape::Linear => (x.clone(), features.width),
        Shape::Rbf { gamma } => {
            let distances = graph.distances(x, &model.vectors, true);
            let gamma = graph.number(-gamma);
            let scaled = graph.mul(&gamma, &distances);
            (graph.op("Exp", &[&scaled]), model.vectors.count())
        }
        Shape::Polynomial { gamma, offset, degree } => {
            let count = model.vectors.count();
            let turned: Vec<f64> = (0..features.width)
                .flat_map(|feature| (0..count).map(move |vector| model.vectors.row(vector)[feature]))
                .collect();
            let turned = graph.matrix(features.width, count, &turned);
            let products = graph.matmul(x, &turned);
            let (gamma, offset) = (graph.number(gamma), graph.number(offset));
            let base = graph.mul(&gamma, &products);
            let base = graph.add(&base, &offset);
            let mut power = base.clone();
            for _ in 1..degree {
                power = graph.mul(&power, &base);
            }
            (power, count)
        }
    };
    let mut weights = vec![0.0; count * machines];
    for (place, machine) in model.machines.iter().enumerate() {
        for (at, coefficient) in machine.coefficients.iter().enumerate() {
            let row = if flat { at } else { machine.vectors.get(at).map_or(count, |&vector| vector as usize) };
            if row < count {
                weights[row * machines + place] += coefficient;
            }
        }
    }
    if count == 0 {
        let zeros = graph.zeros(x, machines);
        return graph.add(&zeros, &intercepts);
    }
    let weights = graph.matrix(count, machines, &weights);
    let sum = graph.matmul(&basis, &weights);
    graph.add(&sum, &intercepts)
}

impl Graph {
    /// Couples the probabilities of pairs, later against earlier (Wu, Lin and Weng 2004, second method): the steps of the
    /// model's own solver, each row until it has settled.
    fn couple(&mut self, own: &str, classes: usize) -> Value {
        let (low, high) = (self.number(LEAST), self.number(1.0 - LEAST));
        let below = self.op("Less", &[own, &low]);
        let own = self.choose(&below, &low, own);
        let above = self.op("Greater", &[&own, &high]);
        let own = self.choose(&above, &high, &own);
        let one = self.number(1.0);
        let mut pairs: BTreeMap<(usize, usize), Value> = BTreeMap::new();
        let later = (0..classes).flat_map(|first| (first + 1..classes).map(move |second| (first, second)));
        for (at, (first, second)) in later.enumerate() {
            let share = self.pick(&own, &[at]);
            pairs.insert((first, second), self.sub(&one, &share));
            pairs.insert((second, first), share);
        }
        let pair = |a: usize, b: usize| pairs[&(a, b)].clone();
        // The matrix of the quadratic form, row by row: `[N, classes]` each.
        let mut diagonal = Vec::with_capacity(classes);
        let mut rows = Vec::with_capacity(classes);
        for a in 0..classes {
            let mut sum: Option<Value> = None;
            for c in (0..classes).filter(|&c| c != a) {
                let square = self.mul(&pair(c, a), &pair(c, a));
                sum = Some(match sum {
                    Some(sum) => self.add(&sum, &square),
                    None => square,
                });
            }
            let own = sum.unwrap_or_default();
            let row: Vec<Value> = (0..classes)
                .map(|b| {
                    if a == b {
                        return own.clone();
                    }
                    let product = self.mul(&pair(b, a), &pair(a, b));
                    self.op("Neg", &[&product])
                })
                .collect();
            diagonal.push(own);
            rows.push(self.beside(&row));
        }
        let zeros = self.zeros(&own, classes);
        let even = self.number(1.0 / classes as f64);
        let start = self.add(&zeros, &even);
        let body = body(&rows, &diagonal, classes);
        let turns = self.constant(super::graph::longs(&[], &[classes.max(100) as i64]));
        let graph = AttributeProto {
            name: "body".to_owned(),
            g: Some(body),
            r#type: attribute::GRAPH,
            ..AttributeProto::default()
        };
        let shares = self.node("Loop", &[&turns, "", &start], vec![graph]);
        let sum = self.row_sum(&shares);
        self.div(&shares, &sum)
    }
}

/// One turn of the solver for every row that has not settled.
fn body(rows: &[Value], diagonal: &[Value], classes: usize) -> super::proto::GraphProto {
    let [turn, go_on, carried] = ["couple turn", "couple go on", "couple shares"];
    let mut graph = Graph::new("couple ");
    graph.inputs.push(ValueInfoProto::tensor(turn, element::INT64, &[], ""));
    graph.inputs.push(ValueInfoProto::tensor(go_on, element::BOOL, &[], ""));
    graph.inputs.push(ValueInfoProto::tensor(carried, element::DOUBLE, &[None, Some(classes as i64)], ""));
    let mut products: Vec<Value> = rows
        .iter()
        .map(|row| {
            let terms = graph.mul(row, carried);
            graph.row_sum(&terms)
        })
        .collect();
    let mut shares: Vec<Value> = (0..classes).map(|class| graph.pick(carried, &[class])).collect();
    let side_by_side = graph.beside(&products);
    let terms = graph.mul(&side_by_side, carried);
    let mut whole = graph.row_sum(&terms);
    let off = graph.sub(&side_by_side, &whole);
    let off = graph.op("Abs", &[&off]);
    let off = graph.reduce("ReduceMax", &off, 1, true);
    let tolerance = graph.number(0.005 / classes as f64);
    let settled = graph.op("Less", &[&off, &tolerance]);
    let (one, two) = (graph.number(1.0), graph.number(2.0));
    for a in 0..classes {
        let gap = graph.sub(&whole, &products[a]);
        let step = graph.div(&gap, &diagonal[a]);
        shares[a] = graph.add(&shares[a], &step);
        let grown = graph.add(&one, &step);
        let raised = graph.mul(&step, &diagonal[a]);
        let doubled = graph.mul(&two, &products[a]);
        let sum = graph.add(&raised, &doubled);
        let change = graph.mul(&step, &sum);
        let moved = graph.add(&whole, &change);
        let square = graph.mul(&grown, &grown);
        whole = graph.div(&moved, &square);
        for b in 0..classes {
            let entry = graph.pick(&rows[a], &[b]);
            let part = graph.mul(&step, &entry);
            let moved = graph.add(&products[b], &part);
            products[b] = graph.div(&moved, &grown);
            shares[b] = graph.div(&shares[b], &grown);
        }
    }
    let moved = graph.beside(&shares);
    let next = graph.choose(&settled, carried, &moved);
    // Settled rows stay as they are, so that the loop may end when all have settled.
    let open = graph.op("Not", &[&settled]);
    let open = graph.cast(&open, element::INT64);
    let open = graph.node("ReduceMax", &[&open], vec![int("keepdims", 0)]);
    let open = graph.cast(&open, element::BOOL);
    graph.outputs.push(ValueInfoProto::tensor(&open, element::BOOL, &[], ""));
    graph.outputs.push(ValueInfoProto::tensor(&next, element::DOUBLE, &[None, Some(classes as i64)], ""));
    graph.finish("couple")
}
