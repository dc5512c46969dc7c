//! Naive Bayes: each class by its own distribution of every feature, features taken as independent within a class.
//!
//! Gaussian, Bernoulli and multinomial as in scikit-learn's `GaussianNB`, `BernoulliNB` and `MultinomialNB`. Left to the
//! data, counts that are mostly 0 are multinomial; else each feature by itself is Bernoulli when it has two values and
//! Gaussian when it has more, so that flags and one-hot codes stand beside measurements.

use std::f64::consts::TAU;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Columns, Estimator, Feature, FitContext, Fitted, LearnError, Matrix, Prediction, Sample,
    boosting::{exponential::ln, ranges::Ranges},
    chunks, dense_sample,
    softmax::softmax,
};

/// Hyperparameters of naive Bayes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// The distribution of the features within a class; chosen by the data under `auto`.
    pub distribution: Distribution,
    /// Added to every count, at least 0, so that what was never seen is not impossible; for `bernoulli` and
    /// `multinomial`.
    pub smoothing: f64,
    /// Share of the largest variance of any feature that is added to every variance, above 0; for `gaussian`.
    pub variance_smoothing: f64,
    /// A value above it counts as yes; for `bernoulli`.
    pub threshold: f64,
    /// How probable a class is before anything is known of a row.
    pub prior: Prior,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            distribution: Distribution::Auto,
            smoothing: 1.0,
            variance_smoothing: 1e-9,
            threshold: 0.0,
            prior: Prior::Learned,
        }
    }
}

/// The distribution of a feature within a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// What suits the data.
    #[default]
    Auto,
    /// Numbers around a mean.
    Gaussian,
    /// Yes or no.
    Bernoulli,
    /// Counts, such as those of words: numbers of at least 0. Needs `features.scale: none`.
    Multinomial,
}

/// How probable a class is before anything is known of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// Its share of the training rows.
    #[default]
    Learned,
    /// As probable as any other.
    Uniform,
}

/// Naive Bayes.
#[derive(Clone, Copy, Debug)]
pub struct NaiveBayes;

/// The distributions of a fitted naive Bayes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NaiveBayesModel {
    /// Number of classes of the target.
    pub classes: usize,
    /// The classes among the training rows, ascending; the others have probability 0.
    pub present: Vec<usize>,
    /// The logarithm of each present class's prior probability.
    pub priors: Vec<f64>,
    /// Each feature's likelihood.
    pub features: Vec<Likelihood>,
}

/// The distribution of one feature, with one number a present class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likelihood {
    /// A normal distribution.
    Gaussian {
        /// Its mean.
        means: Vec<f64>,
        /// Its variance.
        variances: Vec<f64>,
    },
    /// Above the threshold or not.
    Bernoulli {
        /// Above it counts as yes.
        threshold: f64,
        /// Logarithm of the probability of yes.
        yes: Vec<f64>,
        /// Logarithm of the probability of no.
        no: Vec<f64>,
    },
    /// So many of the class's counts.
    Multinomial {
        /// Logarithm of the feature's share of the class's counts.
        shares: Vec<f64>,
    },
}

impl Estimator for NaiveBayes {
    const NAME: &'static str = "naive-bayes";
    type Params = Params;
    type Model = NaiveBayesModel;

    fn check(params: &Params) -> Vec<LearnError> {
        let mut ranges = Ranges::default();
        ranges.at_least_zero("smoothing", params.smoothing);
        ranges.above_zero("variance_smoothing", params.variance_smoothing);
        if !params.threshold.is_finite() {
            ranges.add("threshold", &params.threshold, "a finite number");
        }
        ranges.problems
    }

    fn fit(
        params: &Params,
        train: &Sample<'_>,
        _validation: Option<&Sample<'_>>,
        context: &FitContext<'_>,
    ) -> Result<NaiveBayesModel, LearnError> {
        let weights = dense_sample::guarded::<Self>(params, train)?;
        if train.classes < 2 {
            return Err(LearnError {
                code: "wrong-task",
                message: format!("`{}` predicts classes, and the target holds numbers", Self::NAME),
                help: Some("use `linear` or `knn` for numbers".to_owned()),
                field: None,
            });
        }
        let present = dense_sample::present_classes(train, &weights)?;
        let places = dense_sample::places(train.y, &present);
        let by_class = ByClass::new(&places, present.len(), weights);
        let count = present.len() as f64;
        let all: f64 = by_class.totals.iter().sum();
        let priors = by_class.totals.iter().map(|&total| match params.prior {
            Prior::Learned => ln(total / all),
            Prior::Uniform => -ln(count),
        });
        let priors = priors.collect();
        let features = chunks::on(context.threads, || likelihoods(params, train.x, &by_class))?;
        Ok(NaiveBayesModel { classes: train.classes, present, priors, features })
    }
}

