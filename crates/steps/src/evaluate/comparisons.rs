//! The best model against every other, and against the registered champion: by a test that fits, in plain words.

use std::{collections::BTreeMap, sync::Arc};

use trainyard_core::{
    Context, Problem, StepError, Warning,
    evaluation::JudgedModel,
    judgement::{Champion, Comparison},
};
use trainyard_learn::metrics::{self, Compared, Direction, Settings, adjusted};
use trainyard_model::Package;

use super::{judge::Predicted, unseen::Unseen};

/// The name of the champion among the models.
pub(super) const CHAMPION: &str = "champion";

/// `name` or `name@alias`.
pub(super) fn name_and_alias(text: &str) -> (&str, &str) {
    text.split_once('@').unwrap_or((text, CHAMPION))
}

/// The registered champion and its package, where there is one that predicts the same thing.
///
/// # Errors
/// When the catalog or the package cannot be read.
pub(super) fn champion(
    text: &str,
    test: &Unseen,
    context: &Context<'_>,
) -> Result<(Champion, Option<Arc<Package>>), StepError> {
    let (name, alias) = name_and_alias(text);
    let mut champion = Champion { name: name.to_owned(), alias: alias.to_owned(), version: None, model: None };
    let Some((version, digest)) = context.models.resolve(name, alias)? else { return Ok((champion, None)) };
    champion.version = Some(version);
    champion.model = Some(digest);
    let artifact = context.models.load(&digest)?;
    let Ok(package) = artifact.value.into_any().downcast::<Package>() else {
        return Err(StepError::new("broken-artifact", format!("version {version} of `{name}` is no model package")));
    };
    let missing = package.features.inputs().into_iter().find(|column| test.table.schema().column(column).is_none());
    let differs = package.signature.task != test.task
        || package.signature.target != test.target
        || package.signature.classes != test.classes;
    let why = match missing {
        Some(column) => Some(format!("reads `{column}`, which the judged rows do not have")),
        None if differs => Some("does not predict the same thing".to_owned()),
        None => None,
    };
    if let Some(why) = why {
        let message = format!("version {version} of `{name}` {why}, so nothing is compared with it");
        context.warn(Warning::new("champion-not-comparable", message));
        return Ok((champion, None));
    }
    Ok((champion, Some(package)))
}

/// Whether a text can name a champion.
pub(super) fn check(text: &str) -> Option<Problem> {
    let (name, alias) = name_and_alias(text);
    let fits = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    };
    (!fits(name) || !fits(alias)).then(|| {
        Problem::error("bad-name", format!("`{text}` names no registered model"))
            .help("write its name, or `name@alias` where the alias is not `champion`")
    })
}

/// The best against each of `others`, by the deciding metric on the judged rows and over the folds that both share.
pub(super) fn compare(
    (best, own): (&str, &Predicted),
    others: &[(&str, &Predicted)],
    judged: &BTreeMap<String, JudgedModel>,
    decided_by: &str,
    test: &Unseen,
    settings: &Settings<'_>,
    warn: &mut dyn FnMut(String),
) -> Vec<Comparison> {
    let direction = metrics::metric(decided_by).map_or(Direction::Higher, |metric| metric.direction);
    let mut on_rows = Vec::new();
    let mut over_folds = Vec::new();
    for (name, other) in others {
        let (one, two) = (own.settings(settings), other.settings(settings));
        let pair = (test.scored(&own.prediction), test.scored(&other.prediction));
        match metrics::models(decided_by, test.task, (&pair.0, &one), (&pair.1, &two)) {
            Ok(found) => on_rows.push((*name, found)),
            Err(error) => warn(format!("`{best}` and `{name}` by `{decided_by}`: {}", error.message)),
        }
        let folds = |model: &str| judged.get(model).and_then(|model| model.resampled.get(decided_by));
        if let (Some(one), Some(two)) = (folds(best), folds(name))
            && one.folds.len() == two.folds.len()
            && one.folds.len() > 1
        {
            let share = 1.0 / (one.folds.len() - 1) as f64;
            if let Ok(found) = metrics::folds(&one.folds, &two.folds, share, settings.level) {
                over_folds.push((*name, found));
            }
        }
    }
    let mut comparisons = Vec::new();
    for family in [on_rows, over_folds] {
        let p: Vec<f64> = family.iter().map(|(_, found)| found.p).collect();
        for ((against, found), p) in family.into_iter().zip(adjusted(&p)) {
            comparisons.push(told(best, against, decided_by, direction, found, p, settings.level));
        }
    }
    comparisons.retain(|comparison| {
        [comparison.difference, comparison.low, comparison.high, comparison.p].iter().all(|number| number.is_finite())
    });
    comparisons
}

fn told(
    best: &str,
    against: &str,
    metric: &str,
    direction: Direction,
    found: Compared,
    p: f64,
    level: f64,
) -> Comparison {
    let where_ = if found.method == "nadeau-bengio" { " over the folds" } else { "" };
    let size = if metric == "bias" { found.difference } else { found.difference.abs() };
    let better = direction.loss(found.difference) < 0.0;
    let verdict = if p >= 1.0 - level {
        format!("`{best}` and `{against}` cannot be told apart by {metric}{where_}")
    } else if direction == Direction::NearZero {
        format!("`{best}` and `{against}` differ by {size:.4} in {metric}{where_}, more than chance")
    } else if better {
        format!("`{best}` is better than `{against}` by {size:.4} {metric}{where_}, more than chance")
    } else {
        format!("`{best}` is worse than `{against}` by {size:.4} {metric}{where_}, more than chance")
    };
    Comparison {
        model: best.to_owned(),
        against: against.to_owned(),
        metric: metric.to_owned(),
        difference: found.difference,
        low: found.low,
        high: found.high,
        level,
        p,
        method: found.method.to_owned(),
        verdict,
    }
}
