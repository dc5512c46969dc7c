//! The digest of a table's logical content: names, types and values, whatever the batches or the file they came from.
//!
//! Version 1. Per column two streams are hashed: which rows have a value, and the values, where a row without one
//! counts as zero or as empty text and every NaN is the same NaN. Negative zero differs from zero.

use arrow::{
    array::{Array, ArrayRef, AsArray, DictionaryArray, OffsetSizeTrait, RecordBatch},
    datatypes::{
        ArrowPrimitiveType, DataType, Date32Type, Float64Type, Int32Type, Int64Type, Schema, TimestampMicrosecondType,
    },
    util::display::{ArrayFormatter, FormatOptions},
};
use rayon::prelude::*;
use trainyard_core::{Digest, Hasher};

use super::{Table, column_type, summary::Seen};
use crate::error::DataError;

/// Bytes gathered before they are hashed, so that BLAKE3 can work on many blocks at once.
const GATHER: usize = 1 << 16;

/// Bytes of a short text.
const SHORT: usize = 16;

/// The digest of a whole table.
pub(super) fn digest(table: &Table) -> Result<Digest, DataError> {
    let columns: Vec<Digest> = (0..table.column_count())
        .into_par_iter()
        .map(|position| {
            let (mut column, mut seen) = (Column::default(), Seen::default());
            let in_file = table.is_in_file();
            table.for_each_piece(position, |_, array| {
                column.push(array);
                if in_file {
                    seen.push(array);
                }
                Ok(())
            })?;
            table.note(position, seen);
            Ok(column.digest())
        })
        .collect::<Result<_, DataError>>()?;
    Ok(of_columns(&table.schema, table.rows, &columns))
}

/// The name of a table that can no longer be read: unlike that of any table, so that nothing is taken for it.
pub(super) fn unreadable(why: &DataError) -> Digest {
    let mut hasher = Hasher::new("trainyard unreadable table");
    hasher.part(why.message.as_bytes());
    hasher.digest()
}

/// The digest of a table whose columns have these.
fn of_columns(schema: &Schema, rows: usize, columns: &[Digest]) -> Digest {
    let mut hasher = Hasher::new("trainyard table 1");
    hasher.part(&(rows as u64).to_le_bytes());
    hasher.part(&(columns.len() as u64).to_le_bytes());
    for (field, digest) in schema.fields().iter().zip(columns) {
        hasher.part(field.name().as_bytes());
        hasher.part(type_name(field.data_type()).as_bytes());
        hasher.part(digest.as_bytes());
    }
    hasher.digest()
}

/// The digest of a table that comes batch by batch.
pub(super) struct Digester {
    columns: Vec<Column>,
    rows: usize,
}

impl Digester {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns: (0..columns).map(|_| Column::default()).collect(), rows: 0 }
    }

    pub(super) fn push(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        self.columns.par_iter_mut().zip(batch.columns()).for_each(|(column, array)| column.push(array));
    }

    pub(super) fn digest(self, schema: &Schema) -> Digest {
        let columns: Vec<Digest> = self.columns.into_iter().map(Column::digest).collect();
        of_columns(schema, self.rows, &columns)
    }
}

fn type_name(data_type: &DataType) -> String {
    match (column_type(data_type), data_type) {
        (_, DataType::Timestamp(_, Some(_))) => "timestamp utc".to_owned(),
        (trainyard_core::ColumnType::Other, other) => format!("other {other}"),
        (known, _) => known.to_string(),
    }
}

/// The digest of a column that comes piece by piece.
#[derive(Default)]
struct Column {
    rows: usize,
    /// Which rows have a value; none as long as all have.
    valid: Option<Bits>,
    /// None before the first piece.
    values: Option<Values>,
}

enum Values {
    Bits(Bits),
    Numbers(Bytes),
    /// Lengths and bytes.
    Texts(Box<Bytes>, Box<Bytes>),
}

impl Column {
    fn push(&mut self, array: &ArrayRef) {
        if array.is_empty() {
            return;
        }
        if array.logical_null_count() > 0 && self.valid.is_none() {
            let mut valid = Bits::new("valid");
            (0..self.rows).for_each(|_| valid.push(true));
            self.valid = Some(valid);
        }
        if let Some(valid) = &mut self.valid {
            let nulls = array.logical_nulls();
            (0..array.len()).for_each(|row| valid.push(nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))));
        }
        self.rows += array.len();
        self.values.get_or_insert_with(|| Values::new(array.data_type())).push(array);
    }

    fn digest(self) -> Digest {
        let mut hasher = Hasher::new("column");
        hasher.part(self.valid.unwrap_or_else(|| Bits::new("valid")).digest().as_bytes());
        let values = self.values.map_or_else(|| Hasher::new("nothing").digest(), Values::digest);
        hasher.part(values.as_bytes());
        hasher.digest()
    }
}