/// The rows' classes and weights.
struct ByClass<'a> {
    places: &'a [u32],
    weights: Vec<f64>,
    totals: Vec<f64>,
}

impl<'a> ByClass<'a> {
    fn new(places: &'a [u32], classes: usize, weights: Vec<f64>) -> Self {
        let mut this = Self { places, weights, totals: vec![0.0; classes] };
        this.totals = this.sums(|_| 1.0);
        this
    }

    /// The weighted sum within each class of what `term` makes of a row.
    fn sums(&self, term: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.totals.len()];
        for (row, (&place, weight)) in self.places.iter().zip(&self.weights).enumerate() {
            sums[place as usize] += weight * term(row);
        }
        sums
    }

    fn means(&self, term: impl Fn(usize) -> f64) -> Vec<f64> {
        self.sums(term).iter().zip(&self.totals).map(|(sum, total)| sum / total).collect()
    }
}

fn likelihoods(params: &Params, x: &Matrix, by_class: &ByClass<'_>) -> Result<Vec<Likelihood>, LearnError> {
    let count = x.features.len();
    let of = |work: &(dyn Fn(&Feature) -> Likelihood + Sync)| chunks::map(count, 1, |at| work(&x.features[at.start]));
    match params.distribution {
        Distribution::Multinomial => multinomial(params, x, by_class),
        Distribution::Auto if sparse_counts(x) => multinomial(params, x, by_class),
        Distribution::Bernoulli => Ok(of(&|feature| bernoulli(params, feature, params.threshold, by_class))),
        Distribution::Gaussian | Distribution::Auto => {
            let added = params.variance_smoothing * largest_variance(x, &by_class.weights);
            let added = if added > 0.0 { added } else { params.variance_smoothing };
            Ok(of(&|feature| match two_values(&feature.values) {
                Some([low, high]) if params.distribution == Distribution::Auto => {
                    bernoulli(params, feature, low + (high - low) / 2.0, by_class)
                }
                _ => gaussian(feature, added, by_class),
            }))
        }
    }
}

/// The largest variance of any feature over all rows with weight, as scikit-learn measures it for its smoothing.
fn largest_variance(x: &Matrix, weights: &[f64]) -> f64 {
    let variance = |feature: &Feature| {
        let values = || feature.values.iter().zip(weights).filter(|(_, weight)| **weight > 0.0).map(|(value, _)| value);
        let count = values().count() as f64;
        let mean = values().sum::<f64>() / count;
        values().map(|value| (value - mean).powi(2)).sum::<f64>() / count
    };
    chunks::map(x.features.len(), 1, |at| variance(&x.features[at.start])).into_iter().fold(0.0, f64::max)
}

/// Whole numbers of at least 0, mostly 0, and some above 1.
fn sparse_counts(x: &Matrix) -> bool {
    let mut zeros = 0;
    let mut several = false;
    for value in x.features.iter().flat_map(|feature| &feature.values) {
        if *value < 0.0 || value.fract() != 0.0 {
            return false;
        }
        zeros += usize::from(*value == 0.0);
        several |= *value > 1.0;
    }
    several && zeros * 2 > x.features.len() * x.rows
}

fn two_values(values: &[f64]) -> Option<[f64; 2]> {
    let first = *values.first()?;
    let other = *values.iter().find(|&&value| value != first)?;
    values.iter().all(|&value| value == first || value == other).then(|| [first.min(other), first.max(other)])
}

fn gaussian(feature: &Feature, added: f64, by_class: &ByClass<'_>) -> Likelihood {
    let means = by_class.means(|row| feature.values[row]);
    let mean = |row: usize| means[by_class.places[row] as usize];
    let squares = by_class.means(|row| (feature.values[row] - mean(row)).powi(2));
    let variances = squares.iter().map(|variance| variance + added).collect();
    Likelihood::Gaussian { means, variances }
}

