//! The models judged: the metrics table, the gates, and the pictures.

use askama::Template;
use trainyard_core::evaluation::{Evaluation, Gate};

use super::{
    Section,
    figures::{self, Figure},
    judgement, metrics, render,
};
use crate::{
    Report,
    markup::{Markup, escape, prose},
    metric, number,
};

#[derive(Template)]
#[template(path = "evaluation.html")]
struct View<'a> {
    target: &'a str,
    task: &'static str,
    part: &'a str,
    rows: String,
    unseen: bool,
    decided_by: String,
    legend: String,
    table: Markup,
    gates: Vec<Verdict<'a>>,
    verdicts: Vec<Markup>,
    best: &'a str,
    figures: Vec<Figure>,
    others: Vec<(&'a str, Vec<Figure>)>,
}

struct Verdict<'a> {
    condition: &'a str,
    passed: bool,
    why: Markup,
}

pub(crate) fn sections(report: &Report<'_>) -> Vec<Section> {
    let several = report.evaluations.len() > 1;
    report
        .evaluations
        .iter()
        .enumerate()
        .map(|(position, (step, evaluation))| Section {
            id: if several { format!("models-{}", position + 1) } else { "models".to_owned() },
            title: Markup(if several {
                format!("Models judged by <code>{}</code>", escape(step))
            } else {
                "Models".to_owned()
            }),
            short: if several { format!("Models: {step}") } else { "Models".to_owned() },
            body: body(evaluation),
        })
        .collect()
}

fn body(evaluation: &Evaluation) -> Markup {
    let others = evaluation
        .models
        .iter()
        .filter(|(name, _)| **name != evaluation.best)
        .map(|(name, model)| (name.as_str(), figures::of_model(evaluation, name, model)))
        .filter(|(_, figures)| !figures.is_empty())
        .collect();
    let mut figures = figures::of_all(evaluation);
    if let Some(best) = evaluation.models.get(&evaluation.best) {
        figures.extend(figures::of_model(evaluation, &evaluation.best, best));
    }
    render(&View {
        target: &evaluation.target,
        task: evaluation.task.name(),
        part: &evaluation.part,
        rows: number::count(evaluation.rows),
        unseen: evaluation.part == "test",
        decided_by: metric::label(&evaluation.decided_by),
        legend: metrics::legend(evaluation),
        table: metrics::table(evaluation),
        gates: evaluation.gates.iter().map(verdict).collect(),
        verdicts: judgement::verdicts(evaluation),
        best: &evaluation.best,
        figures,
        others,
    })
}

fn verdict(gate: &Gate) -> Verdict<'_> {
    Verdict { condition: &gate.condition, passed: gate.passed, why: prose(&gate.why) }
}
