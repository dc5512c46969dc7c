//! Predictions for many records, some at a time: in parallel, in order, and the same at any number of threads.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions},
    datatypes::{Field, Schema, SchemaRef},
};
use rayon::prelude::*;
use trainyard_core::Warning;
use trainyard_data::{
    DataError, Gather, Table,
    preparation::{Compiled, Preparation},
};
use trainyard_learn::{Frame, Values};

use crate::{Package, Scorer, SourceField, batch_frame};

/// Records predicted together by one thread.
const PIECE: usize = 1 << 13;

/// Pieces for each thread that are in memory at a time.
const PIECES: usize = 4;

/// What is wanted beside the predictions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// True for rows that went through the preparation already: they have the signature's `inputs`.
    pub prepared: bool,
    /// Which of the records' own columns are kept; all when absent.
    pub columns: Option<Vec<String>>,
    /// How many features are named that moved each prediction most; 0 for none.
    pub explain: usize,
}

/// What was found while predicting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Records predicted.
    pub rows: u64,
    /// By raw column: how many records hold a text that is no level of the model, and one of those texts.
    pub unseen: BTreeMap<String, (u64, String)>,
}

impl Found {
    /// What the user should know.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let told = self.unseen.iter().map(|(column, (rows, text))| {
            let shown: String = text.chars().take(40).collect();
            let message =
                format!("{rows} records hold a `{column}` that the model has no level for, such as `{shown}`");
            #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
            Warning::new("unseen-levels", message).number("rows", *rows as f64)
        });
        told.collect()
    }

    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        for (column, (rows, text)) in other.unseen {
            self.unseen.entry(column).or_insert((0, text)).0 += rows;
        }
    }
}

/// Predicts records as they come.
pub struct Scoring<'a> {
    scorer: &'a Scorer,
    asked: &'a Asked,
    intake: Arc<Compiled>,
    /// Records that wait for others, in pieces, each with the number of records before it.
    waiting: Vec<(usize, RecordBatch)>,
    taken: usize,
    /// What was found so far.
    pub found: Found,
}

impl<'a> Scoring<'a> {
    /// Predictions of records of the source, or of prepared rows where `asked` says so.
    ///
    /// # Errors
    /// As [`Package::intake`].
    pub fn new(scorer: &'a Scorer, asked: &'a Asked) -> Result<Self, DataError> {
        let package = scorer.package();
        let intake = if asked.prepared { prepared_intake(package)? } else { Arc::clone(package.intake()?) };
        Ok(Self { scorer, asked, intake, waiting: Vec::new(), taken: 0, found: Found::default() })
    }

    /// The columns of the records, those that are read and any others that the model knows of.
    pub(crate) fn fields(&self) -> Vec<SourceField> {
        let package = self.scorer.package();
        match self.asked.prepared {
            true => package.signature.inputs.iter().map(SourceField::needed).collect(),
            false => package.signature.source.clone(),
        }
    }

    /// The way from records to the model's raw columns.
    #[must_use]
    pub const fn intake(&self) -> &Arc<Compiled> {
        &self.intake
    }

    /// The columns that come out for records of these columns.
    ///
    /// # Errors
    /// `missing-column` for those that the model reads; `unknown-column` for one that was to be kept; `no-trees` and its
    /// like where explanations are asked for that the model does not have.
    pub fn schema(&self, records: &SchemaRef) -> Result<SchemaRef, DataError> {
        Ok(self.score(0, &RecordBatch::new_empty(Arc::clone(records)))?.0.schema())
    }

    /// Takes the next records, and hands on what is ready.
    ///
    /// # Errors
    /// As [`Compiled::apply`] and [`Package::predict_frame`]; what `take` returns.
    pub fn push(
        &mut self,
        records: &RecordBatch,
        take: &mut dyn FnMut(&RecordBatch) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        for start in (0..records.num_rows()).step_by(PIECE) {
            let piece = records.slice(start, PIECE.min(records.num_rows() - start));
            self.waiting.push((self.taken + start, piece));
        }
        self.taken += records.num_rows();
        if self.waiting.len() >= PIECES * rayon::current_num_threads() { self.flush(take) } else { Ok(()) }
    }