fn bernoulli(params: &Params, feature: &Feature, threshold: f64, by_class: &ByClass<'_>) -> Likelihood {
    let smoothing = params.smoothing.max(1e-10);
    let counts = by_class.sums(|row| f64::from(u8::from(feature.values[row] > threshold)));
    let logarithms = |yes: bool| {
        let share = |(count, total): (&f64, &f64)| {
            let count = if yes { *count } else { total - count };
            ln(count + smoothing) - ln(total + 2.0 * smoothing)
        };
        counts.iter().zip(&by_class.totals).map(share).collect()
    };
    Likelihood::Bernoulli { threshold, yes: logarithms(true), no: logarithms(false) }
}

fn multinomial(params: &Params, x: &Matrix, by_class: &ByClass<'_>) -> Result<Vec<Likelihood>, LearnError> {
    if let Some(feature) = x.features.iter().find(|feature| feature.values.iter().any(|&value| value < 0.0)) {
        return Err(LearnError {
            code: "negative-count",
            message: format!("`multinomial` counts, and `{}` holds numbers below 0", feature.name),
            help: Some("set `features.scale: none` where it holds counts, else use `gaussian`".to_owned()),
            field: Some("distribution"),
        });
    }
    let smoothing = params.smoothing.max(1e-10);
    let counts = chunks::map(x.features.len(), 1, |at| by_class.sums(|row| x.features[at.start].values[row]));
    let mut totals = vec![smoothing * x.features.len() as f64; by_class.totals.len()];
    for counts in &counts {
        totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
    }
    let shares = |counts: &Vec<f64>| Likelihood::Multinomial {
        shares: counts.iter().zip(&totals).map(|(count, total)| ln(count + smoothing) - ln(*total)).collect(),
    };
    Ok(counts.iter().map(shares).collect())
}

impl Likelihood {
    /// Adds the logarithm of the likelihood of each value under each class: `scores[row * classes + class]`.
    fn add(&self, values: &[f64], classes: usize, scores: &mut [f64]) {
        let rows = values.iter().zip(scores.chunks_exact_mut(classes));
        match self {
            Self::Gaussian { means, variances } => {
                let constants: Vec<f64> = variances.iter().map(|variance| -0.5 * ln(TAU * variance)).collect();
                for (value, scores) in rows {
                    for (class, score) in scores.iter_mut().enumerate() {
                        let off = value - means[class];
                        *score += constants[class] - off * off / (2.0 * variances[class]);
                    }
                }
            }
            Self::Bernoulli { threshold, yes, no } => {
                for (value, scores) in rows {
                    // A missing number is neither: the row keeps its NaN.
                    let likely = if value > threshold { yes } else { no };
                    scores.iter_mut().zip(likely).for_each(|(score, likely)| *score += likely + 0.0 * value);
                }
            }
            Self::Multinomial { shares } => {
                for (value, scores) in rows {
                    scores.iter_mut().zip(shares).for_each(|(score, share)| *score += value * share);
                }
            }
        }
    }
}

