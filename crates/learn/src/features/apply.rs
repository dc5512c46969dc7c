//! Doing to rows what was learned, each row by itself.

use std::borrow::Cow;

use trainyard_core::problem::nearest;

use crate::{
    Feature, Frame, FrameColumn, LearnError, Matrix, Values,
    features::{
        Clip, ColumnPlan, Encoding, FeaturePlan, Layout, Transform, dates,
        hash::hash_category,
        levels::{Lookup, codes_of, places_of},
        text,
    },
};

impl FeaturePlan {
    /// The features of every row of `frame`, whose columns are found by name and may come in any order and number.
    ///
    /// Levels are matched by text, and numbers against levels by their shortest decimal form. A level not seen in
    /// training becomes `(other)` where rare levels were grouped, and is missing otherwise.
    ///
    /// # Errors
    /// Columns that are not there or not as long as the frame, text where numbers or dates were learned, a number that is
    /// not above 0 under Box and Cox's transform; and for a dense plan a feature that comes out missing or infinite.
    pub fn apply(&self, frame: &Frame) -> Result<Matrix, LearnError> {
        let mut values = self.of_columns(frame)?;
        let mut layout = self.column_layout();
        for stage in &self.stages {
            values = stage.apply(values, frame.rows);
            layout = stage.layout(layout);
        }
        self.check_finite(&layout, &values)?;
        let mut features: Vec<Feature> = layout
            .into_iter()
            .zip(values)
            .map(|(feature, values)| Feature { name: feature.name, values, levels: feature.levels })
            .collect();
        for plan in &self.beside {
            features.extend(plan.apply(frame)?.features);
        }
        Ok(Matrix { features, rows: frame.rows })
    }

    /// The features before the stages, column by column.
    pub(super) fn of_columns(&self, frame: &Frame) -> Result<Vec<Vec<f64>>, LearnError> {
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
        if absent.is_empty() { Ok(features) } else { Err(missing_columns(&absent, frame)) }
    }

