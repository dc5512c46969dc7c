//! The digest of a table's logical content: names, types and values, whatever the batches or the file they came from.
//!
//! Version 1. Per column two streams are hashed: which rows have a value, and the values, where a row without one
//! counts as zero or as empty text and every NaN is the same NaN. Negative zero differs from zero.

use arrow::{
    array::{Array, ArrayRef, AsArray, OffsetSizeTrait},
    datatypes::{ArrowPrimitiveType, DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
    util::display::{ArrayFormatter, FormatOptions},
};
use rayon::prelude::*;
use trainyard_core::{Digest, Hasher};

use super::{Table, column_type};

/// Bytes gathered before they are hashed, so that BLAKE3 can work on many blocks at once.
const GATHER: usize = 1 << 16;

pub(super) fn digest(table: &Table) -> Digest {
    let columns: Vec<Digest> = (0..table.column_count())
        .into_par_iter()
        .map(|position| {
            let arrays: Vec<&ArrayRef> = table.batches.iter().map(|batch| batch.column(position)).collect();
            column(&arrays)
        })
        .collect();
    let mut hasher = Hasher::new("trainyard table 1");
    hasher.part(&(table.rows as u64).to_le_bytes());
    hasher.part(&(columns.len() as u64).to_le_bytes());
    for (field, digest) in table.schema.fields().iter().zip(&columns) {
        hasher.part(field.name().as_bytes());
        hasher.part(type_name(field.data_type()).as_bytes());
        hasher.part(digest.as_bytes());
    }
    hasher.digest()
}

fn type_name(data_type: &DataType) -> String {
    match (column_type(data_type), data_type) {
        (_, DataType::Timestamp(_, Some(_))) => "timestamp utc".to_owned(),
        (trainyard_core::ColumnType::Other, other) => format!("other {other}"),
        (known, _) => known.to_string(),
    }
}

fn column(arrays: &[&ArrayRef]) -> Digest {
    let mut valid = Bits::new("valid");
    if arrays.iter().any(|array| array.logical_null_count() > 0) {
        for array in arrays {
            let nulls = array.logical_nulls();
            (0..array.len()).for_each(|row| valid.push(nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))));
        }
    }
    let mut hasher = Hasher::new("column");
    hasher.part(valid.digest().as_bytes());
    hasher.part(values(arrays).as_bytes());
    hasher.digest()
}

fn values(arrays: &[&ArrayRef]) -> Digest {
    match arrays.first().map(|array| array.data_type()) {
        None => Hasher::new("nothing").digest(),
        Some(DataType::Boolean) => {
            let mut bits = Bits::new("booleans");
            for array in arrays {
                let array = array.as_boolean();
                (0..array.len()).for_each(|row| bits.push(array.is_valid(row) && array.value(row)));
            }
            bits.digest()
        }
        Some(DataType::Int64) => {
            numbers::<Int64Type>(arrays, |_| true, |value, bytes| bytes.push(&value.to_le_bytes()))
        }
        Some(DataType::Date32) => {
            numbers::<Date32Type>(arrays, |_| true, |value, bytes| bytes.push(&value.to_le_bytes()))
        }
        Some(DataType::Timestamp(..)) => {
            numbers::<TimestampMicrosecondType>(arrays, |_| true, |value, bytes| bytes.push(&value.to_le_bytes()))
        }
        Some(DataType::Float64) => {
            let plain = |values: &[f64]| !values.iter().fold(false, |any, value| any | value.is_nan());
            numbers::<Float64Type>(arrays, plain, |value, bytes| {
                let value = if value.is_nan() { f64::NAN } else { value };
                bytes.push(&value.to_bits().to_le_bytes());
            })
        }
        Some(DataType::Utf8) => texts(arrays),
        Some(DataType::Binary) => binaries::<i32>(arrays),
        Some(DataType::LargeBinary) => binaries::<i64>(arrays),
        Some(_) => others(arrays),
    }
}

/// Values of fixed width; `plain` says that a run of values may be hashed as it lies in memory.
fn numbers<T: ArrowPrimitiveType>(
    arrays: &[&ArrayRef],
    plain: impl Fn(&[T::Native]) -> bool,
    write: impl Fn(T::Native, &mut Bytes),
) -> Digest {
    let mut bytes = Bytes::new("numbers");
    for array in arrays {
        let array = array.as_primitive::<T>();
        if cfg!(target_endian = "little") && array.null_count() == 0 && plain(array.values()) {
            bytes.push_all(array.values().inner().as_slice());
        } else {
            let zero = T::Native::default();
            (0..array.len())
                .for_each(|row| write(if array.is_valid(row) { array.value(row) } else { zero }, &mut bytes));
        }
    }
    bytes.digest()
}

fn texts(arrays: &[&ArrayRef]) -> Digest {
    let (mut lengths, mut bytes) = (Bytes::new("lengths"), Bytes::new("text"));
    for array in arrays {
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
    both(&lengths.digest(), &bytes.digest())
}

fn binaries<O: OffsetSizeTrait>(arrays: &[&ArrayRef]) -> Digest {
    let (mut lengths, mut bytes) = (Bytes::new("lengths"), Bytes::new("binary"));
    for array in arrays {
        let array = array.as_binary::<O>();
        for row in 0..array.len() {
            let value: &[u8] = if array.is_valid(row) { array.value(row) } else { &[] };
            lengths.push(&(value.len() as u64).to_le_bytes());
            bytes.push(value);
        }
    }
    both(&lengths.digest(), &bytes.digest())
}

/// Values of any other type by their text, which Arrow writes in full.
fn others(arrays: &[&ArrayRef]) -> Digest {
    let (mut lengths, mut bytes) = (Bytes::new("lengths"), Bytes::new("shown"));
    let options = FormatOptions::default();
    for array in arrays {
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
    both(&lengths.digest(), &bytes.digest())
}

fn both(lengths: &Digest, bytes: &Digest) -> Digest {
    let mut hasher = Hasher::new("texts");
    hasher.part(lengths.as_bytes()).part(bytes.as_bytes());
    hasher.digest()
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
