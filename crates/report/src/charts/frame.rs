//! The frame of a chart with two axes: grid, ticks, titles. The axis titles stand level at the ends of their axes, with
//! an arrow the way values grow, so that nobody has to tilt their head.

use super::{
    Axis,
    scale::{Scale, ticks},
    svg::{Svg, text_width},
};
use crate::number;

pub(crate) const WIDTH: f64 = 400.0;
pub(crate) const HEIGHT: f64 = 280.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 42.0;
const RIGHT: f64 = 14.0;
const LEGEND_ROW: f64 = 16.0;

/// Where the data go.
pub(crate) struct Frame {
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// Draws the frame for these axes with these ends, and `names` as a legend of lines above it where there are several.
pub(crate) fn draw(
    svg: &mut Svg,
    (x, x_ends): (Axis<'_>, (f64, f64)),
    (y, y_ends): (Axis<'_>, (f64, f64)),
    names: &[&str],
) -> Frame {
    let rows = if names.len() > 1 { legend(svg, names, text_width(y.label)) } else { 0 };
    let y_ticks = ticks(y_ends.0, y_ends.1, 5);
    let widest = y_ticks.iter().map(|(_, text)| text_width(text)).fold(0.0, f64::max);
    let (left, right, top, bottom) =
        (widest.min(90.0) + 10.0, WIDTH - RIGHT, TOP + rows as f64 * LEGEND_ROW, HEIGHT - BOTTOM);
    let frame =
        Frame { x: Scale::new(x_ends, (left, right)), y: Scale::new(y_ends, (bottom, top)), left, right, top, bottom };
    for (value, text) in &y_ticks {
        let at = frame.y.at(*value);
        svg.line("grid", (left, at), (right, at));
        svg.text("tick end", (left - 7.0, at + 4.0), text);
    }
    let mut free_from = 0.0;
    for (value, text) in ticks(frame.x.ends().0, frame.x.ends().1, 6) {
        if x.whole && value.fract() != 0.0 {
            continue;
        }
        let text = if x.whole { number::fixed(value, 0) } else { text };
        let at = frame.x.at(value);
        let half = text_width(&text) / 2.0;
        svg.line("tick-mark", (at, bottom), (at, bottom + 4.0));
        if at - half >= free_from {
            let inside = at.clamp(half, (WIDTH - half).max(half));
            svg.text("tick mid", (inside, bottom + 17.0), &text);
            free_from = at + half + 6.0;
        }
    }
    svg.line("axis", (left, bottom), (right, bottom));
    if !y.label.is_empty() {
        svg.text_within("axis-title", (0.0, 11.0 + rows as f64 * LEGEND_ROW), &format!("↑ {}", y.label), WIDTH);
    }
    if !x.label.is_empty() {
        svg.text_within("axis-title end", (right, HEIGHT - 6.0), &format!("{} →", x.label), WIDTH);
    }
    frame
}

/// Writes the names, each beside a piece of its line, from the right of the top line where they all fit beside the axis
/// title, else on lines of their own above it. Returns how many lines of their own they took.
fn legend(svg: &mut Svg, names: &[&str], title: f64) -> usize {
    const SAMPLE: f64 = 26.0;
    const BETWEEN: f64 = 14.0;
    const WIDEST: f64 = 150.0;
    let width = |name: &str| text_width(name).min(WIDEST) + SAMPLE;
    let all: f64 = names.iter().map(|name| width(name) + BETWEEN).sum();
    let beside = all <= WIDTH - RIGHT - title - 30.0;
    let (mut x, mut row) = (if beside { WIDTH - RIGHT + BETWEEN - all } else { 0.0 }, 0);
    for (position, name) in names.iter().enumerate() {
        if x > 0.0 && !beside && x + width(name) > WIDTH {
            (x, row) = (0.0, row + 1);
        }
        let y = 11.0 + row as f64 * LEGEND_ROW;
        svg.line(&format!("stroke s{}", position + 1), (x + 1.0, y - 4.0), (x + 19.0, y - 4.0));
        svg.text_within("label", (x + SAMPLE, y), name, WIDEST + 8.0);
        x += width(name) + BETWEEN;
    }
    if beside { 0 } else { row + 1 }
}
