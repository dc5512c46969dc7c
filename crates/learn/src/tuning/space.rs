//! The space of a search: for each parameter a range of numbers, or choices.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::LearnError;

/// The values a parameter may take: `{between: [0.01, 0.3], scale: log}` or `{choose: [a, b]}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dimension {
    /// The least and the largest number, both included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<[f64; 2]>,
    /// The values to choose from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choose: Option<Vec<Value>>,
    /// How numbers are spread: `linear` (the default), or `log`, where each factor is as likely as another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// `int` for whole numbers, `float` for any; told by the parameter where it is left out.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub value_type: Option<ValueType>,
    /// How many numbers a grid takes of the range, 5 unless told otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<u32>,
}

/// How the numbers of a range are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// Evenly by their logarithms.
    Log,
}

/// Which numbers a range holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Whole numbers.
    Int,
    /// Any numbers.
    Float,
}

/// A checked dimension.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    /// Numbers from `low` to `high`.
    Number {
        /// The least.
        low: f64,
        /// The largest.
        high: f64,
        /// True when spread by their logarithms.
        log: bool,
        /// True when whole.
        whole: bool,
        /// How many a grid takes.
        points: u32,
    },
    /// One of these.
    Choice(Vec<Value>),
}

/// A place in a space, one number a dimension: the value itself, or the place of the choice.
pub type Point = Vec<f64>;

/// The space of a search, dimensions by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    /// Name and range.
    pub dimensions: Vec<(String, Range)>,
}

/// Whole numbers beyond this are not exact.
const MOST_WHOLE: f64 = 9_007_199_254_740_992.0;

impl Space {
    /// Checks the dimensions by themselves and against `defaults`, the estimator's parameters with every default written
    /// out.
    ///
    /// # Errors
    /// Every problem at once: the parameter's name and `unknown-parameter` with the nearest name, or `bad-space`.
    pub fn of(
        dimensions: &BTreeMap<String, Dimension>,
        defaults: &serde_json::Map<String, Value>,
    ) -> Result<Self, Vec<(String, LearnError)>> {
        let mut problems = Vec::new();
        let mut found = Vec::new();
        for (name, dimension) in dimensions {
            let range = match defaults.get(name) {
                None => Err(unknown(name, defaults)),
                Some(default) => dimension.range(default).map_err(|message| LearnError {
                    code: "bad-space",
                    message: format!("the space of `{name}` {message}"),
                    help: Some(
                        "write a range, `{between: [0.01, 0.3], scale: log}`, or choices, `{choose: [a, b]}`".into(),
                    ),
                    field: None,
                }),
            };
            match range {
                Ok(range) => found.push((name.clone(), range)),
                Err(problem) => problems.push((name.clone(), problem)),
            }
        }
        if problems.is_empty() { Ok(Self { dimensions: found }) } else { Err(problems) }
    }

    /// The parameters at a point, by name.
    #[must_use]
    pub fn params(&self, point: &[f64]) -> BTreeMap<String, Value> {
        self.dimensions.iter().zip(point).map(|((name, range), &at)| (name.clone(), range.value(at))).collect()
    }

    /// The point of parameters, each moved to the nearest place in its range; none where one is missing or is no choice.
    #[must_use]
    pub fn point(&self, params: &serde_json::Map<String, Value>) -> Option<Point> {
        self.dimensions.iter().map(|(name, range)| range.place(params.get(name)?)).collect()
    }

    /// Points whose every dimension is at an end of its range, to be checked: all low, and all high; choices by turns.
    #[must_use]
    pub fn corners(&self) -> Vec<BTreeMap<String, Value>> {
        let most = self.dimensions.iter().map(|(_, range)| range.ends()).max().unwrap_or(0);
        let at = |turn: usize| self.dimensions.iter().map(|(_, range)| range.end(turn)).collect::<Point>();
        (0..most).map(|turn| self.params(&at(turn))).collect()
    }
}

