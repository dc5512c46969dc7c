//! A chunk's column: grows typed values, widens its type when a value asks for it.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, NullArray, NullBufferBuilder, StringArray,
        TimestampMicrosecondArray,
    },
    buffer::{Buffer, OffsetBuffer, ScalarBuffer},
    error::ArrowError,
};
use trainyard_core::ColumnType;

use super::{
    dialect::Dialect,
    record::{Field, cell, unquoted},
};
use crate::read::value::{DAY, ValueType, boolean, date, float, integer, is_large_integer, timestamp};

/// Misfits remembered of a declared column; more are only counted.
const SHOWN: usize = 5;

/// No integer beyond 64 bits is as small.
const LARGE: f64 = 9.2e18;

/// Some records of a chunk, their fields row by row.
pub(super) struct Block<'a> {
    pub(super) text: &'a [u8],
    pub(super) dialect: &'a Dialect,
    pub(super) fields: &'a [Field],
    pub(super) width: usize,
}

impl Block<'_> {
    pub(super) fn rows(&self) -> usize {
        self.fields.len() / self.width
    }
}

/// The values of one column of a block.
struct Cells<'a> {
    block: &'a Block<'a>,
    position: usize,
}

impl<'a> Cells<'a> {
    #[inline]
    fn field(&self, row: usize) -> Field {
        self.block.fields[row * self.block.width + self.position]
    }

    #[inline]
    fn bytes(&self, row: usize) -> &'a [u8] {
        cell(self.block.text, self.field(row))
    }
}

#[derive(Debug)]
enum Values {
    /// So many rows, none with a value.
    Unknown(usize),
    Boolean(Vec<bool>),
    Integer(Vec<i64>),
    Float(Vec<f64>),
    Date(Vec<i32>),
    Timestamp(Vec<i64>, bool),
    Text {
        ends: Vec<i32>,
        bytes: Vec<u8>,
    },
}

/// A chunk's column.
#[derive(Debug)]
pub(super) struct Column {
    values: Values,
    nulls: NullBufferBuilder,
    /// The user's word: the type never widens.
    declared: Option<ColumnType>,
    /// The texts of earlier values are needed although only their typed values were kept: read the chunk again.
    pub(super) again: bool,
    /// A marker in quotes was taken for a missing value, which it is not if the column turns out to be text.
    quoted_marker: bool,
    /// An integer too large for 64 bits was read as a float, which nobody asked for.
    pub(super) large: bool,
    /// Where values of a declared column do not fit: the first few, by position in the chunk.
    pub(super) misfits: Vec<(usize, String)>,
    pub(super) misfit_count: usize,
}

impl Column {
    pub(super) fn new(value_type: ValueType, declared: Option<ColumnType>, rows: usize) -> Self {
        use ValueType as V;
        let values = match value_type {
            V::Unknown => Values::Unknown(0),
            V::Boolean => Values::Boolean(Vec::with_capacity(rows)),
            V::Integer => Values::Integer(Vec::with_capacity(rows)),
            V::Float => Values::Float(Vec::with_capacity(rows)),
            V::Date => Values::Date(Vec::with_capacity(rows)),
            V::Timestamp => Values::Timestamp(Vec::with_capacity(rows), false),
            V::TimestampUtc => Values::Timestamp(Vec::with_capacity(rows), true),
            V::Text => {
                let mut ends = Vec::with_capacity(rows + 1);
                ends.push(0);
                Values::Text { ends, bytes: Vec::with_capacity(rows * 8) }
            }
        };
        Self {
            values,
            nulls: NullBufferBuilder::new(rows),
            declared,
            again: false,
            quoted_marker: false,
            large: false,
            misfits: Vec::new(),
            misfit_count: 0,
        }
    }

    pub(super) fn value_type(&self) -> ValueType {
        match self.values {
            _ if self.again => ValueType::Text,
            Values::Unknown(_) => ValueType::Unknown,
            Values::Boolean(_) => ValueType::Boolean,
            Values::Integer(_) => ValueType::Integer,
            Values::Float(_) => ValueType::Float,
            Values::Date(_) => ValueType::Date,
            Values::Timestamp(_, false) => ValueType::Timestamp,
            Values::Timestamp(_, true) => ValueType::TimestampUtc,
            Values::Text { .. } => ValueType::Text,
        }
    }

