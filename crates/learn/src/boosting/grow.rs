//! Growing one tree leaf by leaf: the leaf whose best split gains most is split next, until the tree has its leaves or
//! no split gains (Shi 2007, as in LightGBM). Of two children the smaller one's histogram is built from its rows, the
//! other's is the parent's less it.

use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::bins::{Cut, Layout};
use super::bounded::{self, Hold, Valuing};
use super::grown::{GrownNode, GrownTree};
use super::histogram::{BINS, Cell, Narrow, Scale, build};
use super::renewal::renew;
use super::sampling::{choose, share};
use super::shard::Shard;
use super::sparse::complete;
use super::split::{CategoryRules, Rules, Scratch, Split, best_category, best_number, holds, pair_gain, strength};

/// Below this many rows times columns a phase is not worth waking another worker for.
const WORTH_SHARING: usize = 100_000;
/// From this many columns on, they are searched in parallel.
const WIDE: usize = 96;
/// A split must gain this share of its leaf's own strength: what is below is rounding.
const ROUNDING: f64 = 1e-11;

/// The shape a tree may take, in the target's own terms.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Most leaves.
    pub(crate) leaves: usize,
    /// Most splits between the root and a leaf.
    pub(crate) depth: usize,
    /// Least rows of a leaf, as estimated from its hessians.
    pub(crate) min_rows: usize,
    /// Least sum of hessians of a leaf.
    pub(crate) min_hessian: f64,
    /// Penalty on absolute leaf values.
    pub(crate) l1: f64,
    /// Penalty on squared leaf values.
    pub(crate) l2: f64,
    /// Least gain of a split.
    pub(crate) min_gain: f64,
    /// Share of the tree's columns a node may split on.
    pub(crate) node_columns: f64,
    /// What is added to a level's hessians before levels are ordered.
    pub(crate) category_smoothing: f64,
    /// Added to `l2` for a split on ordered levels.
    pub(crate) category_l2: f64,
    /// Most levels on the smaller side of a split.
    pub(crate) category_most: usize,
    /// With no more levels than this, one is set against the rest.
    pub(crate) one_against_rest: usize,
    /// Least rows of a level that is ordered, as estimated from its hessians.
    pub(crate) min_level_rows: usize,
    /// Rows at which a leaf's value and its parent's weigh equally; 0 for no smoothing.
    pub(crate) path_smoothing: f64,
    /// Direction of each column: 1 increasing, -1 decreasing, 0 free; empty when all are free.
    pub(crate) signs: Vec<f64>,
}

impl Limits {
    /// Whether a leaf's value depends on more than its own rows.
    fn hold(&self) -> bool {
        self.path_smoothing > 0.0 || !self.signs.is_empty()
    }

    fn sign(&self, column: usize) -> f64 {
        self.signs.get(column).copied().unwrap_or(0.0)
    }
}

/// Room for the histograms of one kind of cell, kept from tree to tree.
pub(crate) struct Rooms<C> {
    workers: Vec<Room<C>>,
    free: Vec<Vec<[C; BINS]>>,
    scratch: Scratch,
}

/// A worker's own histogram, and its room for narrow sums.
struct Room<C> {
    histogram: Vec<[C; BINS]>,
    narrow: Narrow,
}

impl<C: Cell> Rooms<C> {
    /// Room for so many workers.
    pub(crate) fn new(workers: usize) -> Self {
        let workers = (0..workers).map(|_| Room { histogram: Vec::new(), narrow: Narrow::default() }).collect();
        Self { workers, free: Vec::new(), scratch: Scratch::default() }
    }
}

