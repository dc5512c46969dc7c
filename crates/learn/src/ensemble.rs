//! Models that predict together: the weighted mean of what each says.
//!
//! Which models, and how much each counts, is found by greedy selection with replacement (Caruana et al. 2004, "Ensemble
//! selection from libraries of models"): again and again, the model that helps most joins, and may join again.

use serde::{Deserialize, Serialize};

use crate::{Columns, Fitted, FittedModel, Prediction};

/// Turns of the greedy selection: weights are multiples of one over the turns that were kept.
const TURNS: u32 = 25;
/// A gain below this share of the loss is none: sums of the same numbers in another order differ as much.
const ROUNDING: f64 = 1e-12;

/// Models whose predictions are averaged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EnsembleModel {
    /// The models.
    pub members: Vec<EnsembleMember>,
}

/// One model of an ensemble.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnsembleMember {
    /// How much it counts, above 0; all together count 1.
    pub weight: f64,
    /// The first of the features that it reads.
    pub first: usize,
    /// How many features it reads.
    pub features: usize,
    /// The model itself.
    pub model: FittedModel,
}

impl EnsembleMember {
    /// Its features among all; those that are not there are left out.
    fn reads<'a>(&self, features: &'a [&'a [f64]]) -> &'a [&'a [f64]] {
        let end = self.first.saturating_add(self.features).min(features.len());
        &features[self.first.min(end)..end]
    }
}

impl Fitted for EnsembleModel {
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let predict = |member: &EnsembleMember| {
            member.model.predict_columns(Columns { features: member.reads(x.features), rows: x.rows })
        };
        let predictions: Vec<Prediction> = self.members.iter().map(predict).collect();
        let weights = self.members.iter().map(|member| member.weight);
        blend(&weights.zip(&predictions).collect::<Vec<(f64, &Prediction)>>())
    }
}