    /// Appends the column's values of a block.
    pub(super) fn append(&mut self, block: &Block<'_>, position: usize) {
        let cells = Cells { block, position };
        let mut row = 0;
        while !self.again {
            row = self.run(&cells, row);
            if row == block.rows() {
                return;
            }
            let text = cells.bytes(row);
            match self.declared {
                Some(_) => {
                    self.misfit_count += 1;
                    if self.misfits.len() < SHOWN {
                        let shown: String = String::from_utf8_lossy(text).chars().take(40).collect();
                        self.misfits.push((cells.field(row).start(), shown));
                    }
                    self.push_null();
                    row += 1;
                }
                None => self.widen(if cells.field(row).is_raw() { b"\"" } else { text }, block.dialect.decimal),
            }
        }
    }

    fn push_null(&mut self) {
        self.nulls.append_null();
        match &mut self.values {
            Values::Unknown(rows) => *rows += 1,
            Values::Boolean(values) => values.push(false),
            Values::Integer(values) | Values::Timestamp(values, _) => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Date(values) => values.push(0),
            Values::Text { ends, bytes } => ends.push(bytes.len() as i32),
        }
    }

    /// Appends values from row `from` on while they fit the type; says at which row one did not.
    fn run(&mut self, cells: &Cells<'_>, from: usize) -> usize {
        let rows = cells.block.rows();
        let dialect = cells.block.dialect;
        let decimal = dialect.decimal;
        let lenient = self.declared == Some(ColumnType::Boolean);
        let (nulls, quoted) = (&mut self.nulls, &mut self.quoted_marker);
        match &mut self.values {
            Values::Unknown(count) => {
                for row in from..rows {
                    if !dialect.missing.has(cells.bytes(row)) {
                        return row;
                    }
                    *quoted |= cells.field(row).is_quoted() && !dialect.quoted_missing;
                    *count += 1;
                    nulls.append_null();
                }
                rows
            }
            Values::Boolean(values) => typed(values, nulls, quoted, cells, from, |text| match text {
                b"1" if lenient => Some(true),
                b"0" if lenient => Some(false),
                _ => boolean(text),
            }),
            Values::Integer(values) => typed(values, nulls, quoted, cells, from, integer),
            Values::Float(values) => {
                let (inferred, large) = (self.declared.is_none(), &mut self.large);
                typed(values, nulls, quoted, cells, from, |text| {
                    let value = float(text, decimal)?;
                    if inferred && value.abs() >= LARGE {
                        *large |= is_large_integer(text);
                    }
                    Some(value)
                })
            }
            Values::Date(values) => typed(values, nulls, quoted, cells, from, date),
            Values::Timestamp(values, utc) => {
                let utc = *utc;
                typed(values, nulls, quoted, cells, from, |text| match timestamp(text) {
                    Some((micros, zoned)) => (zoned == utc).then_some(micros),
                    None if utc => None,
                    None => date(text).map(|day| i64::from(day) * DAY),
                })
            }
            Values::Text { ends, bytes } => {
                for row in from..rows {
                    let field = cells.field(row);
                    let text = cells.bytes(row);
                    let present = if field.is_raw() {
                        bytes.extend_from_slice(&unquoted(cells.block.text, field, dialect));
                        true
                    } else if (!field.is_quoted() || dialect.quoted_missing) && dialect.missing.has(text) {
                        false
                    } else {
                        bytes.extend_from_slice(text);
                        true
                    };
                    nulls.append(present);
                    // A chunk is far smaller than 2 GiB.
                    ends.push(bytes.len() as i32);
                }
                rows
            }
        }
    }

