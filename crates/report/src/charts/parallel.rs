//! Parallel coordinates: one upright axis a quantity, one line a thing that is compared.

use super::{
    scale::{Scale, extent},
    svg::{Svg, empty, px, text_width},
};
use crate::{markup::escape, number};

const HEIGHT: f64 = 320.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 26.0;
const BETWEEN: f64 = 132.0;
const SIDE: f64 = 66.0;
/// Lines drawn in a colour of their own; further ones are grey.
const COLOURS: usize = 6;
/// Different texts that an axis names.
const MOST_WORDS: usize = 12;

/// A quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Upright<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value for each line; none where the line has none.
    pub values: Vec<Option<Coordinate<'a>>>,
}

/// Where a line crosses an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Coordinate<'a> {
    /// A number.
    Number(f64),
    /// A word, such as the name of a choice.
    Word(&'a str),
}

/// Draws a line for each of `names` across `axes`. A line breaks where it has no value.
#[must_use]
pub fn parallel(title: &str, names: &[&str], axes: &[Upright<'_>]) -> String {
    if axes.len() < 2 || names.is_empty() {
        return empty("chart-parallel", 400.0, 60.0, title, "nothing differs in two or more places");
    }
    let width = 2.0 * SIDE + (axes.len() - 1) as f64 * BETWEEN;
    let bottom = HEIGHT - BOTTOM;
    let mut svg = Svg::new("chart-parallel", width, HEIGHT, title);
    let places: Vec<Vec<Option<f64>>> = axes
        .iter()
        .enumerate()
        .map(|(position, axis)| {
            let x = SIDE + position as f64 * BETWEEN;
            svg.line("axis", (x, TOP), (x, bottom));
            svg.text_within("axis-title mid", (x, 14.0), axis.name, BETWEEN - 12.0);
            let (places, ends) = along(axis, bottom);
            let words = axis.values.iter().flatten().any(|value| matches!(value, Coordinate::Word(_)));
            for (place, text) in ends {
                let above = words || place <= TOP + 1.0;
                let at = if above { place - 9.0 } else { (place + 17.0).min(HEIGHT - 6.0) };
                svg.text_within("tick mid", (x, at), &text, BETWEEN - 16.0);
            }
            places
        })
        .collect();
    for (line, name) in names.iter().enumerate().rev() {
        let class = if line < COLOURS { format!("stroke s{}", line + 1) } else { "faint".to_owned() };
        svg.raw(&format!("<g class=\"line\"><title>{}</title>", escape(name)));
        let mut piece: Vec<(f64, f64)> = Vec::new();
        for (position, of_axis) in places.iter().enumerate() {
            match of_axis.get(line).copied().flatten() {
                Some(y) => piece.push((SIDE + position as f64 * BETWEEN, y)),
                None => svg.polyline(&class, &std::mem::take(&mut piece)),
            }
        }
        svg.polyline(&class, &piece);
        for (position, of_axis) in places.iter().enumerate() {
            if let Some(y) = of_axis.get(line).copied().flatten() {
                let dot = format!("dot s{}", line.min(COLOURS - 1) + 1);
                svg.raw(&format!(
                    "<circle class=\"{dot}\" cx=\"{}\" cy=\"{}\" r=\"3\"/>",
                    px(SIDE + position as f64 * BETWEEN),
                    px(y)
                ));
            }
        }
        svg.raw("</g>");
    }
    svg.end()
}

/// Where each line crosses the axis, and what stands at its ends.
fn along(axis: &Upright<'_>, bottom: f64) -> (Vec<Option<f64>>, Vec<(f64, String)>) {
    let numbers = axis.values.iter().flatten().all(|value| matches!(value, Coordinate::Number(_)));
    if numbers {
        let of = |value: &Option<Coordinate<'_>>| match value {
            Some(Coordinate::Number(value)) if value.is_finite() => Some(*value),
            _ => None,
        };
        let Some((low, high)) = extent(axis.values.iter().filter_map(of)) else {
            return (vec![None; axis.values.len()], Vec::new());
        };
        if low == high {
            let middle = (TOP + bottom) / 2.0;
            let places = axis.values.iter().map(|value| of(value).map(|_| middle)).collect();
            return (places, vec![(middle, number::significant(low, 4))]);
        }
        let scale = Scale::new((low, high), (bottom - 4.0, TOP + 4.0));
        let places = axis.values.iter().map(|value| of(value).map(|value| scale.at(value))).collect();
        return (places, vec![(TOP, number::significant(high, 4)), (bottom, number::significant(low, 4))]);
    }
    let word = |value: &Coordinate<'_>| match value {
        Coordinate::Number(value) => number::significant(*value, 4),
        Coordinate::Word(word) => (*word).to_owned(),
    };
    let mut words: Vec<String> = axis.values.iter().flatten().map(word).collect();
    words.sort();
    words.dedup();
    let place = |word: &String| {
        let at = words.iter().position(|known| known == word).unwrap_or(0) as f64;
        TOP + 12.0 + (bottom - TOP - 16.0) * (at / (words.len().max(2) - 1) as f64)
    };
    let places = axis.values.iter().map(|value| value.as_ref().map(|value| place(&word(value)))).collect();
    let shown = words.iter().take(MOST_WORDS).filter(|word| text_width(word) > 0.0);
    let named = shown.map(|word| (place(word), word.clone())).collect();
    (places, named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_there_is_no_value_and_text_is_escaped() {
        let number = |value| Some(Coordinate::Number(value));
        let axes = [
            Upright { name: "depth", values: vec![number(3.0), number(8.0)] },
            Upright { name: "<kind>", values: vec![Some(Coordinate::Word("a&b")), None] },
            Upright { name: "rmse", values: vec![number(0.5), number(f64::NAN)] },
        ];
        let svg = parallel("Runs", &["one", "two"], &axes);
        assert!(svg.contains("&lt;kind&gt;") && svg.contains("a&amp;b") && !svg.contains("NaN"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 4, "{svg}");
        assert!(parallel("Runs", &[], &axes).contains("nothing differs"));
    }
}
