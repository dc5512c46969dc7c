//! Lloyd's iterations: rows to their nearest centre, centres to the mean of their rows.

use super::nearest;
use crate::{
    chunks,
    rows::{Rows, squared_distance},
};

/// Rows worked on at once; fixed, so that sums do not depend on the number of threads.
pub(super) const CHUNK: usize = 1024;

/// Where the iterations ended.
pub(crate) struct Clustered {
    /// One row a cluster.
    pub(crate) centres: Rows,
    /// The cluster of each row.
    pub(crate) labels: Vec<u32>,
    /// The weight of each cluster.
    pub(crate) sizes: Vec<f64>,
    /// Weighted sum of squared distances.
    pub(crate) inertia: f64,
    /// Iterations made.
    pub(crate) iterations: usize,
    /// Whether the centres settled.
    pub(crate) converged: bool,
}

impl Clustered {
    /// The same clusters, numbered by falling size, then by their centres.
    pub(crate) fn by_falling_size(self) -> Self {
        let mut order: Vec<usize> = (0..self.sizes.len()).collect();
        order.sort_by(|&a, &b| {
            let centres = || self.centres.row(a).iter().zip(self.centres.row(b)).map(|(a, b)| a.total_cmp(b));
            self.sizes[b].total_cmp(&self.sizes[a]).then_with(|| centres().find(|o| o.is_ne()).unwrap_or(a.cmp(&b)))
        });
        let mut number = vec![0; order.len()];
        order.iter().zip(0..).for_each(|(&old, new)| number[old] = new);
        Self {
            centres: self.centres.take(&order),
            labels: self.labels.iter().map(|&label| number[label as usize]).collect(),
            sizes: order.iter().map(|&old| self.sizes[old]).collect(),
            ..self
        }
    }
}

/// What one pass over some rows finds.
struct Pass {
    labels: Vec<u32>,
    distances: Vec<f64>,
    sums: Vec<f64>,
    sizes: Vec<f64>,
    inertia: f64,
}

/// Iterates from `centres` until no row changes its cluster, or the centres move by no more than `tolerance` (a sum of
/// squares), or `most` iterations.
pub(crate) fn lloyd(rows: &Rows, weights: &[f64], mut centres: Rows, most: usize, tolerance: f64) -> Clustered {
    let mut labels: Vec<u32> = Vec::new();
    let mut iterations = 0;
    let mut converged = false;
    while iterations < most && !converged {
        iterations += 1;
        let pass = pass(rows, weights, &centres);
        let moved = step(rows, weights, &pass, &mut centres);
        converged = pass.labels == labels || moved <= tolerance;
        labels = pass.labels;
    }
    let Pass { labels, sizes, inertia, .. } = pass(rows, weights, &centres);
    Clustered { centres, labels, sizes, inertia, iterations, converged }
}

fn pass(rows: &Rows, weights: &[f64], centres: &Rows) -> Pass {
    let (count, width) = (centres.count(), rows.width);
    let empty = || Pass {
        labels: Vec::new(),
        distances: Vec::new(),
        sums: vec![0.0; count * width],
        sizes: vec![0.0; count],
        inertia: 0.0,
    };
    let parts = chunks::map(weights.len(), CHUNK, |range| {
        let mut part = empty();
        for row in range {
            let values = rows.row(row);
            let (label, distance) = nearest(centres, values);
            let (weight, at) = (weights[row], label as usize);
            part.labels.push(label);
            part.distances.push(distance);
            part.sizes[at] += weight;
            part.inertia += weight * distance;
            let sums = &mut part.sums[at * width..(at + 1) * width];
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
        }
        part
    });
    parts.into_iter().fold(empty(), |mut whole, part| {
        whole.labels.extend(part.labels);
        whole.distances.extend(part.distances);
        whole.sums.iter_mut().zip(part.sums).for_each(|(sum, part)| *sum += part);
        whole.sizes.iter_mut().zip(part.sizes).for_each(|(size, part)| *size += part);
        whole.inertia += part.inertia;
        whole
    })
}

/// Moves each centre to the mean of its rows, and a centre without rows to the row that is furthest from its own; hands
/// back the sum of the squared moves.
fn step(rows: &Rows, weights: &[f64], pass: &Pass, centres: &mut Rows) -> f64 {
    let width = rows.width;
    let (mut sums, mut sizes) = (pass.sums.clone(), pass.sizes.clone());
    let empty: Vec<usize> = (0..sizes.len()).filter(|&cluster| sizes[cluster] <= 0.0).collect();
    if !empty.is_empty() {
        let mut far: Vec<usize> = (0..weights.len()).filter(|&row| weights[row] > 0.0).collect();
        far.sort_by(|&a, &b| pass.distances[b].total_cmp(&pass.distances[a]).then(a.cmp(&b)));
        for (cluster, row) in empty.into_iter().zip(far) {
            let (weight, donor) = (weights[row], pass.labels[row] as usize);
            for (at, value) in rows.row(row).iter().enumerate() {
                sums[donor * width + at] -= weight * value;
                sums[cluster * width + at] = weight * value;
            }
            sizes[donor] -= weight;
            sizes[cluster] = weight;
        }
    }
    let mut moved = 0.0;
    for (cluster, &size) in sizes.iter().enumerate() {
        if size > 0.0 {
            let mean: Vec<f64> = sums[cluster * width..(cluster + 1) * width].iter().map(|sum| sum / size).collect();
            let centre = &mut centres.values[cluster * width..(cluster + 1) * width];
            moved += squared_distance(centre, &mean);
            centre.copy_from_slice(&mean);
        }
    }
    moved
}