/// The weighted mean of predictions of the same rows; the weights sum to one. A prediction of another form or length
/// than the first is left out.
#[must_use]
pub fn blend(parts: &[(f64, &Prediction)]) -> Prediction {
    let numbers = |prediction: &Prediction| match prediction {
        Prediction::Values(values) => Some((0, values.len())),
        Prediction::Probabilities { classes, values } => Some((*classes, values.len())),
        Prediction::Clusters { .. } => None,
    };
    let Some((classes, length)) = parts.iter().find_map(|(_, part)| numbers(part)) else {
        return Prediction::Values(Vec::new());
    };
    let mut sum = vec![0.0; length];
    for (weight, part) in parts.iter().filter(|(_, part)| numbers(part) == Some((classes, length))) {
        if let Prediction::Values(values) | Prediction::Probabilities { values, .. } = part {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    if classes == 0 { Prediction::Values(sum) } else { Prediction::Probabilities { classes, values: sum } }
}

/// How much each of some predictions of the same rows counts in the mean with the least `loss` that the greedy selection
/// finds: 0 for one that is not in it, all together 1. Never worse than the best of them alone; none where no loss is a
/// number.
pub fn select(predictions: &[&Prediction], loss: impl Fn(&Prediction) -> Option<f64>) -> Option<Vec<f64>> {
    let shares = |counts: &[u32]| -> Vec<f64> {
        let all = counts.iter().sum::<u32>().max(1);
        counts.iter().map(|&count| f64::from(count) / f64::from(all)).collect()
    };
    let judged = |counts: &[u32]| {
        let weighted = shares(counts).into_iter().zip(predictions.iter().copied());
        let parts: Vec<(f64, &Prediction)> = weighted.filter(|(weight, _)| *weight > 0.0).collect();
        loss(&blend(&parts)).filter(|loss| loss.is_finite())
    };
    let mut counts = vec![0; predictions.len()];
    let mut best: Option<(f64, Vec<u32>)> = None;
    for _ in 0..TURNS {
        let mut turn: Option<(f64, usize)> = None;
        for joining in 0..predictions.len() {
            counts[joining] += 1;
            if let Some(loss) = judged(&counts)
                && turn.is_none_or(|(least, _)| loss < least)
            {
                turn = Some((loss, joining));
            }
            counts[joining] -= 1;
        }
        let Some((loss, joining)) = turn else { break };
        counts[joining] += 1;
        if best.as_ref().is_none_or(|(least, _)| least - loss > ROUNDING * least.abs()) {
            best = Some((loss, counts.clone()));
        }
    }
    best.map(|(_, counts)| shares(&counts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Estimator, Feature, FitContext, Matrix, Sample,
        linear::{Linear, Params},
    };

    fn squared(truth: &[f64]) -> impl Fn(&Prediction) -> Option<f64> {
        move |prediction| match prediction {
            Prediction::Values(values) => {
                Some(values.iter().zip(truth).map(|(value, truth)| (value - truth).powi(2)).sum())
            }
            _ => None,
        }
    }

    #[test]
    fn errors_that_cancel_are_found_and_the_useless_stays_out() {
        let truth = [1.0, 2.0, 3.0, 4.0];
        let off = |by: [f64; 4]| Prediction::Values(truth.iter().zip(by).map(|(truth, by)| truth + by).collect());
        // One is twice as far off as the other, on the other side: a third of it and two thirds of the other are exact.
        let all = [off([2.0, -2.0, 2.0, -2.0]), off([-1.0, 1.0, -1.0, 1.0]), off([9.0, 9.0, 9.0, 9.0])];
        let all: Vec<&Prediction> = all.iter().collect();
        let weights = select(&all, squared(&truth)).unwrap();
        assert!((weights[0] - 1.0 / 3.0).abs() < 1e-12 && (weights[1] - 2.0 / 3.0).abs() < 1e-12, "{weights:?}");
        assert_eq!(weights[2], 0.0);
        assert_eq!(select(&all[2..], squared(&truth)), Some(vec![1.0]));
        assert_eq!(select(&all, |_| Some(f64::NAN)), None);
        assert_eq!(select(&[], squared(&truth)), None);
        // Among equals the first, once and alone.
        assert_eq!(select(&[all[0], all[0]], squared(&truth)), Some(vec![1.0, 0.0]));
    }

    #[test]
    fn the_mean_is_never_worse_than_the_best_alone() {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5
        };
        for _ in 0..50 {
            let truth: Vec<f64> = (0..20).map(|_| next()).collect();
            let all: Vec<Prediction> =
                (0..4).map(|_| Prediction::Values(truth.iter().map(|truth| truth + next()).collect())).collect();
            let loss = squared(&truth);
            let all: Vec<&Prediction> = all.iter().collect();
            let weights = select(&all, &loss).unwrap();
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let parts: Vec<(f64, &Prediction)> = weights.into_iter().zip(all.iter().copied()).collect();
            let alone = all.iter().map(|one| loss(one).unwrap()).fold(f64::INFINITY, f64::min);
            assert!(loss(&blend(&parts)).unwrap() <= alone + 1e-12);
        }
    }

    #[test]
    fn each_member_reads_its_own_features_and_rows_stay_apart() {
        let feature = |name: &str, by: usize| Feature {
            name: name.to_owned(),
            values: (0..30).map(|row| (row * by % 17) as f64).collect(),
            levels: None,
        };
        let x = Matrix { features: vec![feature("a", 5), feature("b", 7), feature("c", 11)], rows: 30 };
        let y: Vec<f64> = (0..30).map(f64::from).collect();
        let member = |weight: f64, first: usize, features: usize| {
            let part = Matrix { features: x.features[first..first + features].to_vec(), rows: 30 };
            let sample = Sample::new(&part, &y, 0);
            let model = Linear::fit(&Params::default(), &sample, None, &FitContext::quiet(1)).unwrap();
            EnsembleMember { weight, first, features, model: FittedModel::Linear(model) }
        };
        let members = vec![member(0.25, 0, 3), member(0.5, 1, 2), member(0.25, 0, 1)];
        let ensemble = FittedModel::Ensemble(EnsembleModel { members });
        let FittedModel::Ensemble(model) = &ensemble else { unreachable!() };
        let values = |prediction: Prediction| match prediction {
            Prediction::Values(values) => values,
            other => panic!("{other:?}"),
        };
        let whole = values(ensemble.predict(&x));
        let alone = |at: usize| {
            let member = &model.members[at];
            values(member.model.predict(&Matrix {
                features: x.features[member.first..member.first + member.features].to_vec(),
                rows: 30,
            }))
        };
        let (first, second, third) = (alone(0), alone(1), alone(2));
        for row in 0..30 {
            assert_eq!(whole[row], 0.25 * first[row] + 0.5 * second[row] + 0.25 * third[row]);
            assert_eq!(values(ensemble.predict(&x.take(&[row])))[0].to_bits(), whole[row].to_bits());
        }
        let text = serde_json::to_string(&ensemble).unwrap();
        let back: FittedModel = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
        assert_eq!(values(back.predict(&x)), whole);
        // A package that was tampered with predicts nonsense at worst.
        let none = EnsembleModel::default().predict(&x);
        assert_eq!(none, Prediction::Values(Vec::new()));
        assert!(EnsembleMember { first: usize::MAX, ..model.members[1].clone() }.reads(&x.slices()).is_empty());
    }
}
