//! Which trials to give up early.
//!
//! Decisions look only at the trial's own reports and at those of trials that are over, so that they do not depend on
//! what happens to run beside it.

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Purpose, stream};

/// When a trial is given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pruner {
    /// Never.
    #[default]
    None,
    /// When its best loss so far is above the median of the other trials' at the same step; the first five trials, and
    /// the first tenth of the steps, are left alone.
    Median,
    /// Successive halving (Li et al. 2020): at 1, 4, 16, … units of work only the best quarter so far goes on.
    Asha,
    /// Several successive halvings by thirds that begin later or earlier (Li et al. 2018), trials dealt out among them.
    Hyperband,
}

/// The reports of a trial that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its number.
    pub number: u32,
    /// True when it was judged in full.
    pub complete: bool,
    /// (step, loss), steps ascending.
    pub reports: Vec<(u32, f64)>,
}

/// Trials that the median leaves alone.
const STARTUP: usize = 5;
/// By how many successive halving divides.
const QUARTER: u32 = 4;
/// By how many Hyperband's halvings divide.
const THIRD: u32 = 3;

/// True when trial `number` is to be given up after the last of its `reports`. Steps run up to `most`; the least unit of
/// work is `unit` steps.
#[must_use]
pub fn prune(
    pruner: Pruner,
    seed: u64,
    number: u32,
    reports: &[(u32, f64)],
    past: &[Curve],
    unit: u32,
    most: u32,
) -> bool {
    let Some(&(step, loss)) = reports.last() else { return false };
    if pruner == Pruner::None || step >= most {
        return false;
    }
    if loss.is_nan() {
        return true;
    }
    match pruner {
        Pruner::None => false,
        Pruner::Median => above_median(reports, step, past, most),
        Pruner::Asha => out_of_rung(reports, &past.iter().collect::<Vec<_>>(), unit.max(1), QUARTER, 0),
        Pruner::Hyperband => {
            let brackets = brackets(unit.max(1), most);
            let own = bracket(seed, number, brackets);
            let rivals: Vec<&Curve> =
                past.iter().filter(|curve| bracket(seed, curve.number, brackets) == own).collect();
            out_of_rung(reports, &rivals, unit.max(1), THIRD, own)
        }
    }
}

fn above_median(reports: &[(u32, f64)], step: u32, past: &[Curve], most: u32) -> bool {
    let complete: Vec<&Curve> = past.iter().filter(|curve| curve.complete).collect();
    if complete.len() < STARTUP || f64::from(step) <= 0.1 * f64::from(most) {
        return false;
    }
    let mut others: Vec<f64> = complete.iter().filter_map(|curve| at(&curve.reports, step)).collect();
    if others.is_empty() {
        return false;
    }
    others.sort_by(f64::total_cmp);
    let middle = others.len() / 2;
    let median = if others.len() % 2 == 1 { others[middle] } else { 0.5 * (others[middle - 1] + others[middle]) };
    reports.iter().fold(f64::INFINITY, |best, (_, loss)| best.min(*loss)) > median
}

/// The loss reported at a step.
fn at(reports: &[(u32, f64)], step: u32) -> Option<f64> {
    reports.binary_search_by_key(&step, |report| report.0).ok().map(|place| reports[place].1)
}

/// The loss with which a trial stands on a rung: its first report from that step on.
fn on_rung(reports: &[(u32, f64)], step: u32) -> Option<f64> {
    reports.get(reports.partition_point(|report| report.0 < step)).map(|report| report.1)
}

/// True when the last report is the first on a rung, and is not among the best there. The only one, and the best of fewer
/// than `share`, go on.
fn out_of_rung(reports: &[(u32, f64)], rivals: &[&Curve], unit: u32, share: u32, first: u32) -> bool {
    let (last, loss) = reports[reports.len() - 1];
    let before = if reports.len() > 1 { reports[reports.len() - 2].0 } else { 0 };
    let mut rung = u64::from(unit) * u64::from(share).saturating_pow(first);
    while rung <= u64::from(last) {
        if rung > u64::from(before) {
            let mut all: Vec<f64> = rivals
                .iter()
                .filter_map(|curve| on_rung(&curve.reports, rung as u32))
                .filter(|l| !l.is_nan())
                .collect();
            all.push(loss);
            all.sort_by(f64::total_cmp);
            let kept = (all.len() / share as usize).max(1);
            if loss > all[kept - 1] {
                return true;
            }
        }
        rung = rung.saturating_mul(u64::from(share));
    }
    false
}

/// Number of halvings: log of the work's span, and one.
fn brackets(unit: u32, most: u32) -> u32 {
    let mut brackets = 1;
    let mut steps = u64::from(unit) * u64::from(THIRD);
    while steps <= u64::from(most) {
        brackets += 1;
        steps *= u64::from(THIRD);
    }
    brackets
}

/// The halving that a trial is dealt to; each gets as many as its share of the work allows.
fn bracket(seed: u64, number: u32, brackets: u32) -> u32 {
    let budget = |bracket: u32| {
        let s = brackets - 1 - bracket;
        (f64::from(brackets) * f64::from(THIRD).powi(s.cast_signed()) / f64::from(s + 1)).ceil()
    };
    let total: f64 = (0..brackets).map(budget).sum();
    let mut left = stream(seed, Purpose::Bracket(number)).random::<f64>() * total;
    for bracket in 0..brackets {
        left -= budget(bracket);
        if left < 0.0 {
            return bracket;
        }
    }
    brackets - 1
}
