//! Checks of hyperparameters: every one out of its range is reported, with its name.

use crate::estimator::LearnError;

/// Collects the problems.
#[derive(Default)]
pub(crate) struct Ranges {
    /// What was found.
    pub(crate) problems: Vec<LearnError>,
}

impl Ranges {
    /// Anything else, in words.
    pub(crate) fn add(&mut self, field: &'static str, value: &dyn std::fmt::Display, expected: &str) {
        self.problems.push(LearnError {
            code: "parameter-out-of-range",
            message: format!("`{field}` is {value}, expected {expected}"),
            help: None,
            field: Some(field),
        });
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn whole(&mut self, field: &'static str, value: usize, least: usize, most: usize) {
        if !(least..=most).contains(&value) {
            let expected = if most == usize::MAX { format!("at least {least}") } else { format!("{least} to {most}") };
            self.add(field, &value, &format!("a whole number, {expected}"));
        }
    }

    /// A number above 0 and at most 1.
    pub(crate) fn share(&mut self, field: &'static str, value: f64) {
        if !(value > 0.0 && value <= 1.0) {
            self.add(field, &value, "a number above 0 and at most 1");
        }
    }

    /// A number above `low` and below `high`.
    pub(crate) fn between(&mut self, field: &'static str, value: f64, low: f64, high: f64) {
        if !(value > low && value < high) {
            self.add(field, &value, &format!("a number above {low} and below {high}"));
        }
    }

    /// A number above 0.
    pub(crate) fn above_zero(&mut self, field: &'static str, value: f64) {
        if !(value > 0.0 && value <= 1e15) {
            self.add(field, &value, "a number above 0 and at most 1e15");
        }
    }

    /// A finite number of at least 0.
    pub(crate) fn at_least_zero(&mut self, field: &'static str, value: f64) {
        if !(0.0..=1e15).contains(&value) {
            self.add(field, &value, "a number from 0 to 1e15");
        }
    }
}
