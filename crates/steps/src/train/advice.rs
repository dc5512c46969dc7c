//! What a search should make its author think about: a best value at the end of its range, a gain that is no more than
//! chance.

use std::collections::BTreeMap;

use trainyard_core::{
    Warning,
    trial::{Trial, TrialState},
};
use trainyard_learn::{
    Estimator,
    metrics::Direction,
    tuning::{Range, Sampler, edge},
};

use super::{
    algorithm::Algorithm,
    search::Search,
    tune::{fields, with},
};

/// Below this many standard errors a gain may well be chance.
const FEW_ERRORS: f64 = 2.0;

/// Warns about the result of the step's own search.
pub(super) fn warn<A: Algorithm>(
    search: &Search<'_, <A::Estimator as Estimator>::Params>,
    trials: &[Trial],
    best: &Trial,
    metric: &str,
    direction: Direction,
) {
    for (name, range) in &search.space.dimensions {
        let value = best.params.get(name).and_then(serde_json::Value::as_f64);
        if let Some(value) = value
            && let Some((end, upper)) = edge(range, value)
            && goes_on::<A>(search.params, name, range, upper)
        {
            let (which, verb) = if upper { ("upper", "raise") } else { ("lower", "lower") };
            let message = format!(
                "the best `{name}` is {}, at the {which} end of its range ({}); {verb} that end: the best may lie beyond",
                short(value),
                short(end)
            );
            search
                .material
                .context
                .warn(Warning::new("best-at-edge", message).number("value", value).number("end", end));
        }
    }
    if search.tune.sampler == Sampler::Grid || best.number == 0 {
        return;
    }
    let as_written = search.space.point(&fields(search.params)).map(|point| search.space.params(&point));
    let written = trials
        .first()
        .filter(|trial| trial.state == TrialState::Complete && as_written.as_ref() == Some(&trial.params));
    if let Some((gain, errors)) = written.and_then(|written| gain(written, best, direction))
        && errors < FEW_ERRORS
    {
        let message = format!(
            "the best of {} trials is better than the parameters as written by {} in `{metric}`, only {errors:.1} \
             standard errors over the folds: that may be chance; take more folds or rows, or keep them as written",
            trials.len(),
            short(gain)
        );
        let warning =
            Warning::new("tuning-within-noise", message).number("gain", gain).number("standard_errors", errors);
        search.material.context.warn(warning);
    }
}

/// True when the estimator takes values beyond that end: else there is nothing to widen.
fn goes_on<A: Algorithm>(params: &<A::Estimator as Estimator>::Params, name: &str, range: &Range, upper: bool) -> bool {
    let Range::Number { low, high, whole, log, .. } = *range else { return false };
    let beyond = match (upper, whole, log) {
        (true, true, _) => high + 1.0,
        (false, true, _) => low - 1.0,
        (true, false, _) => high + 0.1 * (high - low),
        (false, false, true) => low / 1.1,
        (false, false, false) => low - 0.1 * (high - low),
    };
    let changes = BTreeMap::from([(name.to_owned(), range.value(beyond))]);
    with::<A>(params, &changes).is_ok_and(|params| A::Estimator::check(&params).is_empty())
}

/// By how much the best is better than the parameters as written, and in how many standard errors of the mean over the
/// folds, corrected for folds sharing training rows (Nadeau and Bengio 2003).
fn gain(written: &Trial, best: &Trial, direction: Direction) -> Option<(f64, f64)> {
    let folds = best.folds.len();
    if folds < 3 || written.folds.len() != folds {
        return None;
    }
    let pairs = written.folds.iter().zip(&best.folds);
    let gains: Vec<f64> = pairs.map(|(written, best)| direction.loss(*written) - direction.loss(*best)).collect();
    let count = folds as f64;
    let mean = gains.iter().sum::<f64>() / count;
    let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let error = ((1.0 / count + 1.0 / (count - 1.0)) * variance).sqrt();
    (error > 0.0).then(|| (mean, mean / error))
}

fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    if text.contains('.') && value.abs() >= 0.001 {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(number: u32, folds: &[f64]) -> Trial {
        Trial {
            study: String::new(),
            number,
            params: BTreeMap::new(),
            state: TrialState::Complete,
            metric: String::new(),
            loss: None,
            value: Some(folds.iter().sum::<f64>() / folds.len() as f64),
            folds: folds.to_vec(),
            reports: Vec::new(),
            fitted: serde_json::Value::Null,
            why: None,
            seconds: 0.0,
        }
    }

    #[test]
    fn a_gain_is_measured_against_its_spread_over_the_folds() {
        let written = trial(0, &[3.0, 4.0, 5.0, 6.0]);
        let (mean, errors) = gain(&written, &trial(1, &[2.0, 3.1, 3.9, 5.0]), Direction::Lower).unwrap();
        assert!((mean - 1.0).abs() < 1e-12);
        // Differences 1.0, 0.9, 1.1, 1.0: variance 0.02 / 3, times 1/4 + 1/3.
        assert!((errors - 1.0 / (0.02 / 3.0 * (0.25 + 1.0 / 3.0_f64)).sqrt()).abs() < 1e-9, "{errors}");
        let (_, errors) = gain(&written, &trial(1, &[6.0, 1.0, 2.0, 8.0]), Direction::Lower).unwrap();
        assert!(errors < 1.0, "{errors}");
        assert_eq!(gain(&written, &written, Direction::Lower), None);
        assert_eq!(gain(&trial(0, &[]), &trial(1, &[]), Direction::Lower), None);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([short(0.3), short(127.0), short(1e-6), short(0.0)], ["0.3", "127", "1e-6", "0e0"]);
    }
}
