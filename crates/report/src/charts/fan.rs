//! One line that matters above many faint ones: partial dependence over single rows' own.

use super::{
    Axis,
    frame::{self, HEIGHT, WIDTH},
    scale::{extent, rounded_out},
    svg::{Svg, empty},
};

/// Faint lines drawn at most.
const MOST: usize = 30;

/// What [`fan`] draws.
#[derive(Clone, Debug, Default)]
pub struct Fan<'a> {
    /// What the picture shows, in words.
    pub title: &'a str,
    /// The horizontal axis.
    pub x: Axis<'a>,
    /// The vertical axis.
    pub y: Axis<'a>,
    /// The line that matters.
    pub mean: &'a [[f64; 2]],
    /// The faint ones.
    pub rows: &'a [Vec<[f64; 2]>],
    /// Places marked on the horizontal axis, such as where the data lie.
    pub marks: &'a [f64],
}

/// Draws the lines; points that are not finite are left out.
#[must_use]
pub fn fan(fan: &Fan<'_>) -> String {
    let finite = |line: &[[f64; 2]]| -> Vec<[f64; 2]> {
        line.iter().filter(|point| point.iter().all(|value| value.is_finite())).copied().collect()
    };
    let mean = finite(fan.mean);
    let rows: Vec<Vec<[f64; 2]>> = fan.rows.iter().take(MOST).map(|row| finite(row)).collect();
    let values = |axis: usize| rows.iter().flatten().chain(&mean).map(move |point| point[axis]);
    let (Some(x_extent), Some((low, high))) = (extent(values(0)), extent(values(1))) else {
        return empty("chart-fan", WIDTH, HEIGHT, fan.title, "nothing to draw");
    };
    let mut svg = Svg::new("chart-fan", WIDTH, HEIGHT, fan.title);
    let y_ends = fan.y.range.unwrap_or_else(|| rounded_out(low, high, 5));
    let frame = frame::draw(&mut svg, (fan.x, fan.x.range.unwrap_or(x_extent)), (fan.y, y_ends), &[]);
    let place =
        |line: &[[f64; 2]]| -> Vec<(f64, f64)> { line.iter().map(|[x, y]| (frame.x.at(*x), frame.y.at(*y))).collect() };
    for row in &rows {
        svg.polyline("faint", &place(row));
    }
    svg.polyline("stroke s1", &place(&mean));
    for mark in fan.marks.iter().filter(|mark| mark.is_finite()) {
        let at = frame.x.at(*mark);
        svg.line("tick-mark", (at, frame.bottom - 5.0), (at, frame.bottom));
    }
    svg.end()
}
