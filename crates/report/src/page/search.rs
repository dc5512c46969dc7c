//! The searches over hyperparameters: every trial in pictures, the best in a table.

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::Value;
use trainyard_core::trial::{Trial, TrialState};

use super::{Section, figures::Figure, plural};
use crate::{
    Report,
    charts::{self, Axis, Trials},
    markup::{Markup, escape},
    metric, number,
};

/// Trials in the table.
const MOST_ROWS: usize = 10;
/// Parameters drawn.
const MOST_SLICES: usize = 8;
/// Beyond this ratio of the largest to the least, a parameter is drawn by its powers of ten.
const WIDE: f64 = 30.0;

/// One section for each step that searched.
pub(crate) fn sections(report: &Report<'_>) -> Vec<Section> {
    let several = report.trials.len() > 1;
    report
        .trials
        .iter()
        .enumerate()
        .filter_map(|(position, (step, trials))| {
            let own: Vec<&Trial> = trials.iter().filter(|trial| trial.study.is_empty()).collect();
            let body = body(step, &own)?;
            Some(Section {
                id: if several { format!("search-{}", position + 1) } else { "search".to_owned() },
                title: Markup(format!("Search of <code>{}</code>", escape(step))),
                short: if several { format!("Search: {step}") } else { "Search".to_owned() },
                body,
            })
        })
        .collect()
}

fn body(step: &str, trials: &[&Trial]) -> Option<Markup> {
    let mut complete: Vec<&Trial> =
        trials.iter().filter(|trial| trial.value.is_some() && trial.loss.is_some()).copied().collect();
    let metric = complete.first().map(|trial| metric::label(&trial.metric))?;
    let mut html = format!("<p>{}</p>", escape(&summary(trials)));
    html.push_str("<div class=\"figures\">");
    for figure in figures(step, &complete, &metric) {
        html.push_str(&format!(
            "<figure><figcaption><strong>{}</strong> {}</figcaption>{}</figure>",
            escape(&figure.title),
            figure.note.0,
            figure.body.0
        ));
    }
    html.push_str("</div>");
    complete.sort_by(|one, other| one.loss.partial_cmp(&other.loss).unwrap_or(Ordering::Equal));
    html.push_str(&table(&complete, &metric));
    Some(Markup(html))
}

fn summary(trials: &[&Trial]) -> String {
    let count = |state| trials.iter().filter(|trial| trial.state == state).count();
    let mut text = plural(trials.len(), "trial");
    for (state, word) in [(TrialState::Pruned, "given up early"), (TrialState::Failed, "failed")] {
        if count(state) > 0 {
            text.push_str(&format!(", {} {word}", number::count(count(state) as u64)));
        }
    }
    text.push_str(". The best of many flatters itself: only rows that no trial saw tell how good the model is.");
    text
}

fn figures(step: &str, complete: &[&Trial], metric: &str) -> Vec<Figure> {
    let points: Vec<[f64; 2]> =
        complete.iter().map(|trial| [f64::from(trial.number), trial.value.unwrap_or(f64::NAN)]).collect();
    let mut least = f64::INFINITY;
    let mut best = Vec::new();
    for (trial, point) in complete.iter().zip(&points) {
        let loss = trial.loss.unwrap_or(f64::INFINITY);
        if loss < least {
            least = loss;
            best.push(*point);
        }
    }
    let svg = charts::trials(&Trials {
        title: &format!("Trials of {step}: {metric} of each, and the best so far"),
        x: Axis::new("trial"),
        y: Axis::new(metric),
        points: &points,
        best: &best,
    });
    let note = Markup("Each dot is a trial; the line is the best so far.".to_owned());
    let mut figures = vec![Figure { title: "Trials".to_owned(), note, body: Markup(svg) }];
    for (name, values) in numbers(complete).into_iter().take(MOST_SLICES) {
        let (low, high) =
            values.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), (at, _)| (low.min(*at), high.max(*at)));
        let wide = low > 0.0 && high / low > WIDE;
        let points: Vec<[f64; 2]> =
            values.iter().map(|(at, value)| [if wide { at.log10() } else { *at }, *value]).collect();
        let label = if wide { format!("{name}, as a power of ten") } else { name.clone() };
        let svg = charts::trials(&Trials {
            title: &format!("Trials of {step}: {metric} by {name}"),
            x: Axis::new(&label),
            y: Axis::new(metric),
            points: &points,
            best: &[],
        });
        let note = Markup("Each dot is a trial.".to_owned());
        figures.push(Figure { title: name, note, body: Markup(svg) });
    }
    figures
}

