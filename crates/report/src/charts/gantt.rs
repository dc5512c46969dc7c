//! What ran when.

use trainyard_core::record::StepStatus;

use super::{
    dag::status_name,
    scale::{Scale, extent, ticks},
    svg::{Svg, empty, text_width},
};
use crate::number;

const WIDTH: f64 = 400.0;
const ROW: f64 = 22.0;
const TOP: f64 = 22.0;

/// A step's time.
#[derive(Clone, Debug, PartialEq)]
pub struct Span<'a> {
    /// The step's name.
    pub name: &'a str,
    /// Seconds since the run's start.
    pub start: f64,
    /// Seconds it took.
    pub seconds: f64,
    /// How it ended.
    pub status: StepStatus,
}

/// Draws one row a step against seconds since the start.
#[must_use]
pub fn gantt(title: &str, spans: &[Span<'_>]) -> String {
    let sound = |value: f64| if value.is_finite() { value.clamp(0.0, 1e12) } else { 0.0 };
    let spans: Vec<Span<'_>> = spans
        .iter()
        .map(|span| Span { start: sound(span.start), seconds: sound(span.seconds), ..span.clone() })
        .collect();
    let Some((_, last)) = extent(spans.iter().map(|span| span.start + span.seconds)) else {
        return empty("chart-gantt", WIDTH, 60.0, title, "no steps");
    };
    let last = if last > 0.0 { last } else { 0.001 };
    // Axis in the unit its end is read in.
    let (unit, name) = match last {
        l if l < 1.0 => (1e-3, "ms"),
        l if l < 120.0 => (1.0, "s"),
        l if l < 7_200.0 => (60.0, "min"),
        _ => (3_600.0, "h"),
    };
    let names = spans.iter().map(|span| text_width(span.name)).fold(0.0, f64::max).min(120.0);
    let left = names + 12.0;
    let height = TOP + spans.len() as f64 * ROW + 4.0;
    let scale = Scale::new((0.0, last), (left, WIDTH - 8.0));
    let mut svg = Svg::new("chart-gantt", WIDTH, height, title);
    for (value, text) in ticks(0.0, last / unit, 4) {
        let at = scale.at(value * unit);
        svg.line("grid", (at, TOP - 4.0), (at, height));
        let text = if value == 0.0 { text } else { format!("{text} {name}") };
        let half = text_width(&text) / 2.0;
        svg.text("tick mid", (at.min(WIDTH - half), 11.0), &text);
    }
    for (position, span) in spans.iter().enumerate() {
        let middle = TOP + position as f64 * ROW + ROW / 2.0;
        svg.text_within("label end", (left - 8.0, middle + 4.0), span.name, names + 2.0);
        let (from, to) = (scale.at(span.start), scale.at(span.start + span.seconds));
        let tip = format!(
            "{}: {}, {} from {}",
            span.name,
            status_name(span.status),
            number::seconds(span.seconds),
            number::seconds(span.start)
        );
        if span.status == StepStatus::Skipped {
            svg.text("note", (left + 2.0, middle + 4.0), "skipped");
            continue;
        }
        let width = (to - from).max(2.0);
        let from = from.min(WIDTH - 8.0 - width);
        svg.rect(&format!("span {}", status_name(span.status)), (from, middle - 6.0), (width, 12.0), 2.5, &tip);
        let text = match span.status {
            StepStatus::Cached => "cached".to_owned(),
            StepStatus::Failed => format!("failed, {}", number::seconds(span.seconds)),
            StepStatus::Refused => format!("refused, {}", number::seconds(span.seconds)),
            StepStatus::Ran | StepStatus::Skipped => number::seconds(span.seconds),
        };
        let room = text_width(&text) + 8.0;
        if from + width + room < WIDTH {
            svg.text("note", (from + width + 5.0, middle + 4.0), &text);
        } else if from - room > left {
            svg.text("note end", (from - 5.0, middle + 4.0), &text);
        }
    }
    svg.end()
}
