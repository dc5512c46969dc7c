//! A fast hash of whole rows, for finding equal rows. Not for anything kept: it may change with a new version.

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
    util::display::{ArrayFormatter, FormatOptions},
};
use rayon::prelude::*;

use crate::{error::DataError, table::Table};

/// Rows hashed as one piece of work.
const PIECE: usize = 1 << 14;
/// Digits of π's fraction: any odd numbers without pattern serve.
const FIRST: u64 = 0x243f_6a88_85a3_08d3;
const SECOND: u64 = 0x1319_8a2e_0370_7345;
const MISSING: u64 = 0xa409_3822_299f_31d1;

/// A 64-bit hash of each row over all columns: equal rows have equal hashes, with −0 equal to 0 and every NaN equal to
/// a missing value. Two different rows of a million share one with a chance of 3·10⁻⁸.
///
/// # Errors
/// `bad-table` for a column type that cannot be shown as text.
pub(super) fn row_hashes(table: &Table) -> Result<Vec<u64>, DataError> {
    let pieces: Vec<_> = table
        .batches()?
        .iter()
        .flat_map(|batch| {
            let rows = batch.num_rows();
            (0..rows).step_by(PIECE).map(move |start| batch.slice(start, PIECE.min(rows - start)))
        })
        .collect();
    let hashed = pieces
        .par_iter()
        .map(|piece| {
            let mut hashes = vec![FIRST; piece.num_rows()];
            piece.columns().iter().try_for_each(|array| add_column(array, &mut hashes))?;
            Ok(hashes)
        })
        .collect::<Result<Vec<_>, DataError>>()?;
    Ok(hashed.into_iter().flatten().collect())
}

/// The two halves of a 128-bit product folded into one: each input bit reaches every output bit.
const fn fold(left: u64, right: u64) -> u64 {
    let product = (left as u128).wrapping_mul(right as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

const fn step(hash: u64, value: u64) -> u64 {
    fold(hash ^ value, SECOND).wrapping_add(hash.rotate_left(23))
}

fn add_column(array: &ArrayRef, hashes: &mut [u64]) -> Result<(), DataError> {
    match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>().values();
            add(array, hashes, |row| values[row] as u64);
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            add(array, hashes, |row| if values[row].is_nan() { MISSING } else { (values[row] + 0.0).to_bits() });
        }
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>().values();
            add(array, hashes, |row| values[row] as u64);
        }
        DataType::Timestamp(..) => {
            let values = array.as_primitive::<TimestampMicrosecondType>().values();
            add(array, hashes, |row| values[row] as u64);
        }
        DataType::Boolean => {
            let values = array.as_boolean();
            add(array, hashes, |row| u64::from(values.value(row)));
        }
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            add(array, hashes, |row| of_bytes(values.value(row).as_bytes()));
        }
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
            add(array, hashes, |row| of_bytes(formatter.value(row).to_string().as_bytes()));
        }
    }
    Ok(())
}

fn add(array: &ArrayRef, hashes: &mut [u64], value: impl Fn(usize) -> u64) {
    if array.null_count() == 0 {
        hashes.iter_mut().enumerate().for_each(|(row, hash)| *hash = step(*hash, value(row)));
    } else {
        let value = |row| if array.is_null(row) { MISSING } else { value(row) };
        hashes.iter_mut().enumerate().for_each(|(row, hash)| *hash = step(*hash, value(row)));
    }
}

fn of_bytes(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = step(hash, u64::from_le_bytes(word));
    }
    fold(hash ^ FIRST, SECOND)
}
