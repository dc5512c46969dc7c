//! Points: predicted against actual.

use super::{
    Axis,
    frame::{self, HEIGHT, WIDTH},
    scale::extent,
    svg::{Svg, empty, thinned},
};

/// Points drawn at most.
const MOST_POINTS: usize = 600;

/// What [`scatter`] draws.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scatter<'a> {
    /// What the picture shows, in words.
    pub title: &'a str,
    /// The horizontal axis.
    pub x: Axis<'a>,
    /// The vertical axis.
    pub y: Axis<'a>,
    /// (x, y). Points that are not finite are left out; of very many an even share is drawn.
    pub points: &'a [[f64; 2]],
    /// True to give both axes the same ends and draw the diagonal where they agree.
    pub diagonal: bool,
}

/// Draws points.
#[must_use]
pub fn scatter(scatter: &Scatter<'_>) -> String {
    let finite: Vec<[f64; 2]> =
        scatter.points.iter().filter(|point| point.iter().all(|value| value.is_finite())).copied().collect();
    let (Some(x_extent), Some(y_extent)) =
        (extent(finite.iter().map(|point| point[0])), extent(finite.iter().map(|point| point[1])))
    else {
        return empty("chart-scatter", WIDTH, HEIGHT, scatter.title, "nothing to draw");
    };
    let both = (x_extent.0.min(y_extent.0), x_extent.1.max(y_extent.1));
    let ends = |axis: &Axis<'_>, own: (f64, f64)| {
        let own = if scatter.diagonal { both } else { own };
        // A little room, so that no point sits on the frame.
        let room = own.1 * 0.03 - own.0 * 0.03;
        axis.range.unwrap_or((own.0 - room, own.1 + room))
    };
    let mut svg = Svg::new("chart-scatter", WIDTH, HEIGHT, scatter.title);
    let frame =
        frame::draw(&mut svg, (scatter.x, ends(&scatter.x, x_extent)), (scatter.y, ends(&scatter.y, y_extent)), &[]);
    for [x, y] in thinned(&finite, MOST_POINTS) {
        svg.circle("point s1", (frame.x.at(x), frame.y.at(y)), 2.2, "");
    }
    if scatter.diagonal {
        let (low, high) = (frame.x.ends().0.max(frame.y.ends().0), frame.x.ends().1.min(frame.y.ends().1));
        svg.line("reference", (frame.x.at(low), frame.y.at(low)), (frame.x.at(high), frame.y.at(high)));
    }
    svg.end()
}