/// Everything one tree is grown by.
pub(crate) struct Task<'a> {
    /// The columns.
    pub(crate) layout: &'a Layout,
    /// The shape it may take.
    pub(crate) limits: &'a Limits,
    /// The unit of its gradients and hessians.
    pub(crate) scale: Scale,
    /// Columns it may split on, ascending.
    pub(crate) columns: &'a [usize],
    /// The output it is for.
    pub(crate) output: usize,
    /// What leaf values are multiplied by.
    pub(crate) rate: f64,
    /// The quantile of its rows' residuals that a leaf takes as its value, instead of a Newton step.
    pub(crate) renewed: Option<f64>,
}

struct Leaf<C> {
    ranges: Vec<Range<usize>>,
    side: usize,
    rows: usize,
    depth: usize,
    gradient: f64,
    hessian: f64,
    histogram: Option<Vec<[C; BINS]>>,
    /// The best split and what it gains over the leaf.
    best: Option<(f64, Split)>,
    parent: Option<(usize, usize)>,
    /// What its value obeys, where limits hold it.
    hold: Hold,
}

/// Grows a tree on the entries of `shards` and adds its values to their scores.
pub(crate) fn grow<C: Cell>(
    task: &Task<'_>,
    shards: &mut [Shard],
    rooms: &mut Rooms<C>,
    rng: &mut ChaCha8Rng,
) -> GrownTree {
    let found = run(shards, usize::MAX, |_, shard| shard.quantise(task.output, &task.scale));
    let (rows, gradient, hessian) = found.iter().fold((0, 0, 0), |sum, f| (sum.0 + f.0, sum.1 + f.1, sum.2 + f.2));
    let mut root = Leaf {
        ranges: found.iter().map(|found| 0..found.0).collect(),
        side: 0,
        rows,
        depth: 0,
        gradient: gradient as f64,
        hessian: hessian as f64,
        histogram: None,
        best: None,
        parent: None,
        hold: Hold::FREE,
    };
    let valuing = task.valuing(&root);
    root.hold.value = Valuing { smoothing: 0.0, ..valuing }.value(root.gradient, root.hessian, valuing.l2, &Hold::FREE);
    if task.may_split(&root) && task.limits.leaves > 1 {
        let mut histogram = rooms.free.pop().unwrap_or_default();
        task.build(shards, rooms, &root, &mut histogram);
        root.best = task.search(&histogram, &root, rng, shards.len(), &mut rooms.scratch);
        root.histogram = Some(histogram);
    }
    let mut tree = GrownTree::default();
    let mut leaves = vec![root];
    while leaves.len() < task.limits.leaves {
        let Some((at, split)) = next(&leaves) else { break };
        let right = task.split(at, &split, &mut leaves, &mut tree, shards);
        leaves.push(right);
        if leaves.len() < task.limits.leaves {
            let new = leaves.len() - 1;
            let (before, after) = leaves.split_at_mut(new);
            task.look(&mut before[at], &mut after[0], shards, rooms, rng);
        }
    }
    task.finish(&mut leaves, &mut tree, shards, rooms);
    tree
}

/// Runs `work` on each shard, in parallel where `size` (rows times columns) makes it worth it.
fn run<T: Send>(shards: &mut [Shard], size: usize, work: impl Fn(usize, &mut Shard) -> T + Sync) -> Vec<T> {
    if shards.len() > 1 && size >= WORTH_SHARING {
        shards.par_iter_mut().enumerate().map(|(i, shard)| work(i, shard)).collect()
    } else {
        shards.iter_mut().enumerate().map(|(i, shard)| work(i, shard)).collect()
    }
}

/// The leaf to split next: the first of those that gain most.
fn next<C>(leaves: &[Leaf<C>]) -> Option<(usize, Split)> {
    let mut chosen: Option<(usize, f64, Split)> = None;
    for (at, leaf) in leaves.iter().enumerate() {
        if let Some((gain, split)) = leaf.best
            && chosen.is_none_or(|chosen| gain > chosen.1)
        {
            chosen = Some((at, gain, split));
        }
    }
    chosen.map(|(at, _, split)| (at, split))
}

