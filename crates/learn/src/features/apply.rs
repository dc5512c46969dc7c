//! Doing to rows what was learned, each row by itself.
//!
//! First the columns of a frame are bound, all rows at once: found by name, texts read, levels looked up. Then features
//! are made for any range of rows, so that a large frame goes through in pieces that stay in the cache.

use std::{borrow::Cow, ops::Range};

use trainyard_core::problem::nearest;

use crate::{
    Feature, Frame, FrameColumn, LearnError, Matrix, Values,
    features::{
        Clip, ColumnPlan, FeaturePlan, Layout, Ready, Transform, dates,
        hash::hash_category,
        ready::{ReadyColumn, Source},
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
        let ready = Ready::of(self);
        let bound = ready.bind(self, frame)?;
        let values = bound.values(0..frame.rows).map_err(|refusal| refusal.told(&ready))?;
        let features = ready
            .layouts()
            .into_iter()
            .zip(values)
            .map(|(feature, values)| Feature { name: feature.name.clone(), values, levels: feature.levels })
            .collect();
        Ok(Matrix { features, rows: frame.rows })
    }

    /// The features before the stages, column by column.
    pub(super) fn of_columns(&self, frame: &Frame) -> Result<Vec<Vec<f64>>, LearnError> {
        Ready::of(self).bind(self, frame)?.of_columns(0..frame.rows)
    }

    /// Refuses what a model without missing values cannot take.
    pub(super) fn check_finite(&self, layout: &[Layout], values: &[Vec<f64>]) -> Result<(), LearnError> {
        let places = if self.dense { not_finite(values.iter().map(Vec::as_slice)) } else { Vec::new() };
        if places.is_empty() { Ok(()) } else { Err(missing_values(places.iter().map(|&place| &layout[place]))) }
    }
}

/// A frame's columns as a plan reads them.
pub(crate) struct Bound<'a> {
    plan: &'a FeaturePlan,
    ready: &'a Ready,
    inputs: Vec<Input<'a>>,
    beside: Vec<Self>,
}

/// One raw column, every row of it.
enum Input<'a> {
    Numbers(Cow<'a, [f64]>),
    /// The place of each row's level, as [`Coded`](super::ready::Coded) has them.
    Places(Vec<u32>),
    Raw(&'a Values),
}

/// Why rows have no features.
pub(crate) enum Refusal {
    Told(LearnError),
    /// Features, by their place, that came out missing or infinite.
    NotFinite(Vec<usize>),
}

impl Refusal {
    /// The error for people.
    pub(crate) fn told(self, ready: &Ready) -> LearnError {
        match self {
            Self::Told(error) => error,
            Self::NotFinite(places) => {
                let layouts = ready.layouts();
                missing_values(places.iter().filter_map(|&place| layouts.get(place).copied()))
            }
        }
    }
}

impl From<LearnError> for Refusal {
    fn from(error: LearnError) -> Self {
        Self::Told(error)
    }
}

impl Ready {
    /// Finds the columns of `plan`, which these are the preparations of, in `frame`.
    ///
    /// # Errors
    /// As [`FeaturePlan::apply`], but for values that come out missing.
    pub(crate) fn bind<'a>(&'a self, plan: &'a FeaturePlan, frame: &'a Frame) -> Result<Bound<'a>, LearnError> {
        let mut inputs = Vec::with_capacity(self.columns.len());
        let mut absent = Vec::new();
        let mut cursor = 0;
        for (column, ready) in plan.columns.iter().zip(&self.columns) {
            // Frames mostly come in the plan's order, so the search starts where the last one ended.
            let found = (cursor..frame.columns.len())
                .chain(0..cursor.min(frame.columns.len()))
                .find(|&place| frame.columns[place].name == column.name);
            match found {
                Some(place) if frame.columns[place].values.len() != frame.rows => {
                    let found = frame.columns[place].values.len();
                    return Err(LearnError {
                        code: "lengths-differ",
                        message: format!("column `{}` holds {found} values for {} rows", column.name, frame.rows),
                        help: None,
                        field: None,
                    });
                }
                Some(place) => {
                    cursor = place + 1;
                    inputs.push(Input::of(column, ready, &frame.columns[place])?);
                }
                None => absent.push(column.name.as_str()),
            }
        }
        if !absent.is_empty() {
            return Err(missing_columns(&absent, frame));
        }
        let beside = self.beside.iter().zip(&plan.beside).map(|(ready, plan)| ready.bind(plan, frame));
        Ok(Bound { plan, ready: self, inputs, beside: beside.collect::<Result<_, _>>()? })
    }
}

impl<'a> Input<'a> {
    fn of(plan: &ColumnPlan, ready: &ReadyColumn, column: &'a FrameColumn) -> Result<Self, LearnError> {
        Ok(match (&plan.transform, &ready.coded) {
            (Transform::Number { .. } | Transform::Bins { .. }, _) => Self::Numbers(numbers_of(column, None)?),
            (Transform::Date { .. }, _) => Self::Numbers(dates::moments_of(column, None)?),
            (_, Some(coded)) => Self::Places(coded.map.places_of(&column.values)),
            (_, None) => Self::Raw(&column.values),
        })
    }
}