impl Values {
    fn new(data_type: &DataType) -> Self {
        let texts = |purpose| Self::Texts(Box::new(Bytes::new("lengths")), Box::new(Bytes::new(purpose)));
        match data_type {
            DataType::Boolean => Self::Bits(Bits::new("booleans")),
            DataType::Int64 | DataType::Date32 | DataType::Timestamp(..) | DataType::Float64 => {
                Self::Numbers(Bytes::new("numbers"))
            }
            DataType::Utf8 | DataType::Dictionary(..) => texts("text"),
            DataType::Binary | DataType::LargeBinary => texts("binary"),
            _ => texts("shown"),
        }
    }

    fn push(&mut self, array: &ArrayRef) {
        match (self, array.data_type()) {
            (Self::Bits(bits), _) => {
                let array = array.as_boolean();
                (0..array.len()).for_each(|row| bits.push(array.is_valid(row) && array.value(row)));
            }
            (Self::Numbers(bytes), DataType::Int64) => {
                numbers::<Int64Type>(array, bytes, |_| true, |value, bytes| bytes.push(&value.to_le_bytes()));
            }
            (Self::Numbers(bytes), DataType::Date32) => {
                numbers::<Date32Type>(array, bytes, |_| true, |value, bytes| bytes.push(&value.to_le_bytes()));
            }
            (Self::Numbers(bytes), DataType::Timestamp(..)) => {
                numbers::<TimestampMicrosecondType>(
                    array,
                    bytes,
                    |_| true,
                    |value, bytes| bytes.push(&value.to_le_bytes()),
                );
            }
            (Self::Numbers(bytes), _) => {
                let plain = |values: &[f64]| !values.iter().fold(false, |any, value| any | value.is_nan());
                numbers::<Float64Type>(array, bytes, plain, |value, bytes| {
                    let value = if value.is_nan() { f64::NAN } else { value };
                    bytes.push(&value.to_bits().to_le_bytes());
                });
            }
            (Self::Texts(lengths, bytes), DataType::Utf8) => texts(array, lengths, bytes),
            (Self::Texts(lengths, bytes), DataType::Dictionary(..)) => match array.as_dictionary_opt::<Int32Type>() {
                Some(coded) if coded.values().data_type() == &DataType::Utf8 => coded_texts(coded, lengths, bytes),
                _ => others(array, lengths, bytes),
            },
            (Self::Texts(lengths, bytes), DataType::Binary) => binaries::<i32>(array, lengths, bytes),
            (Self::Texts(lengths, bytes), DataType::LargeBinary) => binaries::<i64>(array, lengths, bytes),
            (Self::Texts(lengths, bytes), _) => others(array, lengths, bytes),
        }
    }

    fn digest(self) -> Digest {
        match self {
            Self::Bits(bits) => bits.digest(),
            Self::Numbers(bytes) => bytes.digest(),
            Self::Texts(lengths, bytes) => {
                let mut hasher = Hasher::new("texts");
                hasher.part(lengths.digest().as_bytes()).part(bytes.digest().as_bytes());
                hasher.digest()
            }
        }
    }
}

/// Values of fixed width; `plain` says that a run of values may be hashed as it lies in memory.
fn numbers<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    bytes: &mut Bytes,
    plain: impl Fn(&[T::Native]) -> bool,
    write: impl Fn(T::Native, &mut Bytes),
) {
    let array = array.as_primitive::<T>();
    if cfg!(target_endian = "little") && array.null_count() == 0 && plain(array.values()) {
        bytes.push_all(array.values().inner().as_slice());
    } else {
        let zero = T::Native::default();
        (0..array.len()).for_each(|row| write(if array.is_valid(row) { array.value(row) } else { zero }, bytes));
    }
}

fn texts(array: &ArrayRef, lengths: &mut Bytes, bytes: &mut Bytes) {
    let array = array.as_string::<i32>();
    if array.null_count() == 0 {
        let offsets = array.value_offsets();
        offsets.windows(2).for_each(|pair| lengths.push(&i64::from(pair[1] - pair[0]).to_le_bytes()));
        if let (Some(first), Some(last)) = (offsets.first(), offsets.last()) {
            bytes.push_all(&array.value_data()[*first as usize..*last as usize]);
        }
    } else {
        for row in 0..array.len() {
            let value = if array.is_valid(row) { array.value(row) } else { "" };
            lengths.push(&(value.len() as u64).to_le_bytes());
            bytes.push(value.as_bytes());
        }
    }
}

