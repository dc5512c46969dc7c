//! Lines through points: ROC, precision–recall, calibration, learning curves.

use super::{
    Axis,
    frame::{self, HEIGHT, WIDTH},
    scale::{extent, rounded_out},
    svg::{Svg, empty, thinned},
};
use crate::number;

/// Points drawn of a line at most.
const MOST_POINTS: usize = 300;
/// Lines drawn at most: more cannot be told apart.
const MOST_SERIES: usize = 6;

/// A line.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// (x, y) in drawing order. Points that are not finite are left out.
    pub points: &'a [[f64; 2]],
    /// True to mark every point.
    pub marked: bool,
}

/// What [`curve`] draws.
#[derive(Clone, Debug, Default)]
pub struct Curves<'a> {
    /// What the picture shows, in words.
    pub title: &'a str,
    /// The horizontal axis.
    pub x: Axis<'a>,
    /// The vertical axis.
    pub y: Axis<'a>,
    /// The lines, the most important first; from the seventh on they are not drawn.
    pub series: &'a [Series<'a>],
    /// A dashed line for comparison, such as the diagonal of chance.
    pub reference: Option<[[f64; 2]; 2]>,
    /// A vertical line with its name, such as the iteration where training stopped.
    pub mark: Option<(f64, &'a str)>,
}

/// Draws lines with a legend where there are several.
#[must_use]
pub fn curve(curves: &Curves<'_>) -> String {
    let drawn: Vec<(&Series<'_>, Vec<[f64; 2]>)> = curves
        .series
        .iter()
        .take(MOST_SERIES)
        .map(|series| {
            let finite: Vec<[f64; 2]> =
                series.points.iter().filter(|point| point.iter().all(|value| value.is_finite())).copied().collect();
            (series, thinned(&finite, MOST_POINTS))
        })
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let values = |axis: usize| drawn.iter().flat_map(move |(_, points)| points.iter().map(move |point| point[axis]));
    let (Some(x_extent), Some(y_extent)) = (extent(values(0)), extent(values(1))) else {
        return empty("chart-curve", WIDTH, HEIGHT, curves.title, "nothing to draw");
    };
    let mut svg = Svg::new("chart-curve", WIDTH, HEIGHT, curves.title);
    let x_ends = curves.x.range.unwrap_or(x_extent);
    let y_ends = curves.y.range.unwrap_or_else(|| rounded_out(y_extent.0, y_extent.1, 5));
    let names: Vec<&str> = drawn.iter().map(|(series, _)| series.name).collect();
    let frame = frame::draw(&mut svg, (curves.x, x_ends), (curves.y, y_ends), &names);
    if let Some([from, to]) = curves.reference {
        let at = |point: [f64; 2]| (frame.x.at(point[0]), frame.y.at(point[1]));
        svg.line("reference", at(from), at(to));
    }
    if let Some((value, name)) = curves.mark.filter(|(value, _)| value.is_finite()) {
        let at = frame.x.at(value);
        svg.line("reference", (at, frame.top), (at, frame.bottom));
        let left_half = at < (frame.left + frame.right) / 2.0;
        let (class, x) = if left_half { ("note", at + 5.0) } else { ("note end", at - 5.0) };
        svg.text(class, (x, frame.top + 10.0), name);
    }
    // The first is the most important: drawn last, on top.
    for (position, (series, points)) in drawn.iter().enumerate().rev() {
        let places: Vec<(f64, f64)> = points.iter().map(|[x, y]| (frame.x.at(*x), frame.y.at(*y))).collect();
        svg.polyline(&format!("stroke s{}", position + 1), &places);
        if series.marked || places.len() == 1 {
            for (place, [x, y]) in places.iter().zip(points) {
                let title = format!("{}: {}, {}", series.name, number::significant(*x, 3), number::significant(*y, 3));
                svg.circle(&format!("dot s{}", position + 1), *place, 3.0, &title);
            }
        }
    }
    svg.end()
}
