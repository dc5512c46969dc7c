//! The data, column by column.

use askama::Template;
use trainyard_core::{
    profile::{ColumnProfile, NumberProfile, Profile},
    schema::ColumnType,
};

use super::{Section, plural, render};
use crate::{
    Report, charts, date,
    markup::{Markup, escape, shorten},
    number,
};

/// Columns shown before the rest is folded away.
const OPEN: usize = 40;
/// Frequent values named of a column.
const MOST_VALUES: usize = 3;

#[derive(Template)]
#[template(path = "profile.html")]
struct View {
    label: String,
    rows: String,
    columns: String,
    duplicates: String,
    open: Vec<Row>,
    folded: Vec<Row>,
    folded_label: String,
}

struct Row {
    name: String,
    column_type: String,
    notes: Vec<String>,
    picture: Option<Markup>,
    missing: String,
    distinct: String,
    numbers: Option<[String; 6]>,
    values: Vec<(String, String)>,
}

pub(crate) fn sections(report: &Report<'_>) -> Vec<Section> {
    let several = report.profiles.len() > 1;
    report
        .profiles
        .iter()
        .enumerate()
        .map(|(position, (step, profile))| Section {
            id: if several { format!("data-{}", position + 1) } else { "data".to_owned() },
            title: Markup(format!("Data of <code>{}</code>", escape(step))),
            short: if several { format!("Data: {step}") } else { "Data".to_owned() },
            body: body(step, profile),
        })
        .collect()
}

pub(crate) fn body(step: &str, profile: &Profile) -> Markup {
    let mut open: Vec<Row> = profile.columns.iter().map(|column| row(profile.rows, column)).collect();
    let folded = open.split_off(open.len().min(OPEN));
    render(&View {
        label: format!("Columns of {step}"),
        rows: number::count(profile.rows),
        columns: plural(profile.columns.len(), "column"),
        duplicates: match profile.duplicate_rows {
            0 => "no row twice".to_owned(),
            1 => "1 row repeats an earlier one".to_owned(),
            more => format!("{} rows repeat an earlier one", number::count(more)),
        },
        open,
        folded_label: plural(folded.len(), "more column"),
        folded,
    })
}

fn row(rows: u64, column: &ColumnProfile) -> Row {
    let share = |part: u64| if rows == 0 { 0.0 } else { part as f64 / rows as f64 };
    let mut notes = Vec::new();
    if rows > 0 && column.nulls < rows && column.distinct == 1 {
        notes.push("constant".to_owned());
    }
    if column.distinct_exact && rows > 1 && column.distinct == rows && column.column_type != ColumnType::Float {
        notes.push("every value differs".to_owned());
    }
    if let Some(number) = &column.number {
        if number.not_finite > 0 {
            notes.push(format!("{} not finite", number::count(number.not_finite)));
        }
        if share(number.zeros) >= 0.5 {
            notes.push(format!("{} zeros", number::percent(share(number.zeros))));
        }
    }
    if let Some((shortest, longest)) = column.lengths.filter(|_| column.number.is_none()) {
        let range = if shortest == longest {
            number::count(longest)
        } else {
            format!("{}–{}", number::count(shortest), number::count(longest))
        };
        notes.push(format!("{range} characters"));
    }
    Row {
        name: shorten(&column.name, 60),
        column_type: column.column_type.to_string(),
        notes,
        picture: picture(column),
        missing: if column.nulls == 0 {
            "0".to_owned()
        } else {
            format!("{} ({})", number::count(column.nulls), number::percent(share(column.nulls)))
        },
        distinct: format!("{}{}", if column.distinct_exact { "" } else { "≈\u{202f}" }, number::count(column.distinct)),
        numbers: column
            .number
            .as_ref()
            .filter(|_| column.nulls < rows)
            .map(|number| numbers(column.column_type, number)),
        values: column
            .top
            .iter()
            .take(MOST_VALUES)
            .map(|(value, rows)| {
                let shown = if value.trim().is_empty() { "(blank)".to_owned() } else { shorten(value, 24) };
                (shown, number::percent(share(*rows)))
            })
            .collect(),
    }
}

fn picture(column: &ColumnProfile) -> Option<Markup> {
    if let Some(number) = column.number.as_ref().filter(|number| !number.histogram.is_empty()) {
        return Some(Markup(charts::spark_bars(&format!("Histogram of {}", column.name), &number.histogram)));
    }
    let bins: Vec<[f64; 3]> = column
        .top
        .iter()
        .take(12)
        .enumerate()
        .map(|(position, (_, rows))| [position as f64, position as f64 + 1.0, *rows as f64])
        .collect();
    (!bins.is_empty())
        .then(|| Markup(charts::spark_bars(&format!("Rows of the most frequent values of {}", column.name), &bins)))
}

/// Minimum, 5 %, median, 95 %, maximum, mean ± deviation.
fn numbers(column_type: ColumnType, profile: &NumberProfile) -> [String; 6] {
    let text = |value: f64| match column_type {
        ColumnType::Date => date::day(value),
        ColumnType::Timestamp => date::minute(value),
        _ => number::significant(value, 4),
    };
    let [_, five, _, median, _, ninety_five, _] = profile.quantiles;
    let mean = match column_type {
        ColumnType::Date | ColumnType::Timestamp => text(profile.mean),
        _ => format!("{} ± {}", text(profile.mean), number::significant(profile.deviation, 3)),
    };
    [text(profile.min), text(five), text(median), text(ninety_five), text(profile.max), mean]
}
