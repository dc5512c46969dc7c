//! The Numenta Anomaly Benchmark's score (Lavin and Ahmad 2015), standard profile.

use super::{
    estimate::Estimate,
    scored::{View, refuse},
};
use crate::LearnError;

/// What a false alarm costs against a window found or missed.
const FALSE_ALARM: f64 = 0.11;
/// The share of a series that is left to the detector to get used to it, and its most rows.
const PROBATION: (f64, f64) = (0.15, 750.0);

/// A row's part in the score once it is called an anomaly.
struct Call {
    score: f64,
    window: Option<usize>,
    worth: f64,
}

/// From 0 (nothing found, no alarm) to 100 (every window found at its first row, no false alarm); below 0 where false
/// alarms outweigh what is found. Windows are runs of anomalous rows in the rows' order; each group is a series of its
/// own, whose first 15 % (at most 750 rows) do not count. The threshold is the one given, else the best.
pub(super) fn nab(view: &View<'_>) -> Result<Estimate, LearnError> {
    let mut series: Vec<Vec<usize>> = match &view.groups {
        Some((groups, count)) => {
            let mut series = vec![Vec::new(); *count];
            groups.iter().enumerate().for_each(|(row, &group)| series[group as usize].push(row));
            series
        }
        None => vec![(0..view.rows()).collect()],
    };
    series.retain(|rows| !rows.is_empty());
    let mut calls = Vec::new();
    let mut windows = 0;
    for rows in &series {
        let first = calls.len();
        follow(view, rows, &mut windows, &mut calls);
        let probation = (PROBATION.0 * rows.len() as f64).floor().min(PROBATION.1) as usize;
        calls.drain(first..first + probation);
    }
    let mut counted: Vec<usize> = calls.iter().filter_map(|call| call.window).collect();
    counted.dedup();
    if counted.is_empty() {
        return refuse("no-window", "metric `nab` needs a run of anomalous rows after the first 15 %".to_owned());
    }
    let total = counted.len() as f64;
    calls.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut found = vec![-1.0; windows];
    let (mut sum, mut best) = (-total, -total);
    for tied in calls.chunk_by(|a, b| a.score == b.score) {
        if view.settings.threshold.is_some_and(|threshold| tied[0].score < threshold) {
            break;
        }
        for call in tied {
            match call.window {
                Some(window) if call.worth > found[window] => {
                    sum += call.worth - found[window];
                    found[window] = call.worth;
                }
                Some(_) => {}
                None => sum += call.worth,
            }
        }
        best = f64::max(best, sum);
    }
    let score = if view.settings.threshold.is_some() { sum } else { best };
    Ok(Estimate::Bare { value: 100.0 * (score + total) / (2.0 * total) })
}

/// Follows a series: what calling each of its rows an anomaly is worth.
fn follow(view: &View<'_>, rows: &[usize], windows: &mut usize, calls: &mut Vec<Call>) {
    let anomalous = |place: usize| view.truth[rows[place]] > 0.0;
    // The last window: its last place and its width.
    let mut before: Option<(usize, f64)> = None;
    let mut place = 0;
    while place < rows.len() {
        let start = place;
        if anomalous(start) {
            while place < rows.len() && anomalous(place) {
                place += 1;
            }
            let (last, width) = (place - 1, (place - start) as f64);
            for (at, &row) in (start..place).zip(&rows[start..place]) {
                let position = -((last - at + 1) as f64) / width;
                let worth = sigmoid(position) / sigmoid(-1.0);
                calls.push(Call { score: view.values[row], window: Some(*windows), worth });
            }
            *windows += 1;
            before = Some((last, width));
        } else {
            let past = before.map_or(f64::INFINITY, |(last, width)| (start - last) as f64 / (width - 1.0));
            let worth = FALSE_ALARM * sigmoid(past);
            calls.push(Call { score: view.values[rows[start]], window: None, worth });
            place += 1;
        }
    }
}

/// From 1 far before the window's end to −1 far after it.
fn sigmoid(position: f64) -> f64 {
    if position > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}