impl Bound<'_> {
    /// The features of some rows, those beside the plan among them, borrowed where they are raw columns as they are and
    /// from `room` elsewhere.
    pub(crate) fn features<'r>(
        &'r self,
        rows: Range<usize>,
        room: &'r mut Vec<f64>,
    ) -> Result<Vec<&'r [f64]>, Refusal> {
        room.clear();
        self.fill(&rows, room)?;
        let mut features = Vec::with_capacity(self.ready.layout.len());
        let mut from = 0;
        self.collect(&rows, room, &mut from, &mut features);
        let places = self.places_not_finite(&mut features.as_slice(), 0);
        if places.is_empty() { Ok(features) } else { Err(Refusal::NotFinite(places)) }
    }

    fn fill(&self, rows: &Range<usize>, room: &mut Vec<f64>) -> Result<(), LearnError> {
        if self.plan.stages.is_empty() {
            let start = room.len();
            room.resize(start + self.ready.written * rows.len(), 0.0);
            let mut out = &mut room[start..];
            for ((plan, ready), input) in self.columns() {
                let (own, others) = out.split_at_mut(ready.width * rows.len());
                plan.write(ready, input, rows, own)?;
                out = others;
            }
        } else {
            self.staged(rows)?.iter().for_each(|values| room.extend_from_slice(values));
        }
        self.beside.iter().try_for_each(|beside| beside.fill(rows, room))
    }

    fn collect<'r>(&'r self, rows: &Range<usize>, room: &'r [f64], from: &mut usize, features: &mut Vec<&'r [f64]>) {
        let count = rows.len();
        let written = |at: usize| &room[*from + at * count..*from + (at + 1) * count];
        let all = if self.plan.stages.is_empty() {
            features.extend(self.ready.sources.iter().map(|source| match *source {
                Source::Raw(place) => match &self.inputs[place] {
                    Input::Numbers(numbers) => &numbers[rows.clone()],
                    Input::Places(_) | Input::Raw(_) => &[],
                },
                Source::Written(at) => written(at),
            }));
            self.ready.written
        } else {
            let all = self.ready.layout.len();
            features.extend((0..all).map(written));
            all
        };
        *from += all * count;
        for beside in &self.beside {
            beside.collect(rows, room, from, features);
        }
    }

    /// Places, `from` that of the first, of features that came out missing or infinite where a plan must not have any.
    fn places_not_finite(&self, features: &mut &[&[f64]], from: usize) -> Vec<usize> {
        let own = self.ready.layout.len().min(features.len());
        let (mine, others) = features.split_at(own);
        *features = others;
        let mut places = if self.plan.dense { not_finite(mine.iter().copied()) } else { Vec::new() };
        places.iter_mut().for_each(|place| *place += from);
        let mut from = from + own;
        for beside in &self.beside {
            let before = features.len();
            places.extend(beside.places_not_finite(features, from));
            from += before - features.len();
        }
        places
    }

    fn columns(&self) -> impl Iterator<Item = ((&ColumnPlan, &ReadyColumn), &Input<'_>)> {
        self.plan.columns.iter().zip(&self.ready.columns).zip(&self.inputs)
    }

    /// The features of some rows, those beside the plan among them, each by itself.
    fn values(&self, rows: Range<usize>) -> Result<Vec<Vec<f64>>, Refusal> {
        let mut values = self.staged(&rows)?;
        if self.plan.dense {
            let places = not_finite(values.iter().map(Vec::as_slice));
            if !places.is_empty() {
                let own = places.iter().filter_map(|&place| self.ready.layout.get(place));
                return Err(Refusal::Told(missing_values(own)));
            }
        }
        for beside in &self.beside {
            values.extend(beside.values(rows.clone())?);
        }
        Ok(values)
    }

    /// The plan's own features after the stages.
    fn staged(&self, rows: &Range<usize>) -> Result<Vec<Vec<f64>>, LearnError> {
        let values = self.of_columns(rows.clone())?;
        Ok(self.plan.stages.iter().fold(values, |values, stage| stage.apply(values, rows.len())))
    }

    /// The plan's own features before the stages.
    fn of_columns(&self, rows: Range<usize>) -> Result<Vec<Vec<f64>>, LearnError> {
        let mut features = Vec::with_capacity(self.ready.sources.len());
        for ((plan, ready), input) in self.columns() {
            if plan.is_as_it_is()
                && let Input::Numbers(numbers) = input
            {
                features.push(numbers[rows.clone()].to_vec());
            }
            let mut out = vec![0.0; ready.width * rows.len()];
            plan.write(ready, input, &rows, &mut out)?;
            match ready.width {
                1 => features.push(out),
                width => features.extend((0..width).map(|at| out[at * rows.len()..(at + 1) * rows.len()].to_vec())),
            }
        }
        Ok(features)
    }
}

