//! What is told of models beyond their metrics: thresholds, slices, comparisons, calibration and coverage.

use trainyard_core::{
    evaluation::{Evaluation, JudgedModel, Measured},
    judgement::{Calibrated, Covered},
};

use super::{
    figures::{Figure, figure},
    leaderboard,
};
use crate::{
    charts::{
        self, Axis, Curves, Series,
        forest::{Estimate, Forest},
    },
    markup::{Markup, escape, prose, shorten},
    metric, number,
};

/// Slices drawn at most.
const MOST_SLICES: usize = 24;

/// The comparisons in words, the most telling first.
pub(crate) fn verdicts(evaluation: &Evaluation) -> Vec<Markup> {
    evaluation
        .comparisons
        .iter()
        .map(|comparison| {
            let how = match comparison.method.as_str() {
                "mcnemar" => "McNemar's test",
                "delong" => "DeLong's test",
                "paired t" => "paired t test",
                "nadeau-bengio" => "Nadeau and Bengio's corrected t test",
                other => other,
            };
            let p = if comparison.p < 0.0001 {
                "p below 0.0001".to_owned()
            } else {
                format!("p = {}", number::significant(comparison.p, 2))
            };
            let Markup(verdict) = prose(&comparison.verdict);
            Markup(format!(
                "{verdict} <span class=\"sub\">difference {} ({} to {}), {p}, {}</span>",
                number::significant(comparison.difference, 3),
                number::significant(comparison.low, 3),
                number::significant(comparison.high, 3),
                escape(how)
            ))
        })
        .collect()
}

/// The pictures that show the models against each other and the best on parts of the rows.
pub(crate) fn of_all(evaluation: &Evaluation) -> Vec<Figure> {
    [comparisons(evaluation), slices(evaluation)].into_iter().flatten().collect()
}

fn comparisons(evaluation: &Evaluation) -> Option<Figure> {
    let names: Vec<String> = evaluation
        .comparisons
        .iter()
        .map(|comparison| match comparison.method.as_str() {
            "nadeau-bengio" => format!("{} (folds)", comparison.against),
            _ => comparison.against.clone(),
        })
        .collect();
    let rows: Vec<Estimate<'_>> = evaluation
        .comparisons
        .iter()
        .zip(&names)
        .map(|(comparison, name)| Estimate {
            name,
            value: comparison.difference,
            low: comparison.low,
            high: comparison.high,
            marked: false,
        })
        .collect();
    let label = metric::label(&evaluation.decided_by);
    let way = metric::better(&evaluation.decided_by).words();
    let svg = charts::forest(&Forest {
        title: &format!("Difference in {label} between {} and the other models", evaluation.best),
        label: &format!("difference in {label}"),
        rows: &rows,
        reference: Some(0.0),
    });
    let best = escape(&shorten(&evaluation.best, 40));
    let note = format!(
        "{} of <code>{best}</code> minus that of each other, on the same rows ({way}); at the dashed line there is no difference.",
        escape(&label)
    );
    (!rows.is_empty()).then(|| figure("Comparison", &note, svg))
}

fn slices(evaluation: &Evaluation) -> Option<Figure> {
    let whole = evaluation.models.get(&evaluation.best)?.metrics.get(&evaluation.decided_by)?;
    let names: Vec<String> =
        evaluation.slices.iter().map(|slice| format!("{} ({})", slice.name, number::count(slice.rows))).collect();
    let row = |name, measured: &Measured, marked| Estimate {
        name,
        value: measured.value,
        low: measured.low,
        high: measured.high,
        marked,
    };
    let mut rows = vec![row("all rows", whole, false)];
    for (slice, name) in evaluation.slices.iter().zip(&names).take(MOST_SLICES) {
        if let Some(measured) = slice.metrics.get(&evaluation.decided_by) {
            rows.push(row(name, measured, slice.worse));
        }
    }
    if rows.len() < 2 {
        return None;
    }
    let label = metric::label(&evaluation.decided_by);
    let svg = charts::forest(&Forest {
        title: &format!("{label} of {} on parts of the rows", evaluation.best),
        label: &label,
        rows: &rows,
        reference: Some(whole.value),
    });
    let worse = evaluation.slices.iter().filter(|slice| slice.worse).count();
    let found = match worse {
        0 => "none is worse than the other rows by more than chance".to_owned(),
        1 => "the marked one is worse than all other rows, by more than chance".to_owned(),
        _ => format!("the {worse} marked ones are worse than all other rows, by more than chance"),
    };
    let way = metric::better(&evaluation.decided_by).words();
    let note = format!("The dashed line is all rows ({way}); {found}, the number of slices allowed for.");
    Some(figure("Slices", &note, svg))
}

