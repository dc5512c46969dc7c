//! The pictures that fit the task, each with a sentence that says how to read it.

use trainyard_core::evaluation::{Evaluation, Importance, JudgedModel, Pictures, Task};

use super::judgement;
use crate::{
    charts::{self, Axis, Bar, Curves, HeatMap, Histogram, Scatter, Series},
    markup::{Markup, escape, shorten},
    metric, number,
};

/// Columns of an importance chart.
const MOST_COLUMNS: usize = 20;
/// Classes of a drawn confusion matrix; of more, the worst confusions are listed.
const MOST_CLASSES: usize = 12;
const MOST_CONFUSIONS: usize = 15;

/// A picture with its caption.
pub(crate) struct Figure {
    pub(crate) title: String,
    pub(crate) note: Markup,
    pub(crate) body: Markup,
}

/// The pictures that show all models together, the best first.
pub(crate) fn of_all(evaluation: &Evaluation) -> Vec<Figure> {
    let mut models: Vec<(&String, &JudgedModel)> = evaluation.models.iter().collect();
    models.sort_by_key(|(name, _)| **name != evaluation.best);
    let series = |curve: fn(&Pictures) -> &Vec<[f64; 2]>| -> Vec<Series<'_>> {
        models
            .iter()
            .map(|(name, model)| Series { name: name.as_str(), points: curve(&model.pictures), marked: false })
            .filter(|series| series.points.iter().any(|point| point.iter().all(|value| value.is_finite())))
            .collect()
    };
    let mut figures = Vec::new();
    let chosen = evaluation.models.get(&evaluation.best).and_then(|model| model.details.threshold.as_ref());
    let decided = chosen.map(|threshold| format!("threshold {}", number::significant(threshold.value, 3)));
    let at = |point: Option<[f64; 2]>| point.into_iter().collect::<Vec<[f64; 2]>>();
    let marks = (at(chosen.and_then(|chosen| chosen.roc)), at(chosen.and_then(|chosen| chosen.precision_recall)));
    let positive = evaluation.classes.get(1).map(|class| format!(" for class <code>{}</code>", name(class)));
    let positive = positive.filter(|_| evaluation.task == Task::Binary).unwrap_or_default();
    let mut roc = series(|pictures| &pictures.roc);
    let mark = |points| decided.as_deref().map(|name| Series { name, points, marked: true });
    if !roc.is_empty() {
        roc.extend(mark(&marks.0).filter(|_| !marks.0.is_empty()));
    }
    if !roc.is_empty() {
        let svg = charts::curve(&Curves {
            title: "ROC curve: true positive rate against false positive rate",
            x: Axis::share("false positive rate"),
            y: Axis::share("true positive rate"),
            series: &roc,
            reference: Some([[0.0, 0.0], [1.0, 1.0]]),
            mark: None,
        });
        figures.push(figure(
            "ROC",
            &format!("The nearer the upper left corner the better{positive}; dashed is chance."),
            svg,
        ));
    }
    let mut precision_recall = series(|pictures| &pictures.precision_recall);
    if !precision_recall.is_empty() {
        precision_recall.extend(mark(&marks.1).filter(|_| !marks.1.is_empty()));
    }
    if !precision_recall.is_empty() {
        let share = positive_share(evaluation);
        let svg = charts::curve(&Curves {
            title: "Precision–recall curve: precision against recall",
            x: Axis::share("recall"),
            y: Axis::share("precision"),
            series: &precision_recall,
            reference: share.map(|share| [[0.0, share], [1.0, share]]),
            mark: None,
        });
        let chance = share.map(|share| format!("; dashed is chance, {}", number::percent(share))).unwrap_or_default();
        figures.push(figure(
            "Precision and recall",
            &format!("The nearer the upper right corner the better{chance}."),
            svg,
        ));
    }
    figures.extend(judgement::of_all(evaluation));
    figures
}

