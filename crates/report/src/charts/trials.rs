//! The trials of a search: each a dot, and the best so far a line of steps.

use super::{
    Axis,
    frame::{self, HEIGHT, WIDTH},
    scale::{extent, rounded_out},
    svg::{Svg, empty, thinned},
};
use crate::number;

/// Dots drawn at most.
const MOST_DOTS: usize = 600;

/// What [`trials`] draws.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trials<'a> {
    /// What the picture shows, in words.
    pub title: &'a str,
    /// The horizontal axis.
    pub x: Axis<'a>,
    /// The vertical axis.
    pub y: Axis<'a>,
    /// (x, value). Points that are not finite are left out; of very many an even share is drawn.
    pub points: &'a [[f64; 2]],
    /// (x, value) of each trial that was better than all before it; empty for no line.
    pub best: &'a [[f64; 2]],
}

/// Draws trials.
#[must_use]
pub fn trials(trials: &Trials<'_>) -> String {
    let finite: Vec<[f64; 2]> =
        trials.points.iter().filter(|point| point.iter().all(|value| value.is_finite())).copied().collect();
    let (Some(x_extent), Some(y_extent)) =
        (extent(finite.iter().map(|point| point[0])), extent(finite.iter().map(|point| point[1])))
    else {
        return empty("chart-trials", WIDTH, HEIGHT, trials.title, "nothing to draw");
    };
    let room = 0.03 * x_extent.1 - 0.03 * x_extent.0;
    let x_ends = trials.x.range.unwrap_or((x_extent.0 - room, x_extent.1 + room));
    let y_ends = trials.y.range.unwrap_or_else(|| rounded_out(y_extent.0, y_extent.1, 5));
    let mut svg = Svg::new("chart-trials", WIDTH, HEIGHT, trials.title);
    let frame = frame::draw(&mut svg, (trials.x, x_ends), (trials.y, y_ends), &[]);
    for [x, y] in thinned(&finite, MOST_DOTS) {
        let title = format!("{}: {}", number::significant(x, 4), number::significant(y, 4));
        svg.circle("dot s1", (frame.x.at(x), frame.y.at(y)), 3.0, &title);
    }
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for [x, y] in trials.best.iter().filter(|point| point.iter().all(|value| value.is_finite())) {
        let (x, y) = (frame.x.at(*x), frame.y.at(*y));
        steps.extend(steps.last().map(|last| (x, last.1)));
        steps.push((x, y));
    }
    if let Some(last) = steps.last().copied() {
        steps.push((frame.x.at(x_extent.1), last.1));
        svg.polyline("stroke s2", &steps);
    }
    svg.end()
}
