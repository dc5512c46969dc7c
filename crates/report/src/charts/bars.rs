//! Level bars with their deviation: permutation importance.

use super::{
    scale::{Scale, extent},
    svg::{Svg, empty, px, text_width},
};
use crate::number;

const WIDTH: f64 = 400.0;
const ROW: f64 = 24.0;
const LONGEST_LABEL: f64 = 150.0;

/// A bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its length; may be negative.
    pub value: f64,
    /// Drawn as a whisker on either side of the end; 0 for none.
    pub deviation: f64,
}

/// Draws one bar a row, in the given order, its value at the right. Bars that are not finite are drawn empty.
#[must_use]
pub fn bars(title: &str, bars: &[Bar<'_>]) -> String {
    let deviation = |bar: &Bar<'_>| if bar.deviation.is_finite() { bar.deviation.abs() } else { 0.0 };
    let ends = bars.iter().flat_map(|bar| [bar.value - deviation(bar), bar.value + deviation(bar)]);
    let Some((low, high)) = extent(ends.chain([0.0])).filter(|_| !bars.is_empty()) else {
        return empty("chart-bars", WIDTH, 60.0, title, "nothing to draw");
    };
    // Three digits of the longest bar, four where it has a whole part.
    let magnitude = low.abs().max(high.abs()).max(1e-12).log10().floor();
    let decimals = ((if magnitude < 0.0 { 2.0 } else { 3.0 }) - magnitude).clamp(0.0, 9.0) as usize;
    let texts: Vec<String> = bars
        .iter()
        .map(|bar| {
            if bar.value.abs() >= 1e9 { number::significant(bar.value, 3) } else { number::fixed(bar.value, decimals) }
        })
        .collect();
    let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max);
    let names = widest(&mut bars.iter().map(|bar| text_width(bar.name))).min(LONGEST_LABEL);
    let values = widest(&mut texts.iter().map(|text| text_width(text))).min(90.0);
    let (left, right) = (names + 10.0, WIDTH - values - 10.0);
    let scale = Scale::new((low, high.max(low + f64::MIN_POSITIVE)), (left, right));
    let height = bars.len() as f64 * ROW + 4.0;
    let mut svg = Svg::new("chart-bars", WIDTH, height, title);
    let zero = scale.at(0.0);
    for (position, (bar, text)) in bars.iter().zip(&texts).enumerate() {
        let middle = position as f64 * ROW + ROW / 2.0 + 2.0;
        svg.text_within("label end", (left - 8.0, middle + 4.0), bar.name, names + 2.0);
        svg.text("value end", (WIDTH, middle + 4.0), text);
        if !bar.value.is_finite() {
            continue;
        }
        let end = scale.at(bar.value);
        let tip = format!("{}: {} ± {}", bar.name, text, number::significant(deviation(bar), 2));
        let class = if bar.value < 0.0 { "bar quiet" } else { "bar s1" };
        svg.rect(class, (zero.min(end), middle - 6.0), ((end - zero).abs().max(0.5), 12.0), 2.0, &tip);
        if deviation(bar) > 0.0 {
            let (from, to) = (scale.at(bar.value - deviation(bar)), scale.at(bar.value + deviation(bar)));
            svg.line("whisker", (from, middle), (to, middle));
            for at in [from, to] {
                svg.line("whisker", (at, middle - 3.0), (at, middle + 3.0));
            }
        }
    }
    svg.raw(&format!("<line class=\"axis\" x1=\"{0}\" y1=\"0\" x2=\"{0}\" y2=\"{1}\"/>", px(zero), px(height)));
    svg.end()
}