    /// Refuses what a model without missing values cannot take.
    pub(super) fn check_finite(&self, layout: &[Layout], values: &[Vec<f64>]) -> Result<(), LearnError> {
        if !self.dense {
            return Ok(());
        }
        let finite = |values: &Vec<f64>| values.iter().all(|value| value.is_finite());
        let names: Vec<String> = layout
            .iter()
            .zip(values)
            .filter(|(_, values)| !finite(values))
            .map(|(feature, _)| format!("`{}`", feature.name))
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(LearnError {
            code: "missing-values",
            message: format!(
                "the model takes no missing or infinite value, found some in {}",
                names[..names.len().min(5)].join(", ")
            ),
            help: Some(
                "set `features.impute` to something other than `none`, or clip numbers that are far too large"
                    .to_owned(),
            ),
            field: None,
        })
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

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}

impl ColumnPlan {
    /// Appends the column's features.
    fn append(&self, column: &FrameColumn, features: &mut Vec<Vec<f64>>) -> Result<(), LearnError> {
        match &self.transform {
            Transform::Number { fill, offset, divisor, value, indicator, clip, shape } => {
                let numbers = numbers_of(column, None)?;
                let absent = |number: f64| if fill.is_some() { !number.is_finite() } else { number.is_nan() };
                let filled = |number: f64| match fill {
                    Some(fill) if !number.is_finite() => *fill,
                    _ => clip.of(number),
                };
                if *value {
                    features.push(match (fill, shape) {
                        (_, Some(shape)) => {
                            let mut values: Vec<f64> = numbers.iter().map(|&number| filled(number)).collect();
                            shape.apply(&mut values, &self.name)?;
                            values.iter_mut().for_each(|value| *value = (*value - offset) / divisor);
                            values
                        }
                        (None, None) if *offset == 0.0 && *divisor == 1.0 && clip.is_none() => numbers.to_vec(),
                        (None, None) if clip.is_none() => {
                            numbers.iter().map(|number| (number - offset) / divisor).collect()
                        }
                        (Some(fill), None) if clip.is_none() => numbers
                            .iter()
                            .map(|&number| (if absent(number) { *fill } else { number } - offset) / divisor)
                            .collect(),
                        _ => numbers.iter().map(|&number| (filled(number) - offset) / divisor).collect(),
                    });
                }
                if *indicator {
                    features.push(numbers.iter().map(|&number| flag(absent(number))).collect());
                }
            }
            Transform::Bins { fill, clip, edges, one_hot, indicator } => {
                let numbers = numbers_of(column, None)?;
                bins(&numbers, *fill, *clip, edges, one_hot.as_deref(), features);
                if *indicator {
                    let absent = |number: f64| if fill.is_some() { !number.is_finite() } else { number.is_nan() };
                    features.push(numbers.iter().map(|&number| flag(absent(number))).collect());
                }
            }
            Transform::Category { levels, other, missing, encoding, dropped } => {
                let codes = codes_of(&column.values, &Lookup { levels, other: *other, missing: *missing });
                match encoding {
                    Encoding::Native | Encoding::Ordinal => {
                        features.push(codes.iter().map(|code| code.map_or(f64::NAN, f64::from)).collect());
                    }
                    Encoding::OneHot => {
                        let kept = (0..self.transform.code_count()).filter(|code| !dropped.contains(code));
                        features.extend(kept.map(|kept| codes.iter().map(|&code| flag(code == Some(kept))).collect()));
                    }
                }
            }
            Transform::Table { levels, names, values, unseen, missing } => {
                let places = places_of(&column.values, levels);
                let width = names.len();
                features.extend((0..width).map(|feature| {
                    let number = |place: &Option<usize>| match place {
                        Some(place) if *place < levels.len() => values[place * width + feature],
                        Some(_) => unseen[feature],
                        None => missing[feature],
                    };
                    places.iter().map(number).collect()
                }));
            }
            Transform::Hash { size } => hash_category(&column.values, *size, features),
            Transform::Date { fill, parts, indicator } => {
                dates::append(&dates::moments_of(column, None)?, *fill, parts, *indicator, features);
            }
            Transform::Text { vectoriser } => text::append(vectoriser, &column.values, features),
        }
        Ok(())
    }
}

/// Appends a feature of places, or one of zeros and ones for each bin in `one_hot`.
pub(super) fn bins(
    numbers: &[f64],
    fill: Option<f64>,
    clip: Clip,
    edges: &[f64],
    one_hot: Option<&[u32]>,
    features: &mut Vec<Vec<f64>>,
) {
    let place = |&number: &f64| match fill {
        Some(fill) if !number.is_finite() => edges.partition_point(|&edge| edge <= fill) as f64,
        _ if number.is_nan() => f64::NAN,
        _ => {
            let number = clip.of(number);
            edges.partition_point(|&edge| edge <= number) as f64
        }
    };
    match one_hot {
        Some(kept) => {
            let places: Vec<f64> = numbers.iter().map(place).collect();
            let one = |bin: &u32| places.iter().map(|&place| flag(place == f64::from(*bin))).collect();
            features.extend(kept.iter().map(one));
        }
        None if edges.is_empty() => {}
        None => features.push(numbers.iter().map(place).collect()),
    }
}

/// A column's values as numbers, of `rows` or of every row: a text that reads as a number is that number, an empty one is
/// missing.
pub(super) fn numbers_of<'a>(column: &'a FrameColumn, rows: Option<&[usize]>) -> Result<Cow<'a, [f64]>, LearnError> {
    match (&column.values, rows) {
        (Values::Number(numbers) | Values::Moment(numbers), None) => Ok(Cow::Borrowed(numbers)),
        (Values::Number(numbers) | Values::Moment(numbers), Some(rows)) => {
            Ok(Cow::Owned(rows.iter().map(|&row| numbers[row]).collect()))
        }
        (Values::Category { codes, levels }, rows) => {
            let read = |text: &str| {
                number_in(text).ok_or_else(|| LearnError {
                    code: "not-a-number",
                    message: format!("column `{}` must hold numbers, found `{text}`", column.name),
                    help: Some("cast the column, or name its texts for missing values when reading it".to_owned()),
                    field: None,
                })
            };
            read_texts(codes, levels, rows, read).map(Cow::Owned)
        }
    }
}

/// What `read` makes of each row's text, NaN where there is none; each text is read once.
pub(super) fn read_texts(
    codes: &[u32],
    levels: &[String],
    rows: Option<&[usize]>,
    read: impl Fn(&str) -> Result<f64, LearnError>,
) -> Result<Vec<f64>, LearnError> {
    let mut known: Vec<Option<f64>> = vec![None; levels.len()];
    let mut number = |code: u32| match levels.get(code as usize) {
        None => Ok(f64::NAN),
        Some(text) => match known[code as usize] {
            Some(number) => Ok(number),
            None => read(text).map(|number| *known[code as usize].insert(number)),
        },
    };
    match rows {
        Some(rows) => rows.iter().map(|&row| number(codes[row])).collect(),
        None => codes.iter().map(|&code| number(code)).collect(),
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
