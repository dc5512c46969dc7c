//! The rows of one worker. A worker owns every n-th chunk of rows for good: no row moves between cores, sorted data is
//! shared out evenly, and nothing has to be locked.

use super::bins::{self, Layout};
use super::grown::GrownTree;
use super::histogram::{Entry, Scale, Spread, entry, row_of};
use super::loss::{self, CHUNK};
use super::sampling::{Purpose, mark, stream};
use super::start::Start;
use crate::estimator::Sample;

/// Rounds to the nearest whole number when added to a single; the number is then in its low bits.
const ROUND: f32 = 12_582_912.0;

/// What a worker holds of its rows.
pub(crate) struct Shard {
    /// First chunk, then every `step`-th.
    first: usize,
    step: usize,
    /// The rows' bins.
    pub(crate) rows: bins::Rows,
    labels: Vec<f32>,
    weights: Vec<f32>,
    /// Output by output.
    scores: Vec<Vec<f32>>,
    gradients: Vec<Vec<f32>>,
    hessians: Vec<Vec<f32>>,
    /// Which rows the current iteration samples; empty when it takes all.
    sampled: Vec<bool>,
    /// Rows of the tree's leaves, each leaf a range; a split moves a range from one side to the other.
    pub(crate) entries: [Vec<Entry>; 2],
}

/// Rows of a range after a split: those of the left leaf come first.
pub(crate) type LeftRows = usize;

/// Sums over one chunk: loss, and for each output the spread of its gradients.
pub(crate) type ChunkSums = (f64, Vec<Spread>);

/// Shares the rows of `sample` out among `workers`; `learn` makes room for gradients.
pub(crate) fn share_out(
    sample: &Sample<'_>,
    layout: &Layout,
    start: &Start,
    workers: usize,
    learn: bool,
) -> Vec<Shard> {
    let count = sample.x.rows;
    (0..workers)
        .map(|first| {
            let spans: Vec<std::ops::Range<usize>> = (0..count.div_ceil(CHUNK))
                .skip(first)
                .step_by(workers)
                .map(|chunk| chunk * CHUNK..(chunk * CHUNK + CHUNK).min(count))
                .collect();
            let every = || spans.iter().flat_map(Clone::clone);
            let labels: Vec<f32> = every().map(|row| start.label(sample.y[row])).collect();
            let weights = every().map(|row| sample.weights.map_or(1.0, |weights| weights[row] as f32)).collect();
            let outputs = start.base.len();
            let room = if learn { labels.len() } else { 0 };
            Shard {
                first,
                step: workers,
                rows: layout.encode(sample.x, &spans, true, learn),
                scores: (0..outputs).map(|k| vec![start.score(k); labels.len()]).collect(),
                gradients: vec![vec![0.0; room]; outputs],
                hessians: vec![vec![0.0; room]; outputs],
                sampled: Vec::new(),
                entries: [vec![0; room], vec![0; room]],
                labels,
                weights,
            }
        })
        .collect()
}

