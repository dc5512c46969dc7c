//! Metrics of rankings: one number a query, averaged over the queries. The groups of the rows are the queries.

use super::{
    estimate::Estimate,
    scored::{View, refuse},
};
use crate::LearnError;

/// Discounted gain of the whole list (Järvelin and Kekäläinen 2002): relevance over the binary logarithm of the place
/// plus one, tied scores sharing the mean gain of their places, as in scikit-learn's `ndcg_score`.
pub(super) fn ndcg(view: &View<'_>) -> Result<Estimate, LearnError> {
    gain(view, usize::MAX)
}

/// The same of the first 5 places.
pub(super) fn ndcg_5(view: &View<'_>) -> Result<Estimate, LearnError> {
    gain(view, 5)
}

/// The same of the first 10 places.
pub(super) fn ndcg_10(view: &View<'_>) -> Result<Estimate, LearnError> {
    gain(view, 10)
}

/// Mean average precision: a row counts as relevant where its relevance is above 0.
pub(super) fn map(view: &View<'_>) -> Result<Estimate, LearnError> {
    let mut values = Vec::new();
    for rows in by_query(view, "map")? {
        let order = by_score(view, &rows);
        let (mut hits, mut seen, mut before, mut sum) = (0.0, 0.0, 0.0, 0.0);
        for tied in order.chunk_by(|&a, &b| view.values[a] == view.values[b]) {
            seen += tied.len() as f64;
            hits += tied.iter().filter(|&&row| view.truth[row] > 0.0).count() as f64;
            sum += (hits - before) * hits / seen;
            before = hits;
        }
        if hits > 0.0 {
            values.push(sum / hits);
        }
    }
    units(values, "map")
}

fn gain(view: &View<'_>, k: usize) -> Result<Estimate, LearnError> {
    if view.truth.iter().any(|&relevance| relevance < 0.0) {
        return refuse("target-negative", "relevance must be at least 0".to_owned());
    }
    let mut values = Vec::new();
    for rows in by_query(view, "ndcg")? {
        let discount = |place: usize| if place < k { 1.0 / (place as f64 + 2.0).log2() } else { 0.0 };
        let mut best: Vec<f64> = rows.iter().map(|&row| view.truth[row]).collect();
        best.sort_unstable_by(|a, b| b.total_cmp(a));
        let ideal: f64 = best.iter().enumerate().map(|(place, relevance)| relevance * discount(place)).sum();
        if ideal <= 0.0 {
            continue;
        }
        let order = by_score(view, &rows);
        let (mut place, mut sum) = (0, 0.0);
        for tied in order.chunk_by(|&a, &b| view.values[a] == view.values[b]) {
            let relevance = tied.iter().map(|&row| view.truth[row]).sum::<f64>() / tied.len() as f64;
            sum += relevance * (place..place + tied.len()).map(discount).sum::<f64>();
            place += tied.len();
        }
        values.push(sum / ideal);
    }
    units(values, "ndcg")
}

fn units(values: Vec<f64>, name: &str) -> Result<Estimate, LearnError> {
    if values.is_empty() {
        return refuse("no-relevant-rows", format!("metric `{name}` needs a query with a relevant row"));
    }
    Ok(Estimate::Units { values, of: "queries" })
}

/// The rows of each query, in the rows' order; all rows are one query where there are no groups.
fn by_query(view: &View<'_>, name: &str) -> Result<Vec<Vec<usize>>, LearnError> {
    if view.weights.is_some() {
        return refuse("weighted-queries", format!("metric `{name}` counts queries alike and takes no row weights"));
    }
    let Some((groups, count)) = &view.groups else { return Ok(vec![(0..view.rows()).collect()]) };
    let mut queries = vec![Vec::new(); *count];
    groups.iter().enumerate().for_each(|(row, &query)| queries[query as usize].push(row));
    Ok(queries)
}

fn by_score(view: &View<'_>, rows: &[usize]) -> Vec<usize> {
    let mut order = rows.to_vec();
    order.sort_by(|&a, &b| view.values[b].total_cmp(&view.values[a]));
    order
}