impl Fitted for NaiveBayesModel {
    /// A row with a missing number gets NaN.
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        let known = self.present.len().max(1);
        let mut scores: Vec<f64> = (0..x.rows).flat_map(|_| &self.priors).copied().collect();
        for (feature, likelihood) in x.features.iter().zip(&self.features) {
            likelihood.add(feature, known, &mut scores);
        }
        let mut values = vec![0.0; x.rows * self.classes];
        for (scores, probabilities) in scores.chunks_exact_mut(known).zip(values.chunks_exact_mut(self.classes.max(1)))
        {
            softmax(scores);
            for (&class, share) in self.present.iter().zip(scores) {
                probabilities[class] = *share;
            }
        }
        Prediction::Probabilities { classes: self.classes, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference_data::{QUERIES, ROWS, THREE, TWO, WEIGHTS, columns, digits_accuracy, matrix, near, of_rows};

    fn fit(params: &Params, x: &Matrix, y: &[f64], classes: usize, weights: Option<&[f64]>) -> NaiveBayesModel {
        NaiveBayes::fit(params, &Sample { x, y, classes, weights, groups: None }, None, &FitContext::quiet(0)).unwrap()
    }

    fn check(model: &NaiveBayesModel, x: &Matrix, expected: &[f64]) {
        let Prediction::Probabilities { values, .. } = model.predict(x) else { panic!("classes") };
        near(&values, expected, 1e-9);
    }

    /// scikit-learn 1.9.1, by `bench/reference/estimators.py`.
    #[test]
    fn agrees_with_scikit_learn() {
        let x = matrix(&columns());
        let queries = of_rows(&QUERIES[..3]);
        let with = |distribution| Params { distribution, ..Params::default() };
        let expected = [
            0.6493762720304033,
            0.3506237279695967,
            0.08389062691547391,
            0.9161093730845263,
            0.9655977700246232,
            0.034402229975376314,
        ];
        check(&fit(&with(Distribution::Gaussian), &x, &TWO, 2, None), &queries, &expected);
        // Measurements are Gaussian by themselves.
        check(&fit(&with(Distribution::Auto), &x, &TWO, 2, None), &queries, &expected);
        let expected = [
            0.2447822299272166,
            0.7552174431380954,
            3.269346878939618e-07,
            0.9963651522913631,
            0.0036335759169272546,
            1.2717917091789323e-06,
            0.00981101881110599,
            0.9901889811888931,
            9.894225084273925e-16,
        ];
        check(&fit(&with(Distribution::Gaussian), &x, &THREE, 3, Some(&WEIGHTS)), &queries, &expected);
        let expected = [
            0.43745420232548493,
            0.3704859046855341,
            0.1920598929889809,
            0.6562836649213303,
            0.055581554831608995,
            0.28813478024706085,
            0.08459146957063121,
            0.8596999722289339,
            0.0557085582004349,
        ];
        check(&fit(&with(Distribution::Bernoulli), &x, &THREE, 3, None), &queries, &expected);
        let counts = of_rows(&ROWS.map(|row| row.map(|value| (value * 2.0).round_ties_even().abs())));
        let params = Params { smoothing: 0.5, ..with(Distribution::Multinomial) };
        let expected = [
            0.6541619998796073,
            0.345838000120393,
            0.6837309981547999,
            0.31626900184520007,
            0.7849649396013113,
            0.21503506039868828,
        ];
        check(&fit(&params, &counts, &TWO, 2, Some(&WEIGHTS)), &counts.take(&[0, 1, 2]), &expected);
    }

    #[test]
    fn digits_are_scikit_learns() {
        let params = Params { distribution: Distribution::Gaussian, ..Params::default() };
        let made = |train: &Sample<'_>| NaiveBayes::fit(&params, train, None, &FitContext::quiet(0)).unwrap();
        let Some(accuracy) = digits_accuracy(made) else { return };
        near(&[accuracy], &[0.8277777777777777], 1e-12);
    }

    #[test]
    fn the_data_choose_the_distribution() {
        let y = [0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
        let of = |columns: &[Vec<f64>]| fit(&Params::default(), &matrix(columns), &y, 2, None).features;
        let flag = vec![-1.0, 2.5, -1.0, 2.5, -1.0, -1.0];
        let found = of(&[flag, vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6]]);
        assert!(matches!(found[0], Likelihood::Bernoulli { threshold: 0.75, .. }), "{found:?}");
        assert!(matches!(found[1], Likelihood::Gaussian { .. }));
        let counts = vec![0.0, 0.0, 3.0, 0.0, 1.0, 0.0];
        assert!(matches!(of(&[counts])[0], Likelihood::Multinomial { .. }));
    }

    #[test]
    fn what_it_cannot_learn_is_refused() {
        let x = matrix(&columns());
        let code = |params: &Params, y: &[f64], classes| {
            let sample = Sample { x: &x, y, classes, weights: None, groups: None };
            NaiveBayes::fit(params, &sample, None, &FitContext::quiet(0)).unwrap_err().code
        };
        assert_eq!(
            code(&Params { distribution: Distribution::Multinomial, ..Params::default() }, &TWO, 2),
            "negative-count"
        );
        assert_eq!(code(&Params::default(), &TWO, 0), "wrong-task");
        assert_eq!(code(&Params { variance_smoothing: 0.0, ..Params::default() }, &TWO, 2), "parameter-out-of-range");
    }
}