/// The nearest whole number.
#[inline(always)]
fn whole(value: f32) -> i32 {
    (value + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as i32
}

impl Shard {
    fn chunk(&self, from: usize) -> loss::Rows<'_> {
        let to = (from + CHUNK).min(self.labels.len());
        loss::Rows {
            labels: &self.labels[from..to],
            weights: &self.weights[from..to],
            scores: self.scores.iter().map(|scores| &scores[from..to]).collect(),
        }
    }

    /// Sum of the losses of each chunk.
    pub(crate) fn losses(&self, start: &Start) -> Vec<f64> {
        (0..self.labels.len()).step_by(CHUNK).map(|from| loss::sum(start.curve, &self.chunk(from))).collect()
    }

    /// Computes all gradients and hessians.
    pub(crate) fn differentiate(&mut self, start: &Start) -> Vec<ChunkSums> {
        let (mut gradients, mut hessians) = (std::mem::take(&mut self.gradients), std::mem::take(&mut self.hessians));
        let sums = (0..self.labels.len())
            .step_by(CHUNK)
            .map(|from| {
                let to = (from + CHUNK).min(self.labels.len());
                let mut g: Vec<&mut [f32]> = gradients.iter_mut().map(|all| &mut all[from..to]).collect();
                let mut h: Vec<&mut [f32]> = hessians.iter_mut().map(|all| &mut all[from..to]).collect();
                loss::gradients(start.curve, &self.chunk(from), &mut g, &mut h)
            })
            .collect();
        (self.gradients, self.hessians) = (gradients, hessians);
        sums
    }

    /// The worker's rows among all, chunk by chunk, with their places among its own.
    fn places(&self) -> impl Iterator<Item = (std::ops::Range<usize>, std::ops::Range<usize>)> + use<> {
        let (first, step, count) = (self.first, self.step, self.labels.len());
        (0..count).step_by(CHUNK).enumerate().map(move |(place, from)| {
            let own = from..(from + CHUNK).min(count);
            let among_all = (first + place * step) * CHUNK;
            (among_all..among_all + own.len(), own)
        })
    }

    /// Writes the scores of output `k` where their rows are in `all`.
    pub(crate) fn hand_out_scores(&self, k: usize, all: &mut [f32]) {
        for (among_all, own) in self.places() {
            all[among_all].copy_from_slice(&self.scores[k][own]);
        }
    }

    /// Takes the scores of output `k` from those of `all` rows.
    pub(crate) fn take_scores(&mut self, k: usize, all: &[f32]) {
        for (among_all, own) in self.places() {
            self.scores[k][own].copy_from_slice(&all[among_all]);
        }
    }

    /// Takes the gradients and hessians of the only output from those of `all` rows; how they spread in each chunk.
    pub(crate) fn take_gradients(&mut self, gradients: &[f32], hessians: &[f32]) -> Vec<ChunkSums> {
        let mut sums = Vec::new();
        for (among_all, own) in self.places() {
            let (g, h) = (&gradients[among_all.clone()], &hessians[among_all]);
            let spread = |values: &[f32]| {
                values.iter().fold((0.0_f64, 0.0), |(most, sum), value| {
                    let size = f64::from(value.abs());
                    (most.max(size), sum + size)
                })
            };
            sums.push((0.0, vec![Spread { gradient: spread(g), hessian: spread(h), rows: own.len() }]));
            self.gradients[0][own.clone()].copy_from_slice(g);
            self.hessians[0][own].copy_from_slice(h);
        }
        sums
    }

    /// What is left of the targets of the rows `range` of side `side` in output `k`, with the rows' weights.
    pub(crate) fn residuals(
        &self,
        k: usize,
        side: usize,
        range: std::ops::Range<usize>,
    ) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.entries[side][range].iter().map(move |&entry| {
            let row = row_of(entry);
            (f64::from(self.labels[row] - self.scores[k][row]), f64::from(self.weights[row]))
        })
    }

    /// Draws the rows of an iteration.
    pub(crate) fn sample(&mut self, fraction: f64, seed: u64, iteration: usize) {
        if fraction >= 1.0 {
            return;
        }
        self.sampled.resize(self.labels.len(), false);
        for (place, rows) in self.sampled.chunks_mut(CHUNK).enumerate() {
            let chunk = self.first + place * self.step;
            mark(rows, fraction, &mut stream(seed, Purpose::Rows(iteration, chunk)));
        }
    }

    /// Fills the entries of output `k` with the sampled rows that have a weight; how many, and the sums of their
    /// gradients and hessians.
    pub(crate) fn quantise(&mut self, k: usize, scale: &Scale) -> (usize, i64, i64) {
        let (g_scale, h_scale) = (scale.gradient as f32, scale.hessian as f32);
        let count = self.labels.len();
        let (gradients, hessians) = (&self.gradients[k][..count], &self.hessians[k][..count]);
        let (weights, entries) = (&self.weights[..count], &mut self.entries[0][..count]);
        let (mut taken, mut g_sum, mut h_sum) = (0, 0_i64, 0_i64);
        for row in 0..count {
            let g = whole(gradients[row] * g_scale);
            let h = whole(hessians[row] * h_scale);
            // written in any case and overwritten by the next where it does not count: no branch to mispredict
            entries[taken] = entry(row as u32, g, h as u32);
            let counts = weights[row] > 0.0 && (self.sampled.is_empty() || self.sampled[row]);
            let keep = -i64::from(counts);
            g_sum += i64::from(g) & keep;
            h_sum += i64::from(h) & keep;
            taken += usize::from(counts);
        }
        (taken, g_sum, h_sum)
    }

    /// Splits the rows `range` of side `side` by the bin of `column`, into the other side: left rows from the front,
    /// right rows from the back.
    pub(crate) fn partition(
        &mut self,
        side: usize,
        range: std::ops::Range<usize>,
        column: usize,
        goes_left: &[bool; 256],
    ) -> LeftRows {
        let [zero, one] = &mut self.entries;
        let (from, to) = if side == 0 { (zero, one) } else { (one, zero) };
        let (from, to) = (&from[range.clone()], &mut to[range]);
        let codes = &self.rows.columns[column];
        let mut left = 0;
        let last = to.len().wrapping_sub(1);
        for (i, &entry) in from.iter().enumerate() {
            // both stores always land in the gap between the sides, so there is no branch to mispredict
            to[left] = entry;
            to[last - (i - left)] = entry;
            left += usize::from(goes_left[usize::from(codes[row_of(entry)])]);
        }
        left
    }

    /// Adds `value` to output `k` of the rows `range` of side `side`.
    pub(crate) fn add(&mut self, k: usize, side: usize, range: std::ops::Range<usize>, value: f32) {
        let scores = &mut self.scores[k];
        for &entry in &self.entries[side][range] {
            scores[row_of(entry)] += value;
        }
    }

    /// Adds what `tree` says to output `k` of the rows the iteration did not sample.
    pub(crate) fn add_unsampled(&mut self, k: usize, tree: &GrownTree) {
        let rows = self.sampled.iter().enumerate().filter(|(_, sampled)| !**sampled).map(|(row, _)| row);
        tree.add(&self.rows, rows, &mut self.scores[k]);
    }

    /// Adds what `tree` says to output `k` of every row.
    pub(crate) fn add_to_all(&mut self, k: usize, tree: &GrownTree) {
        let count = self.scores[k].len();
        tree.add(&self.rows, 0..count, &mut self.scores[k]);
    }
}

/// Adds up what the shards found in their chunks, in the order of the chunks.
pub(crate) fn in_chunk_order<T, S>(found: &[Vec<T>], start: S, mut add: impl FnMut(S, &T) -> S) -> S {
    let chunks: usize = found.iter().map(Vec::len).sum();
    let mut sum = start;
    for chunk in 0..chunks {
        sum = add(sum, &found[chunk % found.len()][chunk / found.len()]);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_met_in_their_order() {
        let found = [vec![0, 3, 6], vec![1, 4], vec![2, 5]];
        let order = in_chunk_order(&found, Vec::new(), |mut order, &chunk| {
            order.push(chunk);
            order
        });
        assert_eq!(order, [0, 1, 2, 3, 4, 5, 6]);
    }
}