impl Task<'_> {
    fn may_split<C>(&self, leaf: &Leaf<C>) -> bool {
        leaf.depth < self.limits.depth && leaf.rows >= 2 * self.limits.min_rows.max(1) && !self.columns.is_empty()
    }

    /// The limits in the tree's units, for a leaf whose rows have `hessian` among them.
    fn rules(&self, rows: usize, hessian: f64) -> Rules {
        let (limits, scale) = (self.limits, &self.scale);
        let a_row = hessian / rows.max(1) as f64;
        let of_rows = |count: usize| (count as f64 - 0.5) * a_row;
        Rules {
            min_hessian: (limits.min_hessian * scale.hessian).max(of_rows(limits.min_rows)).max(f64::MIN_POSITIVE),
            l1: limits.l1 * scale.gradient,
            l2: limits.l2 * scale.hessian,
            category: CategoryRules {
                smoothing: limits.category_smoothing * scale.hessian,
                l2: limits.category_l2 * scale.hessian,
                most: limits.category_most,
                one_against_rest: limits.one_against_rest,
                min_level: of_rows(limits.min_level_rows),
            },
        }
    }

    /// How the values of a leaf's children follow from their sums.
    fn valuing<C>(&self, leaf: &Leaf<C>) -> Valuing {
        let (limits, scale) = (self.limits, &self.scale);
        Valuing {
            l1: limits.l1 * scale.gradient,
            l2: limits.l2 * scale.hessian,
            smoothing: limits.path_smoothing * leaf.hessian / leaf.rows.max(1) as f64,
        }
    }

    fn build<C: Cell>(
        &self,
        shards: &mut [Shard],
        rooms: &mut Rooms<C>,
        leaf: &Leaf<C>,
        histogram: &mut Vec<[C; BINS]>,
    ) {
        let layout = self.layout;
        let rows_of = |shard: usize| leaf.ranges[shard].clone();
        if shards.len() == 1 || leaf.rows * layout.columns.len() < WORTH_SHARING {
            for (i, shard) in shards.iter().enumerate() {
                let entries = &shard.entries[leaf.side][rows_of(i)];
                let narrow = &mut rooms.workers[0].narrow;
                if i == 0 {
                    build(histogram, narrow, layout, &shard.rows, entries);
                } else {
                    C::add_rows(histogram, narrow, layout, &shard.rows, entries);
                }
            }
            complete(histogram, &layout.columns, layout.dense, C::of(leaf.gradient, leaf.hessian));
            return;
        }
        shards.par_iter().zip(rooms.workers.par_iter_mut()).enumerate().for_each(|(i, (shard, room))| {
            let entries = &shard.entries[leaf.side][rows_of(i)];
            build(&mut room.histogram, &mut room.narrow, layout, &shard.rows, entries);
        });
        let Some((first, others)) = rooms.workers.split_first_mut() else { return };
        std::mem::swap(histogram, &mut first.histogram);
        for room in others {
            for ((column, sums), terms) in layout.columns.iter().zip(histogram.iter_mut()).zip(&room.histogram) {
                for (sum, &term) in sums[..=column.bins].iter_mut().zip(terms) {
                    sum.add(term);
                }
            }
        }
        complete(histogram, &layout.columns, layout.dense, C::of(leaf.gradient, leaf.hessian));
    }

    /// The best split of a leaf on the columns its node may use, with what it gains.
    fn search<C: Cell>(
        &self,
        histogram: &[[C; BINS]],
        leaf: &Leaf<C>,
        rng: &mut ChaCha8Rng,
        workers: usize,
        scratch: &mut Scratch,
    ) -> Option<(f64, Split)> {
        let chosen;
        let columns = if self.limits.node_columns < 1.0 {
            chosen = choose(self.columns, share(self.columns.len(), self.limits.node_columns), rng);
            &chosen
        } else {
            self.columns
        };
        if !self.may_split(leaf) {
            return None;
        }
        let rules = self.rules(leaf.rows, leaf.hessian);
        let total = (leaf.gradient, leaf.hessian);
        let (hold, valuing) = (self.limits.hold(), self.valuing(leaf));
        let best_of = |scratch: &mut Scratch, &c: &usize| {
            let column = &self.layout.columns[c];
            match column.cut {
                Cut::Number(_) if hold => {
                    let held = (&valuing, self.limits.sign(c), &leaf.hold);
                    bounded::best_number(&histogram[c], column.bins, c, total, &rules, held)
                }
                Cut::Number(_) => best_number(&histogram[c], column.bins, c, total, &rules, scratch),
                Cut::Category(_) if hold => {
                    let pair = |l, r, l2| valuing.pair((l, r), l2, rules.min_hessian, 0.0, &leaf.hold);
                    best_category(&histogram[c], column.bins, c, total, &rules, scratch, pair)
                }
                Cut::Category(_) => {
                    let pair = |l, r, l2| pair_gain(l, r, rules.l1, l2, rules.min_hessian);
                    best_category(&histogram[c], column.bins, c, total, &rules, scratch, pair)
                }
            }
        };
        let better = |best: Option<Split>, found: Option<Split>| match (best, found) {
            (Some(best), Some(found)) if found.gain > best.gain => Some(found),
            (None, found) => found,
            (best, _) => best,
        };
        let best = if workers > 1 && columns.len() >= WIDE {
            let found: Vec<Option<Split>> =
                columns.par_iter().with_min_len(WIDE / 4).map_init(Scratch::default, best_of).collect();
            found.into_iter().fold(None, better)
        } else {
            columns.iter().map(|column| best_of(scratch, column)).fold(None, better)
        };
        let own = if hold {
            valuing.gain(leaf.gradient, leaf.hessian, rules.l2, leaf.hold.value)
        } else {
            strength(leaf.gradient, leaf.hessian, rules.l1, rules.l2)
        };
        let least = (self.limits.min_gain * self.scale.gradient * self.scale.gradient / self.scale.hessian)
            .max(own.abs() * ROUNDING)
            .max(f64::MIN_POSITIVE);
        best.map(|split| (split.gain - own, split)).filter(|(gain, _)| *gain > least)
    }

    /// Moves the leaf's rows to two leaves: the left one takes its place, the right one is returned.
    fn split<C: Cell>(
        &self,
        at: usize,
        split: &Split,
        leaves: &mut [Leaf<C>],
        tree: &mut GrownTree,
        shards: &mut [Shard],
    ) -> Leaf<C> {
        let new = leaves.len();
        let leaf = &mut leaves[at];
        let goes_left: [bool; 256] = std::array::from_fn(|bin| holds(&split.left, bin as u8));
        let lefts = run(shards, leaf.rows * 8, |i, shard| {
            shard.partition(leaf.side, leaf.ranges[i].clone(), split.column, &goes_left)
        });
        let place = tree.nodes.len();
        let gain =
            leaf.best.map_or(0.0, |best| best.0) * self.scale.hessian / (self.scale.gradient * self.scale.gradient);
        tree.nodes.push(GrownNode {
            column: split.column,
            group: if split.column < self.layout.dense { Some(split.column / self.layout.width) } else { None },
            slot: if split.column < self.layout.dense { split.column % self.layout.width } else { split.column },
            left: split.left,
            last: split.last,
            gain,
            children: [!(at as i32), !(new as i32)],
        });
        if let Some((parent, side)) = leaf.parent {
            tree.nodes[parent].children[side] = place as i32;
        }
        let left_rows: usize = lefts.iter().sum();
        let (gradient, hessian) = (leaf.gradient - split.gradient, leaf.hessian - split.hessian);
        let holds = if self.limits.hold() {
            let valuing = self.valuing(leaf);
            let value = |g, h| valuing.value(g, h, valuing.l2, &leaf.hold);
            let (left, right) = (value(split.gradient, split.hessian), value(gradient, hessian));
            leaf.hold.below(self.limits.sign(split.column), left, right)
        } else {
            [Hold::FREE; 2]
        };
        let right = Leaf {
            ranges: leaf.ranges.iter().zip(&lefts).map(|(range, left)| range.start + left..range.end).collect(),
            side: 1 - leaf.side,
            rows: leaf.rows - left_rows,
            depth: leaf.depth + 1,
            gradient,
            hessian,
            histogram: None,
            best: None,
            parent: Some((place, 1)),
            hold: holds[1],
        };
        for (range, left) in leaf.ranges.iter_mut().zip(lefts) {
            range.end = range.start + left;
        }
        leaf.side = right.side;
        leaf.rows = left_rows;
        leaf.depth = right.depth;
        leaf.gradient = split.gradient;
        leaf.hessian = split.hessian;
        leaf.best = None;
        leaf.parent = Some((place, 0));
        leaf.hold = holds[0];
        right
    }

    /// Finds the best splits of two new siblings, the left of which still holds their parent's histogram.
    fn look<C: Cell>(
        &self,
        left: &mut Leaf<C>,
        right: &mut Leaf<C>,
        shards: &mut [Shard],
        rooms: &mut Rooms<C>,
        rng: &mut ChaCha8Rng,
    ) {
        let Some(mut larger) = left.histogram.take() else { return };
        if !self.may_split(left) && !self.may_split(right) {
            rooms.free.push(larger);
            return;
        }
        let mut smaller = rooms.free.pop().unwrap_or_default();
        let left_is_smaller = left.rows < right.rows;
        self.build(shards, rooms, if left_is_smaller { left } else { right }, &mut smaller);
        for ((column, larger), smaller) in self.layout.columns.iter().zip(&mut larger).zip(&smaller) {
            for (sum, &term) in larger[..=column.bins].iter_mut().zip(smaller) {
                sum.subtract(term);
            }
        }
        let (of_left, of_right) = if left_is_smaller { (smaller, larger) } else { (larger, smaller) };
        for (leaf, histogram) in [(left, of_left), (right, of_right)] {
            leaf.best = self.search(&histogram, leaf, rng, shards.len(), &mut rooms.scratch);
            if leaf.best.is_some() {
                leaf.histogram = Some(histogram);
            } else {
                rooms.free.push(histogram);
            }
        }
    }

    /// Computes the leaves' values and adds them to the scores; takes the histograms back.
    fn finish<C: Cell>(
        &self,
        leaves: &mut [Leaf<C>],
        tree: &mut GrownTree,
        shards: &mut [Shard],
        rooms: &mut Rooms<C>,
    ) {
        rooms.free.extend(leaves.iter_mut().filter_map(|leaf| leaf.histogram.take()));
        let (limits, scale) = (self.limits, &self.scale);
        tree.covers = leaves.iter().map(|leaf| leaf.rows as f64).collect();
        let renewed = self.renewed.filter(|_| !tree.nodes.is_empty()).map(|level| {
            let places: Vec<_> = leaves.iter().map(|leaf| (leaf.side, leaf.ranges.as_slice())).collect();
            renew(shards, &places, self.output, level)
        });
        tree.values = leaves
            .iter()
            .enumerate()
            .map(|(i, leaf)| {
                if let Some(values) = &renewed {
                    return self.rate * values[i];
                }
                if limits.hold() && !tree.nodes.is_empty() {
                    return self.rate * leaf.hold.value * (scale.hessian / scale.gradient);
                }
                let (gradient, hessian) = (leaf.gradient / scale.gradient, leaf.hessian / scale.hessian);
                let shrunk = (gradient.abs() - limits.l1).max(0.0);
                let below = hessian + limits.l2;
                if below > 0.0 && !tree.nodes.is_empty() { -self.rate * shrunk.copysign(gradient) / below } else { 0.0 }
            })
            .collect();
        if tree.nodes.is_empty() {
            return;
        }
        let (leaves, values) = (&*leaves, &tree.values);
        let rows = leaves.iter().map(|leaf| leaf.rows).sum::<usize>();
        run(shards, rows * 8, |i, shard| {
            for (leaf, &value) in leaves.iter().zip(values) {
                shard.add(self.output, leaf.side, leaf.ranges[i].clone(), value as f32);
            }
        });
        run(shards, rows * 8, |_, shard| shard.add_unsampled(self.output, tree));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boosting::bins::lay_out;
    use crate::boosting::histogram::{NarrowCell, WideCell};
    use crate::boosting::sampling::{Purpose, stream};
    use crate::boosting::shard::share_out;
    use crate::boosting::start::{Asked, Start};
    use crate::estimator::Sample;
    use crate::matrix::{Feature, Matrix};

    fn grown<C: Cell>(sample: &Sample<'_>, workers: usize) -> GrownTree {
        let asked = Asked { loss: None, quantile: 0.5, huber_delta: 1.0, tweedie_power: 1.5, poisson_max_step: 0.7 };
        let start = Start::of(sample, sample.x.rows as f64, &asked).unwrap();
        let layout = lay_out(sample.x, 254, false);
        let mut shards = share_out(sample, &layout, &start, workers, true);
        for shard in &mut shards {
            shard.differentiate(&start);
        }
        let limits = Limits {
            leaves: 40,
            depth: usize::MAX,
            min_rows: 5,
            min_hessian: 0.0,
            l1: 0.0,
            l2: 1.0,
            min_gain: 0.0,
            node_columns: 1.0,
            category_smoothing: 10.0,
            category_l2: 10.0,
            category_most: 32,
            one_against_rest: 4,
            min_level_rows: 10,
            path_smoothing: 0.0,
            signs: Vec::new(),
        };
        let columns: Vec<usize> = (0..layout.columns.len()).collect();
        let scale = Scale { gradient: 15_000.0, hessian: 1.0, wide: false };
        let (limits, columns) = (&limits, columns.as_slice());
        let task = Task { layout: &layout, limits, scale, columns, output: 0, rate: 0.1, renewed: None };
        grow(&task, &mut shards, &mut Rooms::<C>::new(workers), &mut stream(0, Purpose::Columns(0)))
    }

    #[test]
    fn wide_cells_and_any_number_of_workers_grow_the_same_tree() {
        let rows = 90_000_usize;
        let column = |a: usize, b: usize| (0..rows).map(|row| (row * a % b) as f64).collect::<Vec<_>>();
        let columns = [(column(7919, 1009), None), (column(104_729, 613), None), (column(31, 9), Some(9))];
        let y: Vec<f64> = (0..rows)
            .map(|row| {
                let noise = (row * 7907 % 101) as f64 * 0.001;
                (columns[0].0[row] * 0.002).fract() + columns[1].0[row] * 0.001 + columns[2].0[row] % 4.0 * 0.2 + noise
            })
            .collect();
        let feature = |(values, levels): (Vec<f64>, Option<u32>)| Feature { name: "x".into(), values, levels };
        let x = Matrix { features: columns.into_iter().map(feature).collect(), rows };
        let sample = Sample { x: &x, y: &y, classes: 0, weights: None, groups: None };
        let shape = |tree: &GrownTree| {
            let nodes: Vec<_> = tree.nodes.iter().map(|node| (node.column, node.left, node.children)).collect();
            (nodes, tree.values.clone())
        };
        let expected = shape(&grown::<NarrowCell>(&sample, 1));
        assert_eq!(expected.1.len(), 40);
        for workers in [1, 2, 5] {
            assert_eq!(shape(&grown::<NarrowCell>(&sample, workers)), expected, "{workers}");
            assert_eq!(shape(&grown::<WideCell>(&sample, workers)), expected, "{workers}");
        }
    }
}
