//! The writing of SVG: coordinates, the root element, text, and how wide text is.

use std::fmt::Write;

use crate::markup::{escape, shorten};

/// Mean width of a character at the charts' font size of 11.5, in a wide sans-serif.
const CHARACTER: f64 = 6.9;

/// A coordinate to a tenth of a unit; 0 where it is not finite.
pub(crate) fn px(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// About how wide the text is at the charts' font size.
pub(crate) fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * CHARACTER
}

/// The text cut to about that width.
pub(crate) fn fit(text: &str, width: f64) -> String {
    shorten(text, (width / CHARACTER).max(1.0) as usize)
}

/// An `<svg>` being written.
pub(crate) struct Svg(String);

impl Svg {
    /// Opens a picture: `class` beside `chart`, its size, and what it shows in words.
    pub(crate) fn new(class: &str, width: f64, height: f64, title: &str) -> Self {
        let title = escape(title);
        let (width, height) = (px(width), px(height));
        Self(format!(
            "<svg class=\"chart {class}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" aria-label=\"{title}\"><title>{title}</title>"
        ))
    }

    /// Adds markup that is already safe.
    pub(crate) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let _ = write!(
            self.0,
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            px(from.0),
            px(from.1),
            px(to.0),
            px(to.1)
        );
    }

    /// Adds a rectangle with a tooltip; none where `title` is empty.
    pub(crate) fn rect(&mut self, class: &str, corner: (f64, f64), size: (f64, f64), radius: f64, title: &str) {
        let _ = write!(
            self.0,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            px(corner.0),
            px(corner.1),
            px(size.0.max(0.0)),
            px(size.1.max(0.0))
        );
        if radius > 0.0 {
            let _ = write!(self.0, " rx=\"{}\"", px(radius));
        }
        self.close("rect", title);
    }

    /// Adds a circle with a tooltip; none where `title` is empty.
    pub(crate) fn circle(&mut self, class: &str, centre: (f64, f64), radius: f64, title: &str) {
        let _ = write!(
            self.0,
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"",
            px(centre.0),
            px(centre.1),
            px(radius)
        );
        self.close("circle", title);
    }

    fn close(&mut self, element: &str, title: &str) {
        if title.is_empty() {
            self.0.push_str("/>");
        } else {
            let _ = write!(self.0, "><title>{}</title></{element}>", escape(title));
        }
    }

    /// Adds text; `class` may hold `mid` or `end` for its anchor.
    pub(crate) fn text(&mut self, class: &str, at: (f64, f64), text: &str) {
        let _ = write!(self.0, "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>", px(at.0), px(at.1), escape(text));
    }

    /// Adds text cut to `width`; where it was cut, the whole text is its tooltip.
    pub(crate) fn text_within(&mut self, class: &str, at: (f64, f64), text: &str, width: f64) {
        let short = fit(text, width);
        let _ = write!(self.0, "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}", px(at.0), px(at.1), escape(&short));
        if short != text {
            let _ = write!(self.0, "<title>{}</title>", escape(text));
        }
        self.0.push_str("</text>");
    }

    /// Adds a line through points; nothing for none.
    pub(crate) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        if points.is_empty() {
            return;
        }
        let _ = write!(self.0, "<polyline class=\"{class}\" points=\"");
        for (position, (x, y)) in points.iter().enumerate() {
            let _ = write!(self.0, "{}{},{}", if position > 0 { " " } else { "" }, px(*x), px(*y));
        }
        self.0.push_str("\"/>");
    }

    /// Closes the picture.
    pub(crate) fn end(mut self) -> String {
        self.0.push_str("</svg>");
        self.0
    }
}

/// A picture that says why there is none.
pub(crate) fn empty(class: &str, width: f64, height: f64, title: &str, why: &str) -> String {
    let mut svg = Svg::new(class, width, height, title);
    svg.rect("nothing", (0.5, 0.5), (width - 1.0, height - 1.0), 6.0, "");
    svg.text("note mid", (width / 2.0, height / 2.0 + 4.0), why);
    svg.end()
}

/// At most `most` of the items, evenly spread, the first and the last among them.
pub(crate) fn thinned<T: Copy>(items: &[T], most: usize) -> Vec<T> {
    if items.len() <= most || most < 2 {
        return items.iter().copied().take(most.max(1)).collect();
    }
    (0..most).map(|position| items[position * (items.len() - 1) / (most - 1)]).collect()
}
