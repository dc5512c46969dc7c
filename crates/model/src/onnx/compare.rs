//! Whether onnxruntime says of rows what the package says of them.

use std::{borrow::Cow, collections::BTreeMap};

use trainyard_core::Problem;
use trainyard_data::DataError;
use trainyard_learn::{
    Frame, Prediction, Values,
    features::{FeaturePlan, Transform, seconds_of},
    onnx::{Runtime, Tensor},
};

use crate::{
    Package,
    onnx::{Exported, Feed, Output},
};

/// Differences up to this, in numbers up to 1 and relative beyond, are taken for rounding.
const TOLERANCE: f64 = 1e-5;
/// Probabilities nearer than this are equal but for rounding: either label is right.
const TIE: f64 = 1e-12;

/// How well a model and its export agree.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreement {
    /// Rows that were compared; those that the package refuses are not among them.
    pub rows: usize,
    /// The largest difference, relative for numbers beyond 1.
    pub largest: f64,
    /// Rows whose label differs where two classes are equally probable.
    pub ties: usize,
}

/// Runs the export over raw feature columns and compares what comes out with what the package says.
///
/// # Errors
/// `onnx-differs` where they differ; `onnxruntime-missing`, `onnx-refused` and `onnx-failed` from the library.
pub fn compare(package: &Package, exported: &Exported, frame: &Frame) -> Result<Agreement, DataError> {
    let runtime = Runtime::new(&exported.bytes).map_err(Problem::from)?;
    let frame = as_fed(&package.features, frame);
    let (frame, expected) = predicted(package, frame)?;
    if frame.rows == 0 {
        return Ok(Agreement::default());
    }
    let once = |place: usize| exported.inputs[..place].iter().all(|before| before.name != exported.inputs[place].name);
    let feeds = (0..exported.inputs.len())
        .filter(|&place| once(place))
        .map(|place| &exported.inputs[place])
        .map(|input| Ok((input.name.as_str(), feed(&frame, &input.column, input.feed)?)))
        .collect::<Result<Vec<_>, DataError>>()?;
    let made = runtime.run(&feeds).map_err(Problem::from)?;
    let mut agreement = Agreement { rows: frame.rows, ..Agreement::default() };
    judge(package, exported, &expected, &made, &mut agreement)?;
    Ok(agreement)
}

/// In ONNX the empty text is a missing one, unless it is a level; so it is here.
fn as_fed(plan: &FeaturePlan, frame: &Frame) -> Frame {
    fn knows(plan: &FeaturePlan, name: &str) -> bool {
        let own = plan.columns.iter().filter(|column| column.name == name).any(|column| match &column.transform {
            Transform::Category { levels, .. } | Transform::Table { levels, .. } => levels.iter().any(String::is_empty),
            _ => false,
        });
        own || plan.beside.iter().any(|plan| knows(plan, name))
    }
    let mut frame = frame.clone();
    for column in &mut frame.columns {
        let Values::Category { codes, levels } = &mut column.values else { continue };
        let Some(empty) = levels.iter().position(String::is_empty) else { continue };
        let (from, to) = match knows(plan, &column.name) {
            true => (Values::MISSING, empty as u32),
            false => (empty as u32, Values::MISSING),
        };
        codes.iter_mut().filter(|code| **code == from).for_each(|code| *code = to);
    }
    frame
}

/// What the package says of the rows that it takes.
fn predicted(package: &Package, frame: Frame) -> Result<(Frame, Prediction), DataError> {
    match package.predict_frame(&frame) {
        Ok(prediction) => Ok((frame, prediction)),
        Err(_) => {
            let taken: Vec<usize> =
                (0..frame.rows).filter(|&row| package.predict_frame(&frame.take(&[row])).is_ok()).collect();
            let frame = frame.take(&taken);
            let prediction = package.predict_frame(&frame)?;
            Ok((frame, prediction))
        }
    }
}

/// A column as an input wants it, `[N, 1]`.
fn feed(frame: &Frame, name: &str, feed: Feed) -> Result<Tensor, DataError> {
    let column = frame
        .columns
        .iter()
        .find(|column| column.name == name)
        .ok_or_else(|| DataError::new("unknown-column", format!("there is no column `{name}`")))?;
    let shape = vec![frame.rows, 1];
    Ok(match (feed, &column.values) {
        (Feed::Text, Values::Category { codes, levels }) => {
            let text = |code: &u32| levels.get(*code as usize).cloned().unwrap_or_default();
            Tensor::Texts(shape, codes.iter().map(text).collect())
        }
        (Feed::Text, Values::Number(numbers) | Values::Moment(numbers)) => {
            let text = |number: &f64| if number.is_nan() { String::new() } else { format!("{}", number + 0.0) };
            Tensor::Texts(shape, numbers.iter().map(text).collect())
        }
        (_, Values::Number(numbers) | Values::Moment(numbers)) => Tensor::Doubles(shape, numbers.clone()),
        (Feed::Seconds, Values::Category { .. }) => {
            let seconds: Cow<'_, [f64]> = seconds_of(column).map_err(Problem::from)?;
            Tensor::Doubles(shape, seconds.into_owned())
        }
        (Feed::Number { .. }, Values::Category { codes, levels }) => {
            let number = |code: &u32| levels.get(*code as usize).and_then(|text| text.trim().parse().ok());
            Tensor::Doubles(shape, codes.iter().map(|code| number(code).unwrap_or(f64::NAN)).collect())
        }
    })
}