/// The places of features with a missing or infinite value.
fn not_finite<'v>(features: impl Iterator<Item = &'v [f64]>) -> Vec<usize> {
    // Block by block without a way out of a block, which is faster.
    let finite = |block: &[f64]| block.iter().fold(true, |all, value| all & value.is_finite());
    let holed = |values: &&[f64]| !values.chunks(64).all(finite);
    features.enumerate().filter(|(_, values)| holed(values)).map(|(place, _)| place).collect()
}

fn missing_values<'l>(features: impl Iterator<Item = &'l Layout>) -> LearnError {
    let names: Vec<String> = features.take(5).map(|feature| format!("`{}`", feature.name)).collect();
    LearnError {
        code: "missing-values",
        message: format!("the model takes no missing or infinite value, found some in {}", names.join(", ")),
        help: Some(
            "set `features.impute` to something other than `none`, or clip numbers that are far too large".to_owned(),
        ),
        field: None,
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
    /// Writes the column's features of some rows, one after the other, into `out`, which holds zeros; without the first
    /// one where it is the raw column as it is.
    fn write(
        &self,
        ready: &ReadyColumn,
        input: &Input<'_>,
        rows: &Range<usize>,
        out: &mut [f64],
    ) -> Result<(), LearnError> {
        match (&self.transform, input) {
            (Transform::Number { fill, offset, divisor, value, indicator, clip, shape }, Input::Numbers(numbers)) => {
                let numbers = &numbers[rows.clone()];
                let value_written = *value && !self.is_as_it_is();
                let (values, indicators) = out.split_at_mut(if value_written { numbers.len() } else { 0 });
                let filled = |number: f64| match fill {
                    Some(fill) if !number.is_finite() => *fill,
                    _ => clip.of(number),
                };
                match shape {
                    Some(shape) if value_written => {
                        values.iter_mut().zip(numbers).for_each(|(value, &number)| *value = filled(number));
                        shape.apply(values, &self.name)?;
                        values.iter_mut().for_each(|value| *value = (*value - offset) / divisor);
                    }
                    _ => values
                        .iter_mut()
                        .zip(numbers)
                        .for_each(|(value, &number)| *value = (filled(number) - offset) / divisor),
                }
                if *indicator {
                    write_absent(numbers, fill.is_some(), indicators);
                }
            }
            (Transform::Bins { fill, clip, edges, one_hot, indicator }, Input::Numbers(numbers)) => {
                let numbers = &numbers[rows.clone()];
                let (bins, indicators) = out.split_at_mut(out.len() - usize::from(*indicator) * numbers.len());
                write_bins(numbers, *fill, *clip, edges, one_hot.as_deref(), bins);
                if *indicator {
                    write_absent(numbers, fill.is_some(), indicators);
                }
            }
            (Transform::Date { fill, parts, indicator }, Input::Numbers(seconds)) => {
                dates::write(&seconds[rows.clone()], *fill, parts, *indicator, out);
            }
            (_, Input::Places(places)) => {
                if let Some(coded) = &ready.coded {
                    coded.write(&places[rows.clone()], ready.width, out);
                }
            }
            (Transform::Hash { size }, Input::Raw(values)) => hash_category(values, *size, rows.clone(), out),
            (Transform::Text { vectoriser }, Input::Raw(values)) => text::write(vectoriser, values, rows.clone(), out),
            // A column is bound as its transform reads it.
            _ => {}
        }
        Ok(())
    }
}

/// Writes 1 where a number is missing; infinities are where missing numbers are filled.
fn write_absent(numbers: &[f64], filled: bool, out: &mut [f64]) {
    let absent = |number: f64| if filled { !number.is_finite() } else { number.is_nan() };
    out.iter_mut().zip(numbers).for_each(|(out, &number)| *out = flag(absent(number)));
}

/// Writes a feature of places, or one of zeros and ones for each bin in `one_hot`.
fn write_bins(numbers: &[f64], fill: Option<f64>, clip: Clip, edges: &[f64], one_hot: Option<&[u32]>, out: &mut [f64]) {
    let place = |number: f64| match fill {
        Some(fill) if !number.is_finite() => edges.partition_point(|&edge| edge <= fill) as f64,
        _ if number.is_nan() => f64::NAN,
        _ => {
            let number = clip.of(number);
            edges.partition_point(|&edge| edge <= number) as f64
        }
    };
    match one_hot {
        Some(kept) => {
            for (row, &number) in numbers.iter().enumerate() {
                let place = place(number);
                for (feature, bin) in kept.iter().enumerate() {
                    out[feature * numbers.len() + row] = flag(place == f64::from(*bin));
                }
            }
        }
        None => out.iter_mut().zip(numbers).for_each(|(out, &number)| *out = place(number)),
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
