//! Doing to rows what was learned, each row by itself.

use std::borrow::Cow;

use trainyard_core::problem::nearest;

use crate::{
    Feature, Frame, FrameColumn, LearnError, Matrix, Values,
    features::{ColumnPlan, Encoding, FeaturePlan, Missing, Transform},
};

impl FeaturePlan {
    /// The features of every row of `frame`, whose columns are found by name and may come in any order and number.
    ///
    /// Levels are matched by text, and numbers against levels by their shortest decimal form. A level not seen in
    /// training becomes `(other)` where rare levels were grouped, and is missing otherwise.
    ///
    /// # Errors
    /// Columns that are not there or not as long as the frame, or text where numbers were learned.
    pub fn apply(&self, frame: &Frame) -> Result<Matrix, LearnError> {
        let mut features = Vec::with_capacity(self.columns.len());
        let mut absent = Vec::new();
        let mut cursor = 0;
        for plan in &self.columns {
            // Frames mostly come in the plan's order, so the search starts where the last one ended.
            let found = (cursor..frame.columns.len())
                .chain(0..cursor.min(frame.columns.len()))
                .find(|&place| frame.columns[place].name == plan.name);
            match found {
                Some(place) if frame.columns[place].values.len() != frame.rows => {
                    let found = frame.columns[place].values.len();
                    return Err(LearnError {
                        code: "lengths-differ",
                        message: format!("column `{}` holds {found} values for {} rows", plan.name, frame.rows),
                        help: None,
                        field: None,
                    });
                }
                Some(place) => {
                    cursor = place + 1;
                    plan.append(&frame.columns[place], &mut features)?;
                }
                None => absent.push(plan.name.as_str()),
            }
        }
        if absent.is_empty() { Ok(Matrix { features, rows: frame.rows }) } else { Err(missing_columns(&absent, frame)) }
    }
}

fn missing_columns(absent: &[&str], frame: &Frame) -> LearnError {
    let names = || frame.columns.iter().map(|column| column.name.as_str());
    let quoted: Vec<String> = absent.iter().map(|name| format!("`{name}`")).collect();
    let hints: Vec<String> =
        absent.iter().filter_map(|name| nearest(name, names()).map(|near| format!("`{near}` for `{name}`"))).collect();
    LearnError {
        code: "missing-column",
        message: match absent.len() {
            1 => format!("the model needs column {}, which the rows do not have", quoted[0]),
            _ => format!("the model needs columns {}, which the rows do not have", quoted.join(", ")),
        },
        help: (!hints.is_empty()).then(|| format!("the rows do have {}", hints.join(", "))),
        field: None,
    }
}

impl ColumnPlan {
    fn append(&self, column: &FrameColumn, features: &mut Vec<Feature>) -> Result<(), LearnError> {
        match &self.transform {
            Transform::Number { fill, offset, divisor, value, indicator } => {
                let numbers = numbers_of(column)?;
                let absent = |number: f64| if fill.is_some() { !number.is_finite() } else { number.is_nan() };
                let mut names = self.outputs().into_iter();
                let mut push = |values| {
                    features.extend(names.next().map(|name| Feature { name, values, levels: None }));
                };
                if *value {
                    push(match fill {
                        None if *offset == 0.0 && *divisor == 1.0 => numbers.to_vec(),
                        None => numbers.iter().map(|number| (number - offset) / divisor).collect(),
                        Some(fill) => numbers
                            .iter()
                            .map(|&number| (if absent(number) { *fill } else { number } - offset) / divisor)
                            .collect(),
                    });
                }
                if *indicator {
                    push(numbers.iter().map(|&number| f64::from(u8::from(absent(number)))).collect());
                }
            }
            Transform::Category { levels, other, missing, encoding, dropped } => {
                let codes = codes_of(&column.values, &Lookup { levels, other: *other, missing: *missing });
                match encoding {
                    Encoding::Native | Encoding::Ordinal => features.push(Feature {
                        name: self.name.clone(),
                        values: codes.iter().map(|code| code.map_or(f64::NAN, f64::from)).collect(),
                        levels: (*encoding == Encoding::Native).then(|| self.transform.code_names().len() as u32),
                    }),
                    Encoding::OneHot => {
                        let all = self.transform.code_names().len() as u32;
                        let kept = (0..all).filter(|code| !dropped.contains(code));
                        features.extend(self.outputs().into_iter().zip(kept).map(|(name, kept)| Feature {
                            name,
                            values: codes.iter().map(|&code| f64::from(u8::from(code == Some(kept)))).collect(),
                            levels: None,
                        }));
                    }
                }
            }
        }
        Ok(())
    }
}