fn differs(message: String) -> DataError {
    DataError::new("onnx-differs", message)
}

fn judge(
    package: &Package,
    exported: &Exported,
    expected: &Prediction,
    made: &BTreeMap<String, Tensor>,
    agreement: &mut Agreement,
) -> Result<(), DataError> {
    let outputs = &exported.outputs;
    let found = |name: &str| {
        made.get(name).ok_or_else(|| differs(format!("onnxruntime made no output `{name}` of the exported model")))
    };
    match expected {
        Prediction::Values(values) => {
            compare_numbers(&outputs.prediction, values, found(&outputs.prediction)?, agreement)?;
            let intervals = package.conformal.as_ref().and_then(|conformal| conformal.intervals(expected));
            if let Some(intervals) = intervals {
                for (end, name) in outputs.intervals.iter().enumerate() {
                    let ends: Vec<f64> = intervals.iter().map(|interval| interval[end]).collect();
                    compare_numbers(name, &ends, found(name)?, agreement)?;
                }
            }
        }
        Prediction::Clusters { values, .. } => {
            let codes: Vec<f64> = values.iter().map(|&code| f64::from(code)).collect();
            compare_numbers(&outputs.prediction, &codes, found(&outputs.prediction)?, agreement)?;
        }
        Prediction::Probabilities { classes, values } => {
            if let Some(name) = &outputs.probabilities {
                compare_numbers(name, values, found(name)?, agreement)?;
            }
            let codes = expected.codes().unwrap_or_default();
            let label = found(&outputs.prediction)?;
            for (row, (&code, shares)) in codes.iter().zip(values.chunks_exact((*classes).max(1))).enumerate() {
                let other = match label {
                    Tensor::Texts(_, texts) if outputs.kind == Output::Class => {
                        package.signature.classes.iter().position(|class| Some(class) == texts.get(row))
                    }
                    Tensor::Longs(_, numbers) => numbers.get(row).and_then(|&code| usize::try_from(code).ok()),
                    _ => None,
                };
                if other == Some(code as usize) {
                    continue;
                }
                let gap = other.and_then(|other| shares.get(other)).map_or(1.0, |share| shares[code as usize] - share);
                if gap > TIE {
                    let name = |code: usize| package.signature.classes.get(code).map_or("?", String::as_str);
                    let (own, other) = (name(code as usize), other.map_or("?", name));
                    return Err(differs(format!("onnxruntime says `{other}` of row {row}, the package `{own}`")));
                }
                agreement.ties += 1;
            }
            if let (Some(name), Some(conformal)) = (&outputs.set, &package.conformal) {
                // A class right at the reach may fall on either side.
                let within = |by: f64| {
                    let mut conformal = conformal.clone();
                    conformal.reach += by;
                    conformal.sets(expected).unwrap_or_default()
                };
                let (least, most) = (within(-1e-9), within(1e-9));
                let Tensor::Bools(_, held) = found(name)? else {
                    return Err(differs(format!("the output `{name}` is no yes or no")));
                };
                let wrong = (0..least.len())
                    .find(|&at| held.get(at).is_none_or(|&held| (least[at] || held) != held || held && !most[at]));
                if let Some(at) = wrong {
                    return Err(differs(format!("the sets of row {} differ", at / (*classes).max(1))));
                }
            }
        }
    }
    Ok(())
}

fn compare_numbers(name: &str, expected: &[f64], made: &Tensor, agreement: &mut Agreement) -> Result<(), DataError> {
    let found = made.numbers().unwrap_or_default();
    if found.len() != expected.len() {
        return Err(differs(format!("the output `{name}` holds {} values, not {}", found.len(), expected.len())));
    }
    for (place, (&own, &other)) in expected.iter().zip(&found).enumerate() {
        if own == other || own.is_nan() && other.is_nan() {
            continue;
        }
        let off = (own - other).abs() / own.abs().max(1.0);
        // Also where only one is a number.
        if off.is_nan() || off > TOLERANCE {
            let row = place * agreement.rows / expected.len().max(1);
            return Err(differs(format!("`{name}` of row {row} is {other} in onnxruntime and {own} in the package")));
        }
        agreement.largest = agreement.largest.max(off);
    }
    Ok(())
}