/// The pictures of one model's calibration and coverage.
pub(crate) fn of_model(name: &str, model: &JudgedModel) -> Vec<Figure> {
    let mut figures = Vec::new();
    figures.extend(reliability(name, model));
    figures.extend(model.details.leaderboard.as_ref().map(leaderboard::of));
    figures.extend(model.details.covered.as_ref().map(|covered| coverage(name, covered)));
    figures
}

fn reliability(name: &str, model: &JudgedModel) -> Option<Figure> {
    let points = |bins: &[[f64; 3]]| -> Vec<[f64; 2]> { bins.iter().map(|[told, seen, _]| [*told, *seen]).collect() };
    let (now, calibrated) = (points(&model.pictures.calibration), model.details.calibrated.as_ref());
    let before = calibrated.map(|calibrated| points(&calibrated.curve)).unwrap_or_default();
    if now.is_empty() {
        return None;
    }
    let mut series =
        vec![Series { name: if before.is_empty() { name } else { "calibrated" }, points: &now, marked: true }];
    if !before.is_empty() {
        series.push(Series { name: "as the model has it", points: &before, marked: true });
    }
    let svg = charts::curve(&Curves {
        title: &format!("Calibration of {name}: observed share against predicted probability"),
        x: Axis::share("predicted probability"),
        y: Axis::share("observed share"),
        series: &series,
        reference: Some([[0.0, 0.0], [1.0, 1.0]]),
        mark: None,
    });
    let ece = |measured: &Measured| escape(&metric::with_interval(measured));
    let error = match (calibrated, model.metrics.get("ece")) {
        (Some(Calibrated { method, before, after, .. }), _) => {
            format!(" Calibration error {} before, {} after {} calibration.", ece(before), ece(after), escape(method))
        }
        (None, Some(measured)) => format!(" Calibration error {}.", ece(measured)),
        (None, None) => String::new(),
    };
    Some(figure("Calibration", &format!("On the dashed line, probabilities mean what they say.{error}"), svg))
}

fn coverage(name: &str, covered: &Covered) -> Figure {
    let all = &covered.coverage;
    let mut rows = vec![Estimate {
        name: "all rows",
        value: all.value,
        low: all.low,
        high: all.high,
        marked: all.high < covered.claimed,
    }];
    let names: Vec<String> =
        covered.parts.iter().map(|(name, _, rows)| format!("{name} ({})", number::count(*rows))).collect();
    for ((_, [value, low, high], _), name) in covered.parts.iter().zip(&names).take(MOST_SLICES) {
        rows.push(Estimate { name, value: *value, low: *low, high: *high, marked: *high < covered.claimed });
    }
    let svg = charts::forest(&Forest {
        title: &format!("Share of actual values that the predictions of {name} cover"),
        label: "share covered",
        rows: &rows,
        reference: Some(covered.claimed),
    });
    let (what, unit) = match covered.method.as_str() {
        "lac" | "aps" => ("Sets of classes", "classes on average"),
        _ => ("Intervals", "wide on average"),
    };
    let note = format!(
        "{what} that claim to hold {} of all actual values (dashed) hold {} of them; {} {unit}.",
        number::percent(covered.claimed),
        number::percent(all.value),
        escape(&metric::with_interval(&covered.size))
    );
    figure("Coverage", &note, svg)
}