impl Dimension {
    fn range(&self, default: &Value) -> Result<Range, String> {
        match (&self.between, &self.choose) {
            (None, Some(choices)) => {
                if choices.is_empty() {
                    return Err("has no choice".to_owned());
                }
                if self.scale.is_some() || self.value_type.is_some() || self.points.is_some() {
                    return Err("has choices; `scale`, `type` and `points` are for a range".to_owned());
                }
                if (1..choices.len()).any(|at| choices[..at].contains(&choices[at])) {
                    return Err("has a choice twice".to_owned());
                }
                Ok(Range::Choice(choices.clone()))
            }
            (Some([low, high]), None) => {
                let (low, high) = (*low, *high);
                let whole = match self.value_type {
                    Some(kind) => kind == ValueType::Int,
                    None => default.is_u64() || default.is_i64(),
                };
                let log = self.scale == Some(Scale::Log);
                if !(low.is_finite() && high.is_finite() && low < high) {
                    return Err(format!("is from {low} to {high}; expected a smaller and a larger number"));
                }
                if log && low <= 0.0 {
                    return Err(format!("begins at {low}; on a log scale numbers are above 0"));
                }
                if whole && (low.fract() != 0.0 || high.fract() != 0.0 || low.abs().max(high.abs()) > MOST_WHOLE) {
                    return Err(format!("is from {low} to {high}; expected whole numbers"));
                }
                if self.points.is_some_and(|points| !(2..=1000).contains(&points)) {
                    return Err("takes 2 to 1000 `points` of a range".to_owned());
                }
                Ok(Range::Number { low, high, log, whole, points: self.points.unwrap_or(5) })
            }
            _ => Err("is expected to have `between` or `choose`".to_owned()),
        }
    }
}

impl Range {
    /// The value at a place.
    #[must_use]
    pub fn value(&self, at: f64) -> Value {
        match self {
            Self::Number { whole: true, .. } => Value::from(at.round() as i64),
            Self::Number { .. } => Value::from(at),
            Self::Choice(choices) => choices.get(at as usize).cloned().unwrap_or(Value::Null),
        }
    }

    /// The nearest place to a value.
    fn place(&self, value: &Value) -> Option<f64> {
        match self {
            Self::Number { low, high, whole, .. } => {
                let value = value.as_f64()?.clamp(*low, *high);
                Some(if *whole { value.round() } else { value })
            }
            Self::Choice(choices) => choices.iter().position(|choice| choice == value).map(|at| at as f64),
        }
    }

    fn ends(&self) -> usize {
        match self {
            Self::Number { .. } => 2,
            Self::Choice(choices) => choices.len(),
        }
    }

    fn end(&self, turn: usize) -> f64 {
        match self {
            Self::Number { low, high, .. } => [*low, *high][turn % 2],
            Self::Choice(choices) => (turn % choices.len()) as f64,
        }
    }
}

/// Where a number lies within a hundredth of the range's length (on its scale; of a range of whole numbers, on the last
/// number) from an end: that end, and true for the upper one.
#[must_use]
pub fn edge(range: &Range, at: f64) -> Option<(f64, bool)> {
    let Range::Number { low, high, log, whole, .. } = *range else { return None };
    let scaled = |value: f64| if log { value.ln() } else { value };
    let near = 0.01 * (scaled(high) - scaled(low));
    let is_near = |end: f64| if whole { at == end } else { (scaled(at) - scaled(end)).abs() <= near };
    if is_near(low) {
        return Some((low, false));
    }
    is_near(high).then_some((high, true))
}

fn unknown(name: &str, defaults: &serde_json::Map<String, Value>) -> LearnError {
    let known = || defaults.keys().map(String::as_str);
    LearnError {
        code: "unknown-parameter",
        message: format!("there is no parameter `{name}` to search over"),
        help: Some(match trainyard_core::problem::nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is {}", known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        }),
        field: None,
    }
}
