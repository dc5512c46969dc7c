//! Pictures as SVG text: for the report, and for any page that carries [`css`].
//!
//! Every function returns one `<svg>` with a `viewBox`, a `<title>`, `role="img"` and an `aria-label`. Colours are CSS
//! custom properties, so that a picture follows the page into the dark. Text from data is escaped here. Whatever the
//! numbers (none, NaN, infinite, all equal), there is a picture and no panic; a picture without anything to draw says
//! so. Lengths are in the units of the `viewBox`, about one CSS pixel at the intended size.

pub mod bars;
pub mod curve;
pub mod dag;
pub mod fan;
pub mod forest;
mod frame;
pub mod gantt;
pub mod heat_map;
pub mod histogram;
pub mod interval;
pub mod parallel;
pub mod scale;
pub mod scatter;
pub mod sparkline;
mod svg;
pub mod trials;

pub use bars::{Bar, bars};
pub use curve::{Curves, Series, curve};
pub use forest::forest;
pub use gantt::{Span, gantt};
pub use heat_map::{HeatMap, heat_map};
pub use histogram::{Histogram, histogram};
pub use interval::{Interval, interval};
pub use parallel::{Coordinate, Upright, parallel};
pub use scatter::{Scatter, scatter};
pub use sparkline::{spark_bars, spark_line};
pub use trials::{Trials, trials};

/// What an axis shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Axis<'a> {
    /// Its title, with the unit.
    pub label: &'a str,
    /// The values at its ends; from the data where none.
    pub range: Option<(f64, f64)>,
    /// True where there is nothing between whole numbers.
    pub whole: bool,
}

impl<'a> Axis<'a> {
    /// An axis that spans the data.
    #[must_use]
    pub const fn new(label: &'a str) -> Self {
        Self { label, range: None, whole: false }
    }

    /// An axis of whole numbers that spans the data.
    #[must_use]
    pub const fn whole(label: &'a str) -> Self {
        Self { label, range: None, whole: true }
    }

    /// An axis from 0 to 1.
    #[must_use]
    pub const fn share(label: &'a str) -> Self {
        Self { label, range: Some((0.0, 1.0)), whole: false }
    }
}

/// The style sheet of the charts: put it once into a page, after the custom properties of [`crate::palette::css`].
#[must_use]
pub const fn css() -> &'static str {
    include_str!("../../templates/charts.css")
}

#[cfg(test)]
mod tests;