/// The numbers tried of each parameter that has at least two, with the metric.
fn numbers(complete: &[&Trial]) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut found: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for trial in complete {
        for (name, value) in &trial.params {
            if let (Some(at), Some(value)) = (value.as_f64(), trial.value) {
                found.entry(name.clone()).or_default().push((at, value));
            }
        }
    }
    found.retain(|_, values| values.iter().any(|(at, _)| *at != values[0].0));
    found
}

fn table(sorted: &[&Trial], metric: &str) -> String {
    let names: Vec<&String> = sorted.first().map(|trial| trial.params.keys().collect()).unwrap_or_default();
    let mut html = format!(
        "<div class=\"scroll\"><table><caption>The best trials</caption><thead><tr><th scope=\"col\" class=\"n\">Trial\
         </th><th scope=\"col\" class=\"n\">{}</th>",
        escape(metric)
    );
    for name in &names {
        html.push_str(&format!("<th scope=\"col\" class=\"n\">{}</th>", escape(name)));
    }
    html.push_str("<th scope=\"col\" class=\"n\">Time</th></tr></thead><tbody>");
    for trial in sorted.iter().take(MOST_ROWS) {
        let value = trial.value.map_or_else(String::new, |value| number::significant(value, 5));
        html.push_str(&format!("<tr><td class=\"n\">{}</td><td class=\"n\">{value}</td>", trial.number));
        for name in &names {
            let text = trial.params.get(*name).map(shown).unwrap_or_default();
            html.push_str(&format!("<td class=\"n\">{}</td>", escape(&text)));
        }
        html.push_str(&format!("<td class=\"n\">{}</td></tr>", number::seconds(trial.seconds)));
    }
    html.push_str("</tbody></table></div>");
    html
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(value) if value.is_f64() => number::significant(value.as_f64().unwrap_or(f64::NAN), 4),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trial(number: u32, rate: f64, value: Option<f64>) -> Trial {
        Trial {
            study: String::new(),
            number,
            params: BTreeMap::from([("rate".to_owned(), json!(rate)), ("kind".to_owned(), json!("<b>"))]),
            state: if value.is_some() { TrialState::Complete } else { TrialState::Pruned },
            metric: "roc_auc".to_owned(),
            value,
            loss: value.map(|value| -value),
            folds: Vec::new(),
            reports: Vec::new(),
            fitted: Value::Null,
            why: None,
            seconds: 1.5,
        }
    }

    #[test]
    fn a_search_is_shown_best_first_and_escaped() {
        let all = [trial(0, 0.01, Some(0.7)), trial(1, 1.0, None), trial(2, 0.5, Some(0.9)), trial(3, 0.1, Some(0.8))];
        let html = body("boosted", &all.iter().collect::<Vec<_>>()).unwrap().0;
        assert!(html.contains("4 trials, 1 given up early"), "{html}");
        assert!(html.contains("as a power of ten"));
        assert!(!html.contains("<b>"));
        let rows: Vec<&str> = html.split("<tr><td class=\"n\">").skip(1).map(|row| &row[..1]).collect();
        assert_eq!(rows, ["2", "3", "0"]);
        assert!(body("boosted", &[&all[1]]).is_none());
    }
}
