//! How often values fall into bins: residuals, a column's values.

use super::{
    Axis,
    frame::{self, HEIGHT, WIDTH},
    scale::{extent, rounded_out},
    svg::{Svg, empty},
};
use crate::number;

/// Bars drawn at most; of more bins, neighbours are joined.
const MOST_BARS: usize = 60;

/// What [`histogram`] draws.
#[derive(Clone, Copy, Debug, Default)]
pub struct Histogram<'a> {
    /// What the picture shows, in words.
    pub title: &'a str,
    /// The horizontal axis.
    pub x: Axis<'a>,
    /// The vertical axis.
    pub y: Axis<'a>,
    /// (lower edge, upper edge, rows). Bins that are not finite are left out.
    pub bins: &'a [[f64; 3]],
    /// A vertical line, such as no error at all.
    pub mark: Option<f64>,
}

/// Draws bars that touch.
#[must_use]
pub fn histogram(histogram: &Histogram<'_>) -> String {
    let bins = joined(histogram.bins, MOST_BARS);
    let (Some(x_extent), Some((_, tallest))) =
        (extent(bins.iter().flat_map(|bin| [bin[0], bin[1]])), extent(bins.iter().map(|bin| bin[2])))
    else {
        return empty("chart-histogram", WIDTH, HEIGHT, histogram.title, "nothing to draw");
    };
    let mut svg = Svg::new("chart-histogram", WIDTH, HEIGHT, histogram.title);
    let tallest = if tallest > 0.0 { tallest } else { 1.0 };
    let x_ends = histogram.x.range.unwrap_or(x_extent);
    let y_ends = histogram.y.range.unwrap_or((0.0, rounded_out(0.0, tallest, 5).1));
    let frame = frame::draw(&mut svg, (histogram.x, x_ends), (histogram.y, y_ends), &[]);
    for [low, high, rows] in &bins {
        let (from, to) = (frame.x.at(*low), frame.x.at(*high));
        let top = frame.y.at(*rows);
        let gap = if to - from > 3.0 { 1.0 } else { 0.0 };
        let title = format!(
            "{} to {}: {}",
            number::significant(*low, 3),
            number::significant(*high, 3),
            number::significant(*rows, 6)
        );
        svg.rect("bar s1", (from + gap / 2.0, top), ((to - from - gap).max(0.6), frame.bottom - top), 0.0, &title);
    }
    svg.line("axis", (frame.left, frame.bottom), (frame.right, frame.bottom));
    if let Some(mark) = histogram.mark.filter(|mark| (x_ends.0..=x_ends.1).contains(mark)) {
        svg.line("reference", (frame.x.at(mark), frame.top), (frame.x.at(mark), frame.bottom));
    }
    svg.end()
}

/// The finite bins, neighbours joined until there are at most `most`.
pub(crate) fn joined(bins: &[[f64; 3]], most: usize) -> Vec<[f64; 3]> {
    let finite: Vec<[f64; 3]> =
        bins.iter().filter(|bin| bin.iter().all(|value| value.is_finite()) && bin[2] >= 0.0).copied().collect();
    let together = finite.len().div_ceil(most.max(1)).max(1);
    finite
        .chunks(together)
        .map(|chunk| {
            let low = chunk.iter().map(|bin| bin[0].min(bin[1])).fold(f64::INFINITY, f64::min);
            let high = chunk.iter().map(|bin| bin[0].max(bin[1])).fold(f64::NEG_INFINITY, f64::max);
            [low, high, chunk.iter().map(|bin| bin[2]).sum()]
        })
        .collect()
}
