//! What was found out about models: why they predict what they predict, how they bear worse data, how they learn.

use trainyard_core::judgement::{Dependence, Disturbed, Shap, Study};

use super::{
    Section,
    figures::{Figure, figure},
    render,
};
use crate::{
    Report,
    charts::{self, Axis, Bar, Curves, Series, fan::Fan},
    markup::{Markup, escape, shorten},
    metric,
};

/// Features of a SHAP chart.
const MOST_FEATURES: usize = 12;

#[derive(askama::Template)]
#[template(path = "studies.html")]
struct View {
    lead: Markup,
    figures: Vec<Figure>,
}

pub(crate) fn sections(report: &Report<'_>) -> Vec<Section> {
    let of = |(position, (step, study)): (usize, &(String, Study))| {
        let (what, lead, figures) = told(study);
        (!figures.is_empty()).then(|| Section {
            id: format!("study-{}", position + 1),
            title: Markup(format!("{what} (<code>{}</code>)", escape(step))),
            short: format!("{what}: {step}"),
            body: render(&View { lead: Markup(lead), figures }),
        })
    };
    report.studies.iter().enumerate().filter_map(of).collect()
}

fn told(study: &Study) -> (&'static str, String, Vec<Figure>) {
    match study {
        Study::Explanation { model, output, part, metric, importance, dependence, shap } => {
            let mut figures = Vec::new();
            let bars: Vec<Bar<'_>> = importance
                .iter()
                .take(MOST_FEATURES)
                .map(|column| Bar { name: &column.column, value: column.mean, deviation: column.deviation })
                .collect();
            if !bars.is_empty() {
                let label = escape(&metric::label(metric));
                let note = format!("How much worse {label} gets when a column is shuffled, with its deviation.");
                let svg = charts::bars(&format!("Permutation importance of the columns for {model}"), &bars);
                figures.push(figure("Importance", &note, svg));
            }
            figures.extend(shap_bars(model, shap));
            figures.extend(dependence.iter().map(|dependence| dependence_of(output, dependence)));
            let lead = format!(
                "Why <code>{}</code> predicts what it predicts, on the {} part: {}.",
                escape(model),
                escape(part),
                escape(output)
            );
            ("Explanation", lead, figures)
        }
        Study::Robustness { part, metric, models } => {
            let label = metric::label(metric);
            let mut kinds: Vec<&str> = models.values().flatten().map(|disturbed| disturbed.by.as_str()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            let figures = kinds
                .into_iter()
                .map(|kind| {
                    let of = |disturbed: &&Disturbed| disturbed.by == kind;
                    let each = models
                        .iter()
                        .filter_map(|(name, all)| Some((name.as_str(), all.iter().find(of)?)))
                        .map(|(name, found)| (name, &found.steps))
                        .collect::<Vec<_>>();
                    robust(kind, &label, &each)
                })
                .collect();
            let lead = format!(
                "{} on the {} part when its columns get worse ({}).",
                escape(&label),
                escape(part),
                metric::better(metric).words()
            );
            ("Robustness", lead, figures)
        }
        Study::LearningCurve { model, metric, points, repeats } => {
            let line = |at: usize| -> Vec<[f64; 2]> { points.iter().map(|point| [point[0], point[at]]).collect() };
            let (seen, unseen) = (line(1), line(2));
            let svg = charts::curve(&Curves {
                title: &format!("{} of {model} by the number of training rows", metric::label(metric)),
                x: Axis::new("training rows"),
                y: Axis::new(&metric::label(metric)),
                series: &[
                    Series { name: "unseen rows", points: &unseen, marked: true },
                    Series { name: "training rows", points: &seen, marked: true },
                ],
                reference: None,
                mark: None,
            });
            let note = "Where the lines still close in, more rows would help.";
            let lead = format!("Means of {repeats} fits a size of <code>{}</code>.", escape(model));
            ("Learning curve", lead, if points.is_empty() { Vec::new() } else { vec![figure("Rows", note, svg)] })
        }
    }
}

fn shap_bars(model: &str, shap: &[Shap]) -> Option<Figure> {
    let bars: Vec<Bar<'_>> = shap
        .iter()
        .take(MOST_FEATURES)
        .map(|shap| Bar { name: &shap.feature, value: shap.mean, deviation: 0.0 })
        .collect();
    let note = "By how much a feature moves the model's score, on average over the rows, whichever way.";
    let svg = charts::bars(&format!("Mean absolute SHAP value of the features of {model}"), &bars);
    (!bars.is_empty()).then(|| figure("SHAP values", note, svg))
}

fn dependence_of(output: &str, dependence: &Dependence) -> Figure {
    let name = escape(&shorten(&dependence.column, 40));
    if !dependence.levels.is_empty() {
        let bars: Vec<Bar<'_>> = dependence
            .levels
            .iter()
            .zip(&dependence.mean)
            .map(|(level, [_, mean])| Bar { name: level, value: *mean, deviation: 0.0 })
            .collect();
        let svg = charts::bars(&format!("{output} by {}", dependence.column), &bars);
        let note = format!("Mean {} if every row had this <code>{name}</code>.", escape(output));
        return figure("Dependence", &note, svg);
    }
    let svg = charts::fan::fan(&Fan {
        title: &format!("{output} as {} changes", dependence.column),
        x: Axis::new(&dependence.column),
        y: Axis::new(output),
        mean: &dependence.mean,
        rows: &dependence.rows,
        marks: &dependence.deciles,
    });
    let note = format!(
        "As <code>{name}</code> changes and all else stays: the mean, and single rows (faint). Ticks at the bottom are \
         tenths of the data."
    );
    figure("Dependence", &note, svg)
}

fn robust(kind: &str, label: &str, models: &[(&str, &Vec<(f64, trainyard_core::evaluation::Measured)>)]) -> Figure {
    let lines: Vec<(&str, Vec<[f64; 2]>)> = models
        .iter()
        .map(|(name, steps)| (*name, steps.iter().map(|(strength, measured)| [*strength, measured.value]).collect()))
        .collect();
    let series: Vec<Series<'_>> = lines.iter().map(|(name, points)| Series { name, points, marked: true }).collect();
    let (title, axis, note) = match kind {
        "noise" => ("Noise", "noise over the column's deviation", "Normal noise is added to every number."),
        "missing" => ("Missing values", "share of values missing", "Values are taken away from every column."),
        _ => ("Swapped categories", "share of categories swapped", "Categories become another level of their column."),
    };
    let svg = charts::curve(&Curves {
        title: &format!("{label} by {axis}"),
        x: Axis::new(axis),
        y: Axis::new(label),
        series: &series,
        reference: None,
        mark: None,
    });
    figure(title, note, svg)
}
