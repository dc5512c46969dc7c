//! Predictions from file to file, larger than memory.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
};
use trainyard_core::{ColumnType, Schema, Warning};
use trainyard_data::{
    DataError,
    read::{Cancelled, Format, Note, ReadOptions, look, read_batches},
    write::Writer,
};

use crate::{
    Package, Scorer,
    scoring::{Asked, Scoring},
};

/// How it went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predicted {
    /// Records predicted.
    pub rows: u64,
    /// What was guessed in reading, and what the model has not met before.
    pub warnings: Vec<Warning>,
}

/// Predicts the records of `files` and writes them, with their predictions, to `out`, which appears once it is complete.
/// The format of each is told by its name, as [`trainyard_data::read`] and [`trainyard_data::write`] do; `options` says
/// what else is known of `files`.
///
/// Columns are read in the types of the model's signature, not in those that this file happens to suggest: a text of
/// digits stays text, and an empty column of numbers is one. `told` hears how many records are done.
///
/// # Errors
/// `missing-columns`, `wrong-type` with the places in the file, whatever else reading, predicting or writing reports;
/// `cancelled`.
pub fn predict_files(
    package: &Arc<Package>,
    files: &[PathBuf],
    options: &ReadOptions,
    asked: &Asked,
    out: &Path,
    told: &dyn Fn(u64),
    cancelled: Cancelled<'_>,
) -> Result<Predicted, DataError> {
    let scorer = Scorer::new(Arc::clone(package))?;
    let (mut options, typed) = settled(&Scoring::new(&scorer, asked)?, package, files, options, asked)?;
    for second in [false, true] {
        let scoring = Scoring::new(&scorer, asked)?;
        let mut misread = Vec::new();
        let begin = |schema: &SchemaRef, notes: Vec<Note>| {
            misread = if second || typed { Vec::new() } else { misread_of(&scoring, schema) };
            if !misread.is_empty() {
                return Err(DataError::new("wrong-type", "a column has another type than the signature says"));
            }
            let writer = Writer::create(out, &scoring.schema(schema)?)?;
            Ok(State { scoring, writer, warnings: notes.into_iter().map(Warning::from).collect() })
        };
        let take = |state: &mut State<'_>, batch: RecordBatch| {
            let State { scoring, writer, .. } = state;
            scoring.push(&batch, &mut |scored| writer.push(scored))?;
            told(scoring.found.rows);
            Ok(())
        };
        match read_batches(files, &options, cancelled, begin, take) {
            // What stands where is told by reading again under the types of the signature; and an empty column, which
            // suggests nothing, has its type then.
            Err(_) if !misread.is_empty() => options.types.extend(misread),
            Err(error) => return Err(error),
            Ok(State { mut scoring, mut writer, mut warnings }) => {
                scoring.flush(&mut |scored| writer.push(scored))?;
                writer.finish()?;
                warnings.extend(scoring.found.warnings());
                return Ok(Predicted { rows: scoring.found.rows, warnings });
            }
        }
    }
    Err(DataError::new("wrong-type", "the columns cannot be read in the types of the signature"))
}

struct State<'a> {
    scoring: Scoring<'a>,
    writer: Writer,
    warnings: Vec<Warning>,
}

/// The options with the types of the columns that must not be told from the file, and with a header where one was
/// mistaken for a record; and whether the files know their own types.
fn settled(
    scoring: &Scoring<'_>,
    package: &Package,
    files: &[PathBuf],
    options: &ReadOptions,
    asked: &Asked,
) -> Result<(ReadOptions, bool), DataError> {
    let mut seen = look(files, options)?;
    let mut options = options.clone();
    let lacks = |schema: &Schema| scoring.intake().reads().any(|name| schema.column(name).is_none());
    if lacks(&seen.schema) && options.header.is_none() && seen.options_used.header == Some(false) {
        let named = ReadOptions { header: Some(true), ..options.clone() };
        if let Ok(again) = look(files, &named)
            && !lacks(&again.schema)
        {
            (seen, options) = (again, named);
        }
    }
    if !lacks(&seen.schema) && seen.options_used.header == Some(true) {
        // The names are the model's, so the header is no guess.
        options.header = Some(true);
    }
    // A key of JSON lines may first appear anywhere.
    if seen.exact || seen.options_used.format != Some(Format::JsonLines) {
        scoring.intake().require(seen.schema.names()).map_err(|error| {
            let inputs = &package.signature.inputs;
            let ready = !asked.prepared && inputs.iter().all(|column| seen.schema.column(&column.name).is_some());
            if !ready || inputs.is_empty() {
                return error;
            }
            DataError { help: None, ..error }
                .help("these rows look prepared already: say so with `--prepared`, or give the records of the source")
        })?;
    }
    let typed = matches!(seen.options_used.format, Some(Format::Parquet | Format::Arrow));
    if !typed {
        for field in scoring.fields() {
            let column = &field.column.column;
            let kept = match column.column_type {
                ColumnType::Integer | ColumnType::Float | ColumnType::Other => false,
                // What is not needed may be anything, but a text of digits stays one.
                ColumnType::Text => true,
                ColumnType::Boolean | ColumnType::Date | ColumnType::Timestamp => field.needed,
            };
            if kept && seen.schema.column(&column.name).is_some() {
                options.types.entry(column.name.clone()).or_insert(column.column_type);
            }
        }
    }
    Ok((options, typed))
}

/// The columns of numbers that suggest to be something else, with the type they should have.
fn misread_of(scoring: &Scoring<'_>, schema: &SchemaRef) -> Vec<(String, ColumnType)> {
    let plain: Vec<&str> = scoring.intake().plain().collect();
    let misread = scoring.fields().into_iter().filter(|field| field.needed).filter_map(|field| {
        let column = field.column.column;
        let found = schema.field_with_name(&column.name).ok()?.data_type().clone();
        let number = matches!(found, DataType::Int64 | DataType::Float64);
        let whole = column.column_type == ColumnType::Integer && !plain.contains(&column.name.as_str());
        let fits = match column.column_type {
            ColumnType::Integer | ColumnType::Float => number && !(whole && found == DataType::Float64),
            _ => true,
        };
        // A number from which nothing is computed may be whole or not.
        let wanted = if whole { ColumnType::Integer } else { ColumnType::Float };
        (!fits).then_some((column.name, wanted))
    });
    misread.collect()
}