/// What is needed to turn a text into its code.
struct Lookup<'a> {
    levels: &'a [String],
    other: bool,
    missing: Missing,
}

impl Lookup<'_> {
    fn text(&self, text: &str) -> Option<u32> {
        match self.levels.binary_search_by(|level| level.as_str().cmp(text)) {
            Ok(place) => Some(place as u32),
            Err(_) if self.other => Some(self.levels.len() as u32),
            Err(_) => self.absent(),
        }
    }

    /// A number's own text first, then any level that reads as the same number, such as `3.0` or `03`.
    fn number(&self, number: f64) -> Option<u32> {
        if number.is_nan() {
            return self.absent();
        }
        let text = number_text(number);
        if self.levels.binary_search(&text).is_err() {
            let same = |level: &String| level.trim().parse::<f64>().is_ok_and(|value| value == number);
            if let Some(place) = self.levels.iter().position(same) {
                return Some(place as u32);
            }
        }
        self.text(&text)
    }

    fn absent(&self) -> Option<u32> {
        match self.missing {
            Missing::Stays => None,
            Missing::Code(code) => Some(code),
        }
    }
}

fn codes_of(values: &Values, lookup: &Lookup<'_>) -> Vec<Option<u32>> {
    match values {
        Values::Number(numbers) => {
            let mut last = (f64::NAN, lookup.absent());
            let mut code_of = |number: f64| {
                if last.0 != number {
                    last = (number, lookup.number(number));
                }
                last.1
            };
            numbers.iter().map(|&number| code_of(number)).collect()
        }
        Values::Category { codes, levels } => {
            // Looked up when first met: one row may come with thousands of levels.
            let mut known: Vec<Option<Option<u32>>> = vec![None; levels.len()];
            let mut code_of = |code: u32| match levels.get(code as usize) {
                Some(text) => *known[code as usize].get_or_insert_with(|| lookup.text(text)),
                None => lookup.absent(),
            };
            codes.iter().map(|&code| code_of(code)).collect()
        }
    }
}

/// The shortest decimal text that reads back as `number`; 3 for 3.0.
pub(super) fn number_text(number: f64) -> String {
    // Adding zero turns -0 into 0.
    format!("{}", number + 0.0)
}

/// A column's values as numbers: a text that reads as a number is that number, an empty one is missing.
pub(super) fn numbers_of(column: &FrameColumn) -> Result<Cow<'_, [f64]>, LearnError> {
    match &column.values {
        Values::Number(numbers) => Ok(Cow::Borrowed(numbers)),
        Values::Category { codes, levels } => {
            let mut known: Vec<Option<f64>> = vec![None; levels.len()];
            let mut numbers = Vec::with_capacity(codes.len());
            for &code in codes {
                let number = match levels.get(code as usize) {
                    None => f64::NAN,
                    Some(text) => match known[code as usize] {
                        Some(number) => number,
                        None => *known[code as usize].insert(number_in(text).ok_or_else(|| LearnError {
                            code: "not-a-number",
                            message: format!("column `{}` must hold numbers, found `{text}`", column.name),
                            help: Some(
                                "cast the column, or name its texts for missing values when reading it".to_owned(),
                            ),
                            field: None,
                        })?),
                    },
                };
                numbers.push(number);
            }
            Ok(Cow::Owned(numbers))
        }
    }
}

fn number_in(text: &str) -> Option<f64> {
    match text.trim() {
        "" => Some(f64::NAN),
        "true" => Some(1.0),
        "false" => Some(0.0),
        text => text.parse().ok(),
    }
}
