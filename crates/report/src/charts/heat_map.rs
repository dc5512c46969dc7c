//! A matrix of counts, shaded by their share of the row: the confusion of classes.

use super::svg::{Svg, empty, px, text_width};
use crate::{markup::escape, number};

const WIDTH: f64 = 400.0;

/// What [`heat_map`] draws.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeatMap<'a> {
    /// What the picture shows, in words.
    pub title: &'a str,
    /// What the rows are.
    pub rows: &'a str,
    /// What the columns are.
    pub columns: &'a str,
    /// The names of rows and columns alike; missing ones are numbered.
    pub names: &'a [String],
    /// Square: row by row; missing cells count 0.
    pub counts: &'a [Vec<u64>],
}

/// Draws a matrix; best up to a dozen rows.
#[must_use]
pub fn heat_map(map: &HeatMap<'_>) -> String {
    let size = map.counts.len();
    if size == 0 {
        return empty("chart-heat", WIDTH, 60.0, map.title, "nothing to draw");
    }
    let name = |position: usize| map.names.get(position).cloned().unwrap_or_else(|| (position + 1).to_string());
    let names: Vec<String> = (0..size).map(name).collect();
    let widest = names.iter().map(|name| text_width(name)).fold(0.0, f64::max).min(96.0);
    let left = widest.max(text_width(map.rows).min(96.0) + 16.0) + 12.0;
    let cell = ((WIDTH - left) / size as f64).min(150.0);
    let tall = cell.min(64.0);
    // Names over columns narrower than themselves stand upright.
    let upright = names.iter().any(|name| text_width(name) > cell - 4.0);
    let head = if upright { widest.min(96.0) + 10.0 } else { 20.0 } + 18.0;
    let height = head + tall * size as f64 + 2.0;
    let mut svg = Svg::new("chart-heat", WIDTH, height, map.title);
    svg.text_within("axis-title", (left, 11.0), &format!("{} →", map.columns), WIDTH - left);
    svg.text_within("axis-title", (0.0, (head - 6.0).max(24.0)), &format!("↓ {}", map.rows), left);
    for (position, name) in names.iter().enumerate() {
        let middle = left + (position as f64 + 0.5) * cell;
        if upright {
            svg.raw(&format!("<g transform=\"translate({} {}) rotate(-90)\">", px(middle + 4.0), px(head - 6.0)));
            svg.text_within("label", (0.0, 0.0), name, widest + 6.0);
            svg.raw("</g>");
        } else {
            svg.text("label mid", (middle, head - 6.0), name);
        }
        svg.text_within("label end", (left - 8.0, head + (position as f64 + 0.5) * tall + 4.0), name, widest + 6.0);
    }
    for (row, counts) in map.counts.iter().enumerate() {
        let total: f64 = counts.iter().map(|count| *count as f64).sum();
        for column in 0..size {
            let count = counts.get(column).copied().unwrap_or(0);
            let share = if total > 0.0 { count as f64 / total } else { 0.0 };
            let (x, y) = (left + column as f64 * cell, head + row as f64 * tall);
            let tip = format!(
                "{} {}, {} {}: {} ({})",
                map.rows,
                names[row],
                map.columns,
                names[column],
                number::count(count),
                number::percent(share)
            );
            svg.raw("<g>");
            svg.rect("cell-ground", (x + 1.0, y + 1.0), (cell - 2.0, tall - 2.0), 3.0, "");
            if count > 0 {
                svg.raw(&format!(
                    "<rect class=\"cell\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"3\" fill-opacity=\"{:.2}\"/>",
                    px(x + 1.0),
                    px(y + 1.0),
                    px(cell - 2.0),
                    px(tall - 2.0),
                    share.sqrt().mul_add(0.9, 0.1).clamp(0.1, 1.0)
                ));
            }
            let text = number::count(count);
            let middle = (x + cell / 2.0, y + tall / 2.0);
            if text_width(&text) < cell - 2.0 {
                let with_share = tall > 40.0 && cell > 54.0;
                let class = if count == 0 { "cell-text quiet mid" } else { "cell-text mid" };
                svg.text(class, (middle.0, middle.1 + if with_share { -1.0 } else { 4.0 }), &text);
                if with_share {
                    svg.text("cell-share mid", (middle.0, middle.1 + 14.0), &number::percent(share));
                }
            }
            svg.raw(&format!("<title>{}</title></g>", escape(&tip)));
        }
    }
    svg.end()
}
