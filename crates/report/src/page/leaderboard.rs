//! What an automatic search tried: each algorithm with its metric and how much it counts.

use trainyard_core::judgement::Leaderboard;

use super::figures::{Figure, figure};
use crate::{markup::escape, metric, number};

/// The table of one model's leaderboard.
pub(crate) fn of(leaderboard: &Leaderboard) -> Figure {
    let label = metric::label(&leaderboard.metric);
    let mut html = format!(
        "<div class=\"scroll\"><table><caption>What was tried, the best first</caption><thead><tr>\
         <th scope=\"col\">Algorithm</th><th scope=\"col\" class=\"n\">{}</th><th scope=\"col\" class=\"n\">Weight</th>\
         <th scope=\"col\" class=\"n\">Trials</th></tr></thead><tbody>",
        escape(&label)
    );
    for standing in &leaderboard.members {
        let weight = if standing.weight > 0.0 { number::percent(standing.weight) } else { String::new() };
        html.push_str(&format!(
            "<tr><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"n\">{weight}</td><td class=\"n\">{}</td></tr>",
            escape(&standing.member),
            number::significant(standing.value, 5),
            number::count(u64::from(standing.trials)),
        ));
    }
    html.push_str("</tbody></table></div>");
    let timed =
        if leaderboard.timed { " The budget was in seconds: another machine may find another model." } else { "" };
    let note = format!(
        "{} of each alone, and {} together, on folds of the training rows ({}). Chosen as the best, they flatter: the \
         table above has what rows that nobody has seen say.{timed}",
        escape(&label),
        number::significant(leaderboard.value, 5),
        metric::better(&leaderboard.metric).words(),
    );
    figure("Leaderboard", &note, html)
}

#[cfg(test)]
mod tests {
    use trainyard_core::judgement::Standing;

    use super::*;

    #[test]
    fn each_algorithm_is_shown_and_escaped() {
        let standing = |member: &str, value: f64, weight: f64| Standing {
            member: member.to_owned(),
            value,
            weight,
            trials: 4,
            params: serde_json::Value::Null,
        };
        let members = vec![standing("forest", 3.25, 0.75), standing("<b>", f64::NAN, 0.0)];
        let board = Leaderboard { metric: "rmse".to_owned(), value: 3.125, members, timed: true };
        let Figure { note, body, .. } = of(&board);
        assert!(note.0.contains("3.125") && note.0.contains("another machine"), "{}", note.0);
        assert!(body.0.contains("3.25") && body.0.contains("75") && !body.0.contains("<b>"), "{}", body.0);
        assert_eq!(body.0.matches("<tr><td>").count(), 2);
    }
}
