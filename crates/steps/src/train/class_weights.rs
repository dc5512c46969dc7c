//! Weights of classes: how much a row counts besides its own weight, by the class it is of.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor},
};
use trainyard_core::{Problem, StepError};

/// How much the rows of each class count.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ClassWeights {
    /// `balanced`: all classes count the same in sum.
    Named(Balanced),
    /// A weight a class, such as `{yes: 5}`; a class that is not named counts 1.
    Each(BTreeMap<String, f64>),
}

/// The one named way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Balanced {
    /// Rows over (classes times rows of the class), by weight: scikit-learn's `class_weight="balanced"`.
    Balanced,
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ClassWeights;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`balanced` or a weight a class, such as `{yes: 5, no: 1}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ClassWeights, E> {
                match text {
                    "balanced" => Ok(ClassWeights::Named(Balanced::Balanced)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClassWeights, A::Error> {
                let mut weights = BTreeMap::new();
                while let Some((class, weight)) = map.next_entry::<String, f64>()? {
                    if !(weight.is_finite() && weight >= 0.0) {
                        let message = format!("the weight of class `{class}` is {weight}, expected at least 0");
                        return Err(de::Error::custom(message));
                    }
                    weights.insert(class, weight);
                }
                Ok(ClassWeights::Each(weights))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The factor of each class, from the training rows' class codes `y` and their weights; none where all count alike.
///
/// # Errors
/// `no-classes` where the target is a number, `unknown-class` for a class the target has not.
pub fn factors(
    asked: Option<&ClassWeights>,
    y: &[f64],
    weights: Option<&[f64]>,
    classes: &[String],
) -> Result<Option<Vec<f64>>, StepError> {
    let Some(asked) = asked else { return Ok(None) };
    let at = |problem: Problem| Err(StepError::problems(vec![problem.at(["class_weights"])]));
    if classes.is_empty() {
        let problem = Problem::error("no-classes", "the target is a number, so there are no classes to weigh");
        return at(problem.help("weigh rows by a column instead: `weights: …`"));
    }
    match asked {
        ClassWeights::Each(named) => {
            if let Some(stranger) = named.keys().find(|name| !classes.contains(name)) {
                return at(Problem::unknown("unknown-class", "class", stranger, classes.iter().map(String::as_str)));
            }
            Ok(Some(classes.iter().map(|class| named.get(class).copied().unwrap_or(1.0)).collect()))
        }
        ClassWeights::Named(Balanced::Balanced) => {
            let mut sums = vec![0.0; classes.len()];
            for (row, &code) in y.iter().enumerate() {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "codes are small and known"
                )]
                let class = code as usize;
                sums[class] += weights.map_or(1.0, |weights| weights[row]);
            }
            let total: f64 = sums.iter().sum();
            let met = sums.iter().filter(|sum| **sum > 0.0).count();
            // a class no training row is of has nothing to weigh
            Ok(Some(sums.iter().map(|&sum| if sum > 0.0 { total / (met as f64 * sum) } else { 1.0 }).collect()))
        }
    }
}

/// The rows' weights times the factors of their classes.
#[must_use]
pub fn apply(weights: Option<Vec<f64>>, y: &[f64], factors: &[f64]) -> Vec<f64> {
    let mut weights = weights.unwrap_or_else(|| vec![1.0; y.len()]);
    for (weight, &code) in weights.iter_mut().zip(y) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "codes are small and known")]
        let class = code as usize;
        *weight *= factors.get(class).copied().unwrap_or(1.0);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ClassWeights, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    fn classes() -> Vec<String> {
        ["no", "yes"].map(str::to_owned).to_vec()
    }

    #[test]
    fn balanced_is_scikit_learns() {
        // scikit-learn 1.9.1: compute_class_weight("balanced", classes=[0, 1], y=[0, 0, 0, 1]) = [2/3, 2]
        let asked = read(r#""balanced""#).unwrap();
        let y = [0.0, 0.0, 0.0, 1.0];
        let found = factors(Some(&asked), &y, None, &classes()).unwrap().unwrap();
        assert!((found[0] - 2.0 / 3.0).abs() < 1e-12 && (found[1] - 2.0).abs() < 1e-12);
        let weighted = factors(Some(&asked), &y, Some(&[1.0, 1.0, 0.0, 4.0]), &classes()).unwrap().unwrap();
        assert_eq!(weighted, [1.5, 0.75]);
        assert_eq!(apply(None, &y, &weighted), [1.5, 1.5, 1.5, 0.75]);
        assert_eq!(apply(Some(vec![2.0; 4]), &y, &weighted), [3.0, 3.0, 3.0, 1.5]);
    }

    #[test]
    fn classes_are_weighed_by_name() {
        let asked = read(r#"{"yes": 5}"#).unwrap();
        assert_eq!(factors(Some(&asked), &[], None, &classes()).unwrap(), Some(vec![1.0, 5.0]));
        assert_eq!(factors(None, &[], None, &classes()).unwrap(), None);
        let code = |asked: &str, classes: &[String]| {
            let error = factors(Some(&read(asked).unwrap()), &[], None, classes).unwrap_err();
            format!("{error:?}")
        };
        assert!(code(r#"{"yess": 5}"#, &classes()).contains("unknown-class"));
        assert!(code(r#""balanced""#, &[]).contains("no-classes"));
        assert_eq!(read(&serde_json::to_string(&asked).unwrap()).unwrap(), asked);
        assert!(read(r#""balance""#).unwrap_err().contains("`balanced` or a weight a class"));
        assert!(read(r#"{"yes": -1}"#).unwrap_err().contains("expected at least 0"));
        assert!(read("3").unwrap_err().contains("`balanced`"));
    }
}