/// Texts as numbers into a dictionary, as what they stand for.
fn coded_texts(array: &DictionaryArray<Int32Type>, lengths: &mut Bytes, bytes: &mut Bytes) {
    let known = array.values().as_string::<i32>();
    let known: Vec<(&[u8], [u8; 8])> = (0..known.len())
        .map(|code| if known.is_valid(code) { known.value(code).as_bytes() } else { &[] })
        .map(|value| (value, (value.len() as u64).to_le_bytes()))
        .collect();
    let none = (&[][..], [0; 8]);
    let keys = array.keys();
    if keys.null_count() == 0 && known.iter().all(|(value, _)| value.len() <= SHORT) {
        return short_texts(keys.values(), &known, lengths, bytes);
    }
    for (row, key) in keys.values().iter().enumerate() {
        let (value, length) = match usize::try_from(*key).ok().and_then(|key| known.get(key)) {
            Some(known) if keys.null_count() == 0 || keys.is_valid(row) => known,
            _ => &none,
        };
        lengths.push(length);
        bytes.push(value);
    }
}

/// Short texts, none missing: each is copied at full width and the next one put over what was too much, which is several
/// times faster than copying it at its own length.
fn short_texts(keys: &[i32], known: &[(&[u8], [u8; 8])], lengths: &mut Bytes, bytes: &mut Bytes) {
    let wide: Vec<([u8; SHORT], usize)> = known
        .iter()
        .map(|(value, _)| {
            let mut wide = [0; SHORT];
            wide[..value.len()].copy_from_slice(value);
            (wide, value.len())
        })
        .collect();
    let mut text = vec![0_u8; (keys.len() + 1) * SHORT];
    let mut all = Vec::with_capacity(keys.len() * 8);
    let mut at = 0;
    for key in keys {
        // The reader has checked that every key is one of the dictionary's.
        let (wide, length) = usize::try_from(*key).ok().and_then(|key| wide.get(key)).unwrap_or(&([0; SHORT], 0));
        text[at..at + SHORT].copy_from_slice(wide);
        at += length;
        all.extend_from_slice(&(*length as u64).to_le_bytes());
    }
    lengths.push_all(&all);
    bytes.push_all(&text[..at]);
}

fn binaries<O: OffsetSizeTrait>(array: &ArrayRef, lengths: &mut Bytes, bytes: &mut Bytes) {
    let array = array.as_binary::<O>();
    for row in 0..array.len() {
        let value: &[u8] = if array.is_valid(row) { array.value(row) } else { &[] };
        lengths.push(&(value.len() as u64).to_le_bytes());
        bytes.push(value);
    }
}

/// Values of any other type by their text, which Arrow writes in full.
fn others(array: &ArrayRef, lengths: &mut Bytes, bytes: &mut Bytes) {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).ok();
    for row in 0..array.len() {
        let value = match &formatter {
            Some(formatter) if array.is_valid(row) => formatter.value(row).try_to_string().unwrap_or_default(),
            _ => String::new(),
        };
        lengths.push(&(value.len() as u64).to_le_bytes());
        bytes.push(value.as_bytes());
    }
}

/// A stream of bytes hashed in large pieces.
struct Bytes {
    hasher: Hasher,
    gathered: Vec<u8>,
}

impl Bytes {
    fn new(purpose: &str) -> Self {
        Self { hasher: Hasher::new(purpose), gathered: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHER {
            self.flush();
        }
    }

    fn push_all(&mut self, bytes: &[u8]) {
        self.flush();
        self.hasher.raw(bytes);
    }

    fn flush(&mut self) {
        self.hasher.raw(&self.gathered);
        self.gathered.clear();
    }

    fn digest(mut self) -> Digest {
        self.flush();
        self.hasher.digest()
    }
}

/// A stream of bits, eight to a byte, lowest first.
struct Bits {
    bytes: Bytes,
    byte: u8,
    used: u32,
}

impl Bits {
    fn new(purpose: &str) -> Self {
        Self { bytes: Bytes::new(purpose), byte: 0, used: 0 }
    }

    fn push(&mut self, bit: bool) {
        self.byte |= u8::from(bit) << self.used;
        self.used += 1;
        if self.used == 8 {
            self.bytes.push(&[self.byte]);
            (self.byte, self.used) = (0, 0);
        }
    }

    fn digest(mut self) -> Digest {
        if self.used > 0 {
            self.bytes.push(&[self.byte]);
        }
        self.bytes.digest()
    }
}
