//! A value with its confidence interval, the height of a line of text.

use super::{scale::Scale, svg::Svg};

const WIDTH: f64 = 96.0;
const HEIGHT: f64 = 14.0;

/// What [`interval`] draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The ends of the axis, shared by all intervals that are to be compared.
    pub range: (f64, f64),
    /// True to draw it strongly, as the best.
    pub strong: bool,
}

/// Draws a dot on a bar from `low` to `high`, on an axis without ticks.
#[must_use]
pub fn interval(title: &str, interval: &Interval) -> String {
    let mut svg = Svg::new("interval", WIDTH, HEIGHT, title);
    let scale = Scale::new(interval.range, (4.0, WIDTH - 4.0));
    let middle = HEIGHT / 2.0;
    svg.line("grid", (0.0, middle), (WIDTH, middle));
    if interval.value.is_finite() {
        let class = if interval.strong { "strong" } else { "weak" };
        if interval.low.is_finite() && interval.high.is_finite() {
            let (from, to) = (scale.at(interval.low), scale.at(interval.high));
            let (from, to) = (from.min(to), from.max(to));
            svg.rect(&format!("reach {class}"), (from, middle - 2.5), ((to - from).max(1.0), 5.0), 2.5, "");
        }
        svg.circle(&format!("estimate {class}"), (scale.at(interval.value), middle), 3.5, "");
    }
    svg.end()
}