/// The pictures of one model.
pub(crate) fn of_model(evaluation: &Evaluation, name: &str, model: &JudgedModel) -> Vec<Figure> {
    let pictures = &model.pictures;
    let mut figures = Vec::new();
    if !pictures.predicted_actual.is_empty() {
        let svg = charts::scatter(&Scatter {
            title: &format!("Actual against predicted {} of {name}", evaluation.target),
            x: Axis::new("predicted"),
            y: Axis::new("actual"),
            points: &pictures.predicted_actual,
            diagonal: true,
        });
        let shown = number::count(pictures.predicted_actual.len().min(600) as u64);
        figures.push(figure(
            "Predicted and actual",
            &format!("{shown} rows; on the dashed line the prediction is right."),
            svg,
        ));
    }
    if !pictures.residuals.is_empty() {
        let svg = charts::histogram(&Histogram {
            title: &format!("Histogram of actual minus predicted {} of {name}", evaluation.target),
            x: Axis::new("actual − predicted"),
            y: Axis::new("rows"),
            bins: &pictures.residuals,
            mark: Some(0.0),
        });
        figures.push(figure("Residuals", "Right of the dashed line the model guessed too low.", svg));
    }
    figures.extend(judgement::of_model(name, model));
    figures.extend(confusion(evaluation, name, &pictures.confusion));
    figures.extend(learning(name, pictures));
    figures.extend(importance(evaluation, name, &model.importance));
    figures
}

fn confusion(evaluation: &Evaluation, model: &str, counts: &[Vec<u64>]) -> Option<Figure> {
    if counts.is_empty() {
        return None;
    }
    if counts.len() <= MOST_CLASSES {
        let svg = charts::heat_map(&HeatMap {
            title: &format!("Confusion matrix of {model}: actual against predicted class"),
            rows: "actual",
            columns: "predicted",
            names: &evaluation.classes,
            counts,
        });
        return Some(figure(
            "Confusion",
            "Rows of each actual class by what was predicted; shares are of the row.",
            svg,
        ));
    }
    let class = |position: usize| {
        evaluation.classes.get(position).map_or_else(|| (position + 1).to_string(), |class| name(class))
    };
    let mut wrong: Vec<(u64, usize, usize)> = counts
        .iter()
        .enumerate()
        .flat_map(|(actual, row)| row.iter().enumerate().map(move |(predicted, rows)| (*rows, actual, predicted)))
        .filter(|(rows, actual, predicted)| *rows > 0 && actual != predicted)
        .collect();
    wrong.sort_by(|one, other| other.0.cmp(&one.0).then((one.1, one.2).cmp(&(other.1, other.2))));
    let mut table = String::from(
        "<div class=\"scroll\"><table><caption class=\"unseen\">Most frequent confusions</caption><thead><tr>\
         <th scope=\"col\">Actual</th><th scope=\"col\">Predicted</th><th scope=\"col\" class=\"n\">Rows</th></tr></thead><tbody>",
    );
    for (rows, actual, predicted) in wrong.iter().take(MOST_CONFUSIONS) {
        table.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
            class(*actual),
            class(*predicted),
            number::count(*rows)
        ));
    }
    if wrong.is_empty() {
        table.push_str("<tr><td colspan=\"3\">No row was given a wrong class.</td></tr>");
    }
    table.push_str("</tbody></table></div>");
    let note = format!("{} classes; the pairs most often mistaken.", number::count(counts.len() as u64));
    Some(figure("Confusion", &note, table))
}

