//! The top of the page: in one sentence what came of the run, then the error if there was one, then the key figures.

use askama::Template;
use trainyard_core::{
    evaluation::{Evaluation, Measured},
    problem::Level,
    record::{ErrorRecord, RunStatus, StepStatus},
};

use super::{plural, render};
use crate::{
    Report,
    markup::{Markup, prose, shorten},
    metric, number,
};

/// Problems shown of one error.
const MOST_PROBLEMS: usize = 50;

#[derive(Template)]
#[template(path = "verdict.html")]
struct Verdict {
    tone: &'static str,
    sign: &'static str,
    headline: Markup,
    details: Vec<Markup>,
    errors: Vec<Failure>,
    facts: Vec<Fact>,
}

struct Failure {
    step: String,
    what: &'static str,
    code: String,
    message: Markup,
    help: Option<Markup>,
    problems: Vec<(String, &'static str, String, Markup, Option<Markup>)>,
    more: usize,
}

struct Fact {
    label: &'static str,
    link: Option<&'static str>,
    value: String,
    note: Option<String>,
}

pub(crate) fn verdict(report: &Report<'_>) -> Markup {
    let run = report.run;
    let judged = report.evaluations.last().map(|(_, evaluation)| *evaluation);
    let mut details = Vec::new();
    let best = judged.and_then(best_sentence);
    let (mut tone, headline) = match run.status {
        RunStatus::Succeeded => match &best {
            Some((sentence, better)) => (if *better { "good" } else { "warn" }, sentence.clone()),
            None => ("good", Markup(format!("All {} done", plural(run.steps.len(), "step")))),
        },
        RunStatus::Failed => ("bad", named_steps(report, StepStatus::Failed, "The run failed")),
        RunStatus::Refused => ("warn", named_steps(report, StepStatus::Refused, "A gate refused")),
        RunStatus::Cancelled => ("warn", Markup("The run was stopped before its end".to_owned())),
        RunStatus::Scheduled => ("calm", Markup("The run has not started".to_owned())),
        RunStatus::Running => ("calm", Markup("The run has not ended, or its process died".to_owned())),
    };
    if let (Some((sentence, _)), false) = (&best, run.status == RunStatus::Succeeded) {
        details.push(Markup(format!("{sentence}.")));
    }
    if let Some(evaluation) = judged {
        let passed = evaluation.gates.iter().filter(|gate| gate.passed).count();
        match evaluation.gates.len() {
            0 => {}
            all if passed == all => details.push(Markup(format!("{} met.", all_gates(all)))),
            // The refusal's own message, right above, names them.
            _ if run.status == RunStatus::Refused && run.steps.iter().any(|step| step.error.is_some()) => {}
            all => {
                tone = if tone == "good" { "warn" } else { tone };
                let missed: Vec<String> = evaluation
                    .gates
                    .iter()
                    .filter(|gate| !gate.passed)
                    .map(|gate| format!("{}: {}", code(&gate.condition), prose(&gate.why)))
                    .collect();
                details.push(Markup(format!("{} of {all} gates not met: {}.", all - passed, missed.join("; "))));
            }
        }
    }
    for (_, release) in &report.releases {
        let alias = release.alias.as_ref().map(|alias| format!(", now {}", code(alias))).unwrap_or_default();
        details.push(Markup(format!("Registered as {} version {}{alias}.", code(&release.name), release.version)));
    }
    let errors = run
        .steps
        .iter()
        .filter_map(|step| {
            let what = if step.status == StepStatus::Refused { "refused" } else { "failed" };
            step.error.as_ref().map(|error| failure(&step.name, what, error))
        })
        .collect();
    let sign = match tone {
        "good" => "M-4.5,.5l3,3.2l6,-7",
        "bad" => "M-3.6,-3.6l7.2,7.2M3.6,-3.6l-7.2,7.2",
        "warn" => "M0,-5v6M0,4.6v.1",
        _ => "M-4,0h.1M0,0h.1M4,0h.1",
    };
    render(&Verdict { tone, sign, headline, details, errors, facts: facts(report) })
}

/// "`boosted` is best: RMSE 3.05 (2.93–3.18) on 1 435 unseen rows, 82 % below the mean baseline", and whether it beats
/// every baseline.
fn best_sentence(evaluation: &Evaluation) -> Option<(Markup, bool)> {
    let measured = evaluation.models.get(&evaluation.best)?.metrics.get(&evaluation.decided_by)?;
    let rows = number::count(evaluation.rows);
    let on = if evaluation.part == "test" {
        format!("{rows} unseen rows")
    } else {
        format!("{rows} rows of the {} part", code(&evaluation.part))
    };
    let is = if evaluation.models.len() > 1 { "is best" } else { "scores" };
    let mut sentence = format!(
        "{} {is}{} <strong>{}\u{202f}{}</strong> on {on}",
        code(&evaluation.best),
        if evaluation.models.len() > 1 { ":" } else { "" },
        crate::markup::escape(&metric::label(&evaluation.decided_by)),
        metric::with_interval(measured),
    );
    let mut beats = true;
    if let Some((baseline, score)) = strongest_baseline(evaluation)
        && let Some((distance, better)) = metric::against(&evaluation.decided_by, measured.value, score.value)
    {
        beats = better;
        sentence.push_str(&format!(", {distance} the {} baseline", crate::markup::escape(&baseline.replace('_', " "))));
    }
    Some((Markup(sentence), beats))
}

/// The baseline that is hardest to beat in the deciding metric.
pub(crate) fn strongest_baseline(evaluation: &Evaluation) -> Option<(&str, &Measured)> {
    let better = metric::better(&evaluation.decided_by);
    evaluation
        .baselines
        .iter()
        .filter_map(|(name, metrics)| Some((name.as_str(), metrics.get(&evaluation.decided_by)?)))
        .filter(|(_, measured)| measured.value.is_finite())
        .min_by(|(_, one), (_, other)| better.badness(one.value).total_cmp(&better.badness(other.value)))
}

fn all_gates(count: usize) -> String {
    match count {
        1 => "The gate is".to_owned(),
        2 => "Both gates are".to_owned(),
        more => format!("All {} gates are", number::count(more as u64)),
    }
}

fn named_steps(report: &Report<'_>, status: StepStatus, otherwise: &str) -> Markup {
    let named: Vec<String> =
        report.run.steps.iter().filter(|step| step.status == status).map(|step| code(&step.name)).collect();
    let verb = if status == StepStatus::Refused { "refused" } else { "failed" };
    Markup(match named.as_slice() {
        [] => otherwise.to_owned(),
        [one] => format!("{one} {verb}"),
        [first, second] => format!("{first} and {second} {verb}"),
        [first, rest @ ..] => format!("{first} and {} {verb}", plural(rest.len(), "other step")),
    })
}

fn failure(step: &str, what: &'static str, error: &ErrorRecord) -> Failure {
    let problems = error
        .problems
        .iter()
        .take(MOST_PROBLEMS)
        .map(|problem| {
            let place = problem.place.as_ref().map_or_else(|| problem.at.join("."), ToString::to_string);
            let severity = if problem.level == Level::Error { "error" } else { "warning" };
            (place, severity, problem.code.clone(), prose(&problem.message), problem.help.as_deref().map(prose))
        })
        .collect();
    Failure {
        step: step.to_owned(),
        what,
        code: error.code.clone(),
        message: prose(&error.message),
        help: error.help.as_deref().map(prose),
        problems,
        more: error.problems.len().saturating_sub(MOST_PROBLEMS),
    }
}

fn facts(report: &Report<'_>) -> Vec<Fact> {
    let run = report.run;
    let with = |status: StepStatus| run.steps.iter().filter(|step| step.status == status).count();
    let parts: Vec<String> = [
        (StepStatus::Ran, "ran"),
        (StepStatus::Cached, "cached"),
        (StepStatus::Failed, "failed"),
        (StepStatus::Refused, "refused"),
        (StepStatus::Skipped, "skipped"),
    ]
    .into_iter()
    .filter(|(status, _)| with(*status) > 0)
    .map(|(status, word)| format!("{} {word}", number::count(with(status) as u64)))
    .collect();
    let cpu: f64 = run.steps.iter().map(|step| step.cost.cpu_seconds).filter(|cpu| cpu.is_finite()).sum();
    let peak = run.steps.iter().map(|step| step.cost.peak_memory).max().unwrap_or(0);
    let warnings = super::warnings::count(report);
    let mut facts = vec![
        Fact {
            label: "Steps",
            link: Some("run"),
            value: number::count(run.steps.len() as u64),
            note: Some(parts.join(", ")).filter(|note| !note.is_empty()),
        },
        Fact {
            label: "Time",
            link: None,
            value: number::seconds(run.seconds),
            note: (cpu > 0.0).then(|| format!("{} CPU", number::seconds(cpu))),
        },
    ];
    if peak > 0 {
        facts.push(Fact { label: "Peak memory", link: None, value: number::bytes(peak), note: None });
    }
    if let Some((_, evaluation)) = report.evaluations.last() {
        facts.push(Fact {
            label: "Models judged",
            link: Some(if report.evaluations.len() > 1 { "models-1" } else { "models" }),
            value: number::count(evaluation.models.len() as u64),
            note: Some(format!("predicting {}", shorten(&evaluation.target, 40))),
        });
    }
    facts.push(Fact {
        label: "Warnings",
        link: (warnings > 0).then_some("warnings"),
        value: number::count(warnings as u64),
        note: (warnings == 0).then(|| "nothing to look at".to_owned()),
    });
    facts
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", crate::markup::escape(text))
}