    /// Hands on all that is left.
    ///
    /// # Errors
    /// As [`Scoring::push`].
    pub fn flush(&mut self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), DataError>) -> Result<(), DataError> {
        let waiting = std::mem::take(&mut self.waiting);
        let scored: Vec<Result<(RecordBatch, Found), DataError>> =
            waiting.par_iter().map(|(first, piece)| self.score(*first, piece)).collect();
        for scored in scored {
            let (batch, found) = scored?;
            take(&batch)?;
            self.found.add(found);
        }
        Ok(())
    }

    fn score(&self, first: usize, records: &RecordBatch) -> Result<(RecordBatch, Found), DataError> {
        let frame = batch_frame(&self.intake.apply_from(records, first)?)?;
        let package = self.scorer.package();
        let prediction = self.scorer.predict(&frame)?;
        let mut added = package.answer(&prediction)?;
        if self.asked.explain > 0 {
            added.extend(package.explain(&frame, &prediction, self.asked.explain)?);
        }
        let unseen = unseen(package, &frame);
        Ok((self.beside(records, added)?, Found { rows: records.num_rows() as u64, unseen }))
    }

    /// The kept columns and these; of two with one name, the new one.
    fn beside(&self, records: &RecordBatch, added: Vec<(String, ArrayRef)>) -> Result<RecordBatch, DataError> {
        let schema = records.schema_ref();
        let names = || schema.fields().iter().map(|field| field.name().as_str());
        let kept: Vec<usize> = match &self.asked.columns {
            None => (0..schema.fields().len()).collect(),
            Some(columns) => columns
                .iter()
                .map(|name| schema.index_of(name).map_err(|_| DataError::unknown_column(name, names())))
                .collect::<Result<_, _>>()?,
        };
        let kept = kept.into_iter().filter(|at| added.iter().all(|(name, _)| name != schema.field(*at).name()));
        let (mut fields, mut arrays): (Vec<Field>, Vec<ArrayRef>) =
            kept.map(|at| (schema.field(at).clone(), Arc::clone(records.column(at)))).unzip();
        for (name, array) in added {
            fields.push(Field::new(name, array.data_type().clone(), true));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
    }
}

/// The predictions for a table, beside what is kept of it. A large result lies in a file in `folder`. `told` hears how
/// many rows are done, and may stop the work.
///
/// # Errors
/// As [`Scoring::push`]; `cancelled` and whatever else `told` returns; `disk-full`.
pub fn predict_table(
    package: &Arc<Package>,
    records: &Table,
    asked: &Asked,
    folder: &Path,
    told: &dyn Fn(u64) -> Result<(), DataError>,
) -> Result<(Table, Found), DataError> {
    let scorer = Scorer::new(Arc::clone(package))?;
    let mut scoring = Scoring::new(&scorer, asked)?;
    let mut gather = Gather::new(&scoring.schema(records.arrow_schema())?, folder)?;
    let mut done = 0;
    let mut take = |batch: &RecordBatch| {
        gather.push(batch)?;
        done += batch.num_rows() as u64;
        told(done)
    };
    for batch in records.scan() {
        scoring.push(&batch?, &mut take)?;
    }
    scoring.flush(&mut take)?;
    Ok((gather.finish()?, scoring.found))
}

/// Prepared rows as they are.
fn prepared_intake(package: &Package) -> Result<Arc<Compiled>, DataError> {
    let source = package.signature.inputs.iter().map(|column| SourceField::needed(column).column).collect();
    Compiled::new(&Preparation { source, operations: Vec::new() }, &package.features.inputs()).map(Arc::new)
}

/// How many rows hold a text that is no level of the model, column by column.
fn unseen(package: &Package, frame: &Frame) -> BTreeMap<String, (u64, String)> {
    let mut found = BTreeMap::new();
    for column in &frame.columns {
        let Values::Category { codes, levels } = &column.values else { continue };
        let Some(known) = package.levels(&column.name) else { continue };
        let strange: Vec<bool> = levels.iter().map(|level| known.binary_search(level).is_err()).collect();
        let Some(example) = strange.iter().position(|strange| *strange) else { continue };
        let rows = codes.iter().filter(|code| strange.get(**code as usize).is_some_and(|strange| *strange)).count();
        found.insert(column.name.clone(), (rows as u64, levels[example].clone()));
    }
    found
}