fn learning(model: &str, pictures: &Pictures) -> Option<Figure> {
    let points = |losses: &[f64]| -> Vec<[f64; 2]> {
        losses.iter().enumerate().map(|(position, loss)| [(position + 1) as f64, *loss]).collect()
    };
    let (training, validation) = (points(&pictures.training_loss), points(&pictures.validation_loss));
    if training.len() < 2 && validation.len() < 2 {
        return None;
    }
    let began = validation.first().or(training.first()).map_or(f64::NAN, |point| point[1]);
    let from = steep(&validation, &training);
    let all = [
        Series { name: "validation rows", points: validation.get(from..).unwrap_or_default(), marked: false },
        Series { name: "training rows", points: training.get(from..).unwrap_or_default(), marked: false },
    ];
    let series: Vec<Series<'_>> = all.into_iter().filter(|series| !series.points.is_empty()).collect();
    let lowest = validation
        .iter()
        .skip(from)
        .filter(|point| point[1].is_finite())
        .min_by(|one, other| one[1].total_cmp(&other[1]));
    let text = lowest.map(|point| format!("lowest at {}", number::count(point[0] as u64)));
    let svg = charts::curve(&Curves {
        title: &format!("Learning curve of {model}: loss after each iteration"),
        x: Axis::new("iteration"),
        y: Axis::new("loss"),
        series: &series,
        reference: None,
        mark: lowest.zip(text.as_deref()).map(|(point, text)| (point[0], text)),
    });
    let note = if validation.is_empty() {
        "Loss on the rows it learned from."
    } else {
        "Where the lines part, the model learns its training rows by heart."
    };
    let cut = if from > 0 {
        format!(
            " Shown from iteration {}; the loss began at {}.",
            number::count(from as u64 + 1),
            number::significant(began, 3)
        )
    } else {
        String::new()
    };
    Some(figure("Learning curve", &format!("{note}{cut}"), svg))
}

/// How many iterations to leave out at the start, so that the first steep fall does not flatten all that follows:
/// those before 95 % of it, where it falls to less than a third within the first quarter.
fn steep(validation: &[[f64; 2]], training: &[[f64; 2]]) -> usize {
    let losses = if validation.len() > 1 { validation } else { training };
    let lowest = losses.iter().map(|point| point[1]).filter(|loss| loss.is_finite()).fold(f64::INFINITY, f64::min);
    let Some(first) = losses.first().map(|point| point[1]).filter(|first| *first > 3.0 * lowest && lowest > 0.0) else {
        return 0;
    };
    let low_enough = lowest + 0.05 * (first - lowest);
    losses.iter().position(|point| point[1] <= low_enough).filter(|from| from * 4 <= losses.len()).unwrap_or(0)
}

fn importance(evaluation: &Evaluation, model: &str, importance: &[Importance]) -> Option<Figure> {
    if importance.is_empty() {
        return None;
    }
    let bars: Vec<Bar<'_>> = importance
        .iter()
        .take(MOST_COLUMNS)
        .map(|column| Bar { name: &column.column, value: column.mean, deviation: column.deviation })
        .collect();
    let more = importance.len() - bars.len();
    let rest = if more > 0 {
        format!(" {} less important columns are left out.", number::count(more as u64))
    } else {
        String::new()
    };
    let decides = escape(&metric::label(&evaluation.decided_by));
    Some(figure(
        "Importance",
        &format!("How much worse {decides} gets when a column is shuffled, with its deviation.{rest}"),
        charts::bars(&format!("Permutation importance of the columns for {model}"), &bars),
    ))
}

/// The positive class's share of the rows, from any model's confusion matrix.
fn positive_share(evaluation: &Evaluation) -> Option<f64> {
    let counts = &evaluation.models.values().find(|model| model.pictures.confusion.len() == 2)?.pictures.confusion;
    let [negative, positive] = [0, 1].map(|row: usize| counts[row].iter().map(|rows| *rows as f64).sum::<f64>());
    (negative + positive > 0.0).then(|| positive / (negative + positive))
}

pub(crate) fn figure(title: &str, note: &str, body: String) -> Figure {
    Figure { title: title.to_owned(), note: Markup(note.to_owned()), body: Markup(body) }
}

fn name(class: &str) -> String {
    escape(&shorten(class, 40))
}