    /// Takes on the narrowest type that also holds `text`.
    fn widen(&mut self, text: &[u8], decimal: u8) {
        let now = self.value_type();
        let next = now.join(ValueType::of(text, decimal));
        let rows = self.nulls.len();
        match (std::mem::replace(&mut self.values, Values::Unknown(0)), next) {
            (Values::Integer(values), ValueType::Float) => {
                self.values = Values::Float(values.into_iter().map(|value| value as f64).collect());
            }
            (Values::Date(values), ValueType::Timestamp) => {
                let values = values.into_iter().map(|day| i64::from(day) * DAY).collect();
                self.values = Values::Timestamp(values, false);
            }
            (Values::Unknown(_), ValueType::Text) if self.quoted_marker => self.again = true,
            (Values::Unknown(_), next) => {
                let fresh = Self::new(next, None, rows);
                self.values = fresh.values;
                match &mut self.values {
                    Values::Unknown(_) => {}
                    Values::Boolean(values) => values.resize(rows, false),
                    Values::Integer(values) | Values::Timestamp(values, _) => values.resize(rows, 0),
                    Values::Float(values) => values.resize(rows, 0.0),
                    Values::Date(values) => values.resize(rows, 0),
                    Values::Text { ends, .. } => ends.resize(rows + 1, 0),
                }
            }
            _ => self.again = true,
        }
    }

    /// Whether the chunk must be read again for the column to become `value_type`.
    pub(super) fn needs_reading_as(&self, value_type: ValueType) -> bool {
        value_type == ValueType::Text
            && (self.again
                || match self.values {
                    Values::Unknown(_) => self.quoted_marker,
                    Values::Text { .. } => false,
                    _ => true,
                })
    }

    /// The column as an array of `value_type`, to which its own joins without reading the chunk again. An unknown
    /// type gives an array of Arrow's null type.
    pub(super) fn finish(mut self, value_type: ValueType) -> Result<ArrayRef, ArrowError> {
        let rows = self.nulls.len();
        if self.value_type() != value_type {
            // Widening from nothing, or from integer or date, is what a value of the wider type would do.
            let sample: &[u8] = match value_type {
                ValueType::Boolean => b"true",
                ValueType::Integer => b"1",
                ValueType::Float => b"inf",
                ValueType::Date => b"1970-01-01",
                ValueType::Timestamp => b"1970-01-01 00:00",
                ValueType::TimestampUtc => b"1970-01-01 00:00Z",
                ValueType::Text | ValueType::Unknown => b"\"",
            };
            self.widen(sample, b'.');
        }
        let nulls = self.nulls.finish();
        Ok(match self.values {
            Values::Unknown(_) => Arc::new(NullArray::new(rows)),
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.into(), nulls)),
            Values::Integer(values) => Arc::new(Int64Array::try_new(ScalarBuffer::from(values), nulls)?),
            Values::Float(values) => Arc::new(Float64Array::try_new(ScalarBuffer::from(values), nulls)?),
            Values::Date(values) => Arc::new(Date32Array::try_new(ScalarBuffer::from(values), nulls)?),
            Values::Timestamp(values, utc) => {
                let array = TimestampMicrosecondArray::try_new(ScalarBuffer::from(values), nulls)?;
                Arc::new(if utc { array.with_timezone("UTC") } else { array })
            }
            Values::Text { ends, bytes } => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls)?)
            }
        })
    }
}

/// Appends values of one type from row `from` on; says at which row a value was of another.
#[inline]
fn typed<T: Copy + Default>(
    values: &mut Vec<T>,
    nulls: &mut NullBufferBuilder,
    quoted: &mut bool,
    cells: &Cells<'_>,
    from: usize,
    mut parse: impl FnMut(&[u8]) -> Option<T>,
) -> usize {
    let dialect = cells.block.dialect;
    for row in from..cells.block.rows() {
        let text = cells.bytes(row);
        if dialect.missing.has(text) {
            *quoted |= cells.field(row).is_quoted() && !dialect.quoted_missing;
            values.push(T::default());
            nulls.append_null();
            continue;
        }
        // Numbers are often padded to one width.
        let Some(value) = parse(text).or_else(|| parse(text.trim_ascii())) else { return row };
        values.push(value);
        nulls.append_non_null();
    }
    cells.block.rows()
}
