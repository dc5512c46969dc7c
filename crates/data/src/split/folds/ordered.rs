//! Folds in time order: time series (as scikit-learn's `TimeSeriesSplit`) and purged with an embargo (López de Prado,
//! "Advances in Financial Machine Learning", 2018, 7.4).

use super::{
    super::timed::{in_order, nearest_cut},
    DataError, Fold, FoldInput, FoldSpec, small_enough,
};

/// `k` folds, each judged by what was learned from the rows before it. Without moments the rows are in table order,
/// the gap counts rows, and the folds are scikit-learn's; with moments, rows of one moment stay together.
pub(super) fn time_series(spec: &FoldSpec, input: &FoldInput<'_>, k: usize) -> Result<Vec<Fold>, DataError> {
    let line = Line::of(spec, input)?;
    let rows = input.rows;
    let test = match spec.test_size {
        None => rows / (k + 1),
        Some(share) if share < 1.0 => (share * rows as f64 + 1e-9) as usize,
        Some(number) => number as usize,
    };
    let too_few = |why: String| DataError::new("too-few-rows", why).help("ask for fewer or smaller folds");
    if test == 0 || test.saturating_mul(k) >= rows {
        return Err(too_few(format!("{rows} rows for {k} folds of {test} rows and some to learn from")));
    }
    small_enough(rows, k as u64)?;
    let mut starts = Vec::with_capacity(k + 1);
    for fold in 0..k {
        let start = line.cut(rows - (k - fold) * test, starts.last().copied().unwrap_or(0));
        if start == rows {
            return Err(too_few(format!("too few distinct moments for {k} folds in time order")));
        }
        starts.push(start);
    }
    starts.push(rows);
    let fold = |(index, ends): (usize, &[usize])| {
        let (start, end) = (ends[0], ends[1]);
        let last = line.before(start);
        if last == 0 {
            let message = format!("a gap of {} leaves fold {} nothing to learn from", line.gap, index + 1);
            return Err(DataError::new("too-few-rows", message).help("ask for a smaller gap or fewer folds"));
        }
        let first = spec.max_train_size.map_or(0, |most| last.saturating_sub(most as usize));
        Ok(Fold { train: line.rows(first..last, 0..0), test: line.rows(start..end, 0..0) })
    };
    starts.windows(2).enumerate().map(fold).collect()
}

/// `k` stretches of time, each judged by what was learned from the rows on both sides that are far enough.
pub(super) fn purged(spec: &FoldSpec, input: &FoldInput<'_>, k: usize) -> Result<Vec<Fold>, DataError> {
    let line = Line::of(spec, input)?;
    let rows = input.rows;
    let too_few = |why: String| DataError::new("too-few-rows", why).help("ask for fewer folds or a smaller gap");
    if rows < k {
        return Err(too_few(format!("{rows} rows for {k} folds")));
    }
    small_enough(rows, k as u64)?;
    let mut starts = vec![0];
    let mut wanted = 0;
    for fold in 0..k - 1 {
        wanted += rows / k + usize::from(fold < rows % k);
        let start = line.cut(wanted, starts[fold]);
        if start == rows {
            return Err(too_few(format!("too few distinct moments for {k} folds in time order")));
        }
        starts.push(start);
    }
    starts.push(rows);
    let embargo = (spec.embargo.unwrap_or(0.0) * rows as f64 + 1e-9) as usize;
    let fold = |(index, ends): (usize, &[usize])| {
        let (start, end) = (ends[0], ends[1]);
        let after = if end == rows { rows } else { (line.after(end) + embargo).min(rows) };
        let train = line.rows(0..line.before(start), after..rows);
        if train.is_empty() {
            return Err(too_few(format!("the gap and the embargo leave fold {} nothing to learn from", index + 1)));
        }
        Ok(Fold { train, test: line.rows(start..end, 0..0) })
    };
    starts.windows(2).enumerate().map(fold).collect()
}

/// The rows in the order of time.
struct Line<'a> {
    times: Option<&'a [f64]>,
    /// The rows by time; empty where that is the table's order.
    order: Vec<u32>,
    count: usize,
    gap: f64,
    /// What a difference of moments may be off by rounding.
    slack: f64,
}

impl<'a> Line<'a> {
    fn of(spec: &FoldSpec, input: &FoldInput<'a>) -> Result<Self, DataError> {
        let times = input.times;
        let missing = times.unwrap_or_default().iter().filter(|time| !time.is_finite()).count();
        if missing > 0 {
            let message = format!("{missing} of {} rows have no value in the time column", input.rows);
            return Err(DataError::new("missing-time", message).help("drop these rows first, or fold another way"));
        }
        let order = match times {
            Some(times) if !times.is_sorted() => in_order(times),
            _ => Vec::new(),
        };
        let largest = times.unwrap_or_default().iter().fold(0.0_f64, |largest, time| largest.max(time.abs()));
        let slack = largest * f64::EPSILON * 2.0;
        Ok(Self { times, order, count: input.rows, gap: spec.gap.unwrap_or(0.0), slack })
    }

    fn row(&self, position: usize) -> u32 {
        self.order.get(position).copied().unwrap_or(position as u32)
    }

    fn at(&self, position: usize) -> f64 {
        self.times.map_or(position as f64, |times| times[self.row(position) as usize])
    }

    /// The position nearest to `wanted`, beyond `after`, that parts no moment.
    fn cut(&self, wanted: usize, after: usize) -> usize {
        match self.times {
            None => wanted,
            Some(_) => nearest_cut(self.count, wanted, after, |position| self.at(position)),
        }
    }

    /// How many of the rows before `start` lie at least a gap before it.
    fn before(&self, start: usize) -> usize {
        if self.times.is_none() {
            return start.saturating_sub(self.gap as usize);
        }
        let far = |position: &usize| self.gap == 0.0 || self.at(start) - self.at(*position) >= self.gap - self.slack;
        (0..start).rev().find(far).map_or(0, |last| last + 1)
    }

    /// The first position from `end` that lies at least a gap behind the row before it.
    fn after(&self, end: usize) -> usize {
        if self.times.is_none() {
            return end.saturating_add(self.gap as usize).min(self.count);
        }
        let last = self.at(end - 1);
        let far = |position: &usize| self.gap == 0.0 || self.at(*position) - last >= self.gap - self.slack;
        (end..self.count).find(far).unwrap_or(self.count)
    }

    /// The rows of two stretches, in table order.
    fn rows(&self, first: std::ops::Range<usize>, second: std::ops::Range<usize>) -> Vec<u32> {
        let mut rows: Vec<u32> = first.chain(second).map(|position| self.row(position)).collect();
        rows.sort_unstable();
        rows
    }
}
