//! Values with their intervals, one a row on one axis: slices, comparisons, coverage.

use super::{
    scale::{Scale, extent, rounded_out, ticks},
    svg::{Svg, empty, px, text_width},
};
use crate::number;

const WIDTH: f64 = 400.0;
const ROW: f64 = 24.0;
const FOOT: f64 = 40.0;
const LONGEST_LABEL: f64 = 165.0;

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate<'a> {
    /// Its name.
    pub name: &'a str,
    /// The estimate.
    pub value: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// True to draw it as one that needs looking at.
    pub marked: bool,
}

/// What [`forest`] draws.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest<'a> {
    /// What the picture shows, in words.
    pub title: &'a str,
    /// What the axis shows.
    pub label: &'a str,
    /// The rows, from the top.
    pub rows: &'a [Estimate<'a>],
    /// A dashed vertical line, such as the whole or no difference.
    pub reference: Option<f64>,
}

/// Draws one interval a row above a common axis. Rows that are not finite have their name alone.
#[must_use]
pub fn forest(forest: &Forest<'_>) -> String {
    let ends = forest.rows.iter().flat_map(|row| [row.low, row.value, row.high]).chain(forest.reference);
    let Some((low, high)) = extent(ends).filter(|_| !forest.rows.is_empty()) else {
        return empty("chart-forest", WIDTH, 60.0, forest.title, "nothing to draw");
    };
    let names = forest.rows.iter().map(|row| text_width(row.name)).fold(0.0, f64::max).min(LONGEST_LABEL);
    let widest = forest.rows.iter().map(|row| row.high - row.low).fold(0.0, f64::max);
    let decimals = number::decimals_for(widest);
    let text = |value: f64| match decimals {
        Some(decimals) => number::fixed(value, decimals),
        None => number::significant(value, 3),
    };
    let values = forest.rows.iter().map(|row| text_width(&text(row.value))).fold(0.0, f64::max).min(90.0);
    let (left, right) = (names + 12.0, WIDTH - values - 12.0);
    let (from, to) = rounded_out(low, high, 4);
    let scale = Scale::new((from, to), (left, right));
    let bottom = forest.rows.len() as f64 * ROW + 4.0;
    let mut svg = Svg::new("chart-forest", WIDTH, bottom + FOOT, forest.title);
    let mut free_from = 0.0;
    for (value, text) in ticks(from, to, 4) {
        let (at, half) = (scale.at(value), text_width(&text) / 2.0);
        svg.line("grid", (at, 0.0), (at, bottom));
        if at - half >= free_from {
            svg.text("tick mid", (at, bottom + 15.0), &text);
            free_from = at + half + 6.0;
        }
    }
    if let Some(reference) = forest.reference.filter(|reference| reference.is_finite()) {
        svg.line("reference", (scale.at(reference), 0.0), (scale.at(reference), bottom));
    }
    for (position, row) in forest.rows.iter().enumerate() {
        let middle = position as f64 * ROW + ROW / 2.0 + 2.0;
        svg.text_within("label end", (left - 8.0, middle + 4.0), row.name, names + 2.0);
        if !row.value.is_finite() {
            continue;
        }
        svg.text("value end", (WIDTH, middle + 4.0), &text(row.value));
        let tip = format!("{}: {} ({} to {})", row.name, text(row.value), text(row.low), text(row.high));
        let class = if row.marked { "marked" } else { "strong" };
        if row.low.is_finite() && row.high.is_finite() {
            let (from, to) = (scale.at(row.low), scale.at(row.high));
            svg.rect(&format!("reach {class}"), (from, middle - 3.0), ((to - from).max(1.0), 6.0), 3.0, &tip);
        }
        svg.circle(&format!("estimate {class}"), (scale.at(row.value), middle), 4.0, &tip);
    }
    svg.raw(&format!(
        "<line class=\"axis\" x1=\"{0}\" y1=\"{2}\" x2=\"{1}\" y2=\"{2}\"/>",
        px(left),
        px(right),
        px(bottom)
    ));
    svg.text_within("axis-title end", (right, bottom + 32.0), &format!("{} →", forest.label), WIDTH);
    svg.end()
}
