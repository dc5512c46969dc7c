//! Pictures the height of a line of text: a column's histogram, a short history.

use super::{
    histogram::joined,
    scale::{Scale, extent},
    svg::{Svg, thinned},
};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 28.0;

/// Bars of a histogram, (lower edge, upper edge, rows) each, without axes.
#[must_use]
pub fn spark_bars(title: &str, bins: &[[f64; 3]]) -> String {
    let bins = joined(bins, 30);
    let mut svg = Svg::new("spark", WIDTH, HEIGHT, title);
    let tallest = bins.iter().map(|bin| bin[2]).fold(0.0, f64::max);
    let width = WIDTH / bins.len().max(1) as f64;
    for (position, bin) in bins.iter().enumerate().filter(|(_, bin)| bin[2] > 0.0) {
        // One row among millions still shows.
        let height = (bin[2] / tallest * (HEIGHT - 2.0)).max(1.0);
        let gap = if width > 3.0 { 1.0 } else { 0.0 };
        svg.rect("bar s1", (position as f64 * width, HEIGHT - 1.0 - height), (width - gap, height), 0.0, "");
    }
    svg.line("axis", (0.0, HEIGHT - 0.5), (WIDTH, HEIGHT - 0.5));
    svg.end()
}

/// A line through equally spaced values; those not finite are left out.
#[must_use]
pub fn spark_line(title: &str, values: &[f64]) -> String {
    let mut svg = Svg::new("spark", WIDTH, HEIGHT, title);
    let finite: Vec<(usize, f64)> = values.iter().copied().enumerate().filter(|(_, value)| value.is_finite()).collect();
    if let Some(ends) = extent(finite.iter().map(|(_, value)| *value)) {
        let x = Scale::new((0.0, values.len().saturating_sub(1).max(1) as f64), (2.0, WIDTH - 4.0));
        let y = Scale::new(ends, (HEIGHT - 3.0, 3.0));
        let places: Vec<(f64, f64)> =
            thinned(&finite, 200).into_iter().map(|(position, value)| (x.at(position as f64), y.at(value))).collect();
        svg.polyline("stroke s1", &places);
        if let Some(last) = places.last() {
            svg.circle("dot s1", *last, 2.0, "");
        }
    }
    svg.end()
}
