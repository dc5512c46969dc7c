//! What a model says about the rows of a request, ready to be written in any protocol.

use trainyard_core::evaluation::Task;
use trainyard_learn::Prediction;

use crate::{columns::batch, json::class, model::Served, refusal::Refusal, rows::Rows};

/// One output, row by row.
#[derive(Debug)]
pub(crate) enum Told<'a> {
    Numbers(Vec<f64>),
    Whole(Vec<i64>),
    Flags(Vec<bool>),
    /// A code a row, and the texts that they stand for.
    Classes(Vec<u32>, &'a [String]),
}

/// An output that outlives its request.
#[derive(Debug)]
pub(crate) enum Kept {
    Numbers(Vec<f64>),
    /// Whole numbers; of flags, 1 for true.
    Whole(Vec<i64>),
    Texts(Vec<String>),
}

impl From<&Told<'_>> for Kept {
    fn from(told: &Told<'_>) -> Self {
        match told {
            Told::Numbers(values) => Self::Numbers(values.clone()),
            Told::Whole(values) => Self::Whole(values.clone()),
            Told::Flags(flags) => Self::Whole(flags.iter().map(|flag| i64::from(*flag)).collect()),
            Told::Classes(codes, names) => {
                Self::Texts(codes.iter().map(|code| class(names, *code).to_owned()).collect())
            }
        }
    }
}

/// One named output.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    pub(crate) name: &'static str,
    pub(crate) datatype: &'static str,
    /// Values a row.
    pub(crate) width: usize,
    pub(crate) told: Told<'a>,
}

/// The outputs of a request.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) model: &'a Served,
    pub(crate) rows: usize,
    pub(crate) outputs: Vec<Output<'a>>,
}

impl Answer<'_> {
    /// What the output of that name says.
    pub(crate) fn output(&self, name: &str) -> Option<&Output<'_>> {
        self.outputs.iter().find(|output| output.name == name)
    }
}

/// Predicts the rows.
///
/// # Errors
/// What the model says of rows it cannot take.
pub(crate) fn answer<'a>(model: &'a Served, rows: &Rows<'_>) -> Result<Answer<'a>, Refusal> {
    let prediction = if model.prepares {
        model.scorer.predict(&model.package().frame_of(&batch(model, rows.frame())?)?)?
    } else {
        model.scorer.predict(rows.frame())?
    };
    let package = model.package();
    let classes = package.signature.classes.as_slice();
    let mut outputs = Vec::with_capacity(model.outputs.len());
    let mut push = |name, told| {
        let known = model.outputs.iter().find(|output| output.name == name);
        outputs.extend(known.map(|known| Output { name, datatype: known.datatype, width: known.width, told }));
    };
    let intervals = package.conformal.as_ref().and_then(|conformal| conformal.intervals(&prediction));
    let sets = package.conformal.as_ref().and_then(|conformal| conformal.sets(&prediction));
    if package.signature.task == Task::Clustering {
        let codes = prediction.codes().unwrap_or_default();
        push("prediction", Told::Whole(codes.iter().map(|&code| i64::from(code)).collect()));
    } else if let Some(codes) = prediction.codes() {
        push("prediction", Told::Classes(codes.into_owned(), classes));
    }
    match prediction {
        Prediction::Values(values) => push("prediction", Told::Numbers(values)),
        Prediction::Probabilities { values, .. } => push("probabilities", Told::Numbers(values)),
        Prediction::Clusters { .. } => {}
    }
    if let Some(intervals) = intervals {
        push("interval_low", Told::Numbers(intervals.iter().map(|ends| ends[0]).collect()));
        push("interval_high", Told::Numbers(intervals.iter().map(|ends| ends[1]).collect()));
    }
    if let Some(sets) = sets {
        push("set", Told::Flags(sets));
    }
    Ok(Answer { model, rows: rows.len(), outputs })
}
