//! Parts by a hash of key columns: a row keeps its part whatever rows come or go.

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
    util::display::{ArrayFormatter, FormatOptions},
};
use rayon::prelude::*;

use crate::{error::DataError, table::Table};

/// Rows hashed as one piece of work.
const PIECE: usize = 1 << 14;

/// A part for each row, from the BLAKE3 hash of its key values and the seed.
///
/// # Errors
/// `unknown-column`; `bad-table` for a column type that cannot be shown as text.
pub(super) fn assign(table: &Table, key: &[String], shares: &[f64], seed: u64) -> Result<Vec<u8>, DataError> {
    let mut sum = 0.0;
    let upper: Vec<f64> = shares
        .iter()
        .map(|share| {
            sum += share;
            sum
        })
        .collect();
    let last = shares.len().saturating_sub(1) as u8;
    let part = |hash: u64| {
        // The top 53 bits as a number in [0, 1), exact in a float.
        let place = (hash >> 11) as f64 / (1_u64 << 53) as f64;
        upper.iter().position(|upper| place < *upper).map_or(last, |part| part as u8)
    };
    Ok(hashes(table, key, seed)?.into_iter().map(part).collect())
}

/// The hash of each row's key.
pub(super) fn hashes(table: &Table, key: &[String], seed: u64) -> Result<Vec<u64>, DataError> {
    let keyed = table.select(key)?;
    let pieces: Vec<RecordBatch> = keyed
        .batches()?
        .iter()
        .flat_map(|batch| {
            let rows = batch.num_rows();
            (0..rows).step_by(PIECE).map(move |start| batch.slice(start, PIECE.min(rows - start)))
        })
        .collect();
    let hashed = pieces.par_iter().map(|piece| piece_hashes(piece, seed)).collect::<Result<Vec<_>, _>>()?;
    Ok(hashed.into_iter().flatten().collect())
}

fn piece_hashes(piece: &RecordBatch, seed: u64) -> Result<Vec<u64>, DataError> {
    let options = FormatOptions::default();
    let writers = piece.columns().iter().map(|array| writer(array, &options)).collect::<Result<Vec<_>, _>>()?;
    let mut bytes = Vec::new();
    let hash = |row: usize| {
        bytes.clear();
        bytes.extend_from_slice(&seed.to_le_bytes());
        writers.iter().for_each(|write| write(row, &mut bytes));
        let hash = blake3::hash(&bytes);
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a BLAKE3 hash has 32 bytes"))
    };
    Ok((0..piece.num_rows()).map(hash).collect())
}

type Writer<'a> = Box<dyn Fn(usize, &mut Vec<u8>) + 'a>;

/// Writes a value as bytes: a letter for its sort, then its content. Whole numbers are written alike as integers and
/// floats, so that a column which gains its first fraction keeps its parts.
fn writer<'a>(array: &'a ArrayRef, options: &'a FormatOptions<'a>) -> Result<Writer<'a>, DataError> {
    let write: Writer<'a> = match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>().values();
            Box::new(|row, bytes| write_integer(values[row], bytes))
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            Box::new(|row, bytes| write_float(values[row], bytes))
        }
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(|row, bytes| bytes.extend_from_slice(&[b'b', u8::from(values.value(row))]))
        }
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>().values();
            Box::new(|row, bytes| {
                bytes.push(b'd');
                bytes.extend_from_slice(&values[row].to_le_bytes());
            })
        }
        DataType::Timestamp(..) => {
            let values = array.as_primitive::<TimestampMicrosecondType>().values();
            Box::new(|row, bytes| {
                bytes.push(b's');
                bytes.extend_from_slice(&values[row].to_le_bytes());
            })
        }
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            Box::new(|row, bytes| write_text(b't', values.value(row), bytes))
        }
        _ => {
            let formatter = ArrayFormatter::try_new(array.as_ref(), options)?;
            Box::new(move |row, bytes| write_text(b'o', &formatter.value(row).to_string(), bytes))
        }
    };
    Ok(Box::new(move |row, bytes| if array.is_null(row) { bytes.push(b'n') } else { write(row, bytes) }))
}

fn write_integer(value: i64, bytes: &mut Vec<u8>) {
    bytes.push(b'i');
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn write_float(value: f64, bytes: &mut Vec<u8>) {
    // Up to 2⁵³ every whole float is exactly one integer.
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        return write_integer(value as i64, bytes);
    }
    if value.is_nan() {
        return bytes.push(b'n');
    }
    bytes.push(b'f');
    bytes.extend_from_slice(&value.to_bits().to_le_bytes());
}

fn write_text(sort: u8, text: &str, bytes: &mut Vec<u8>) {
    bytes.push(sort);
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}
