//! JSON lines: an object a line, or one array of objects. Keys become columns in order of first appearance.
//!
//! A missing key or `null` is a missing value. Arrays and objects are kept as JSON text. Texts that are all dates or
//! all moments become such; a column of mixed kinds becomes text.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::Path,
    sync::Arc,
};

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, NullArray, StringArray, TimestampMicrosecondArray,
};
use rayon::prelude::*;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::{
    Note, csv,
    options::{Format, ReadOptions},
    text,
    unify::Columns,
    value::{DAY, ValueType, boolean, date, float, integer, timestamp},
};
use crate::error::DataError;

/// Bytes of lines parsed by one thread at a time.
const CHUNK: usize = 4 << 20;

/// Misfits named in an error.
const SHOWN: usize = 5;

/// An object's keys and values as written.
struct Record(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Record;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of column names and values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut pairs: Vec<(String, Value)> = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some(pair) = map.next_entry::<String, Value>()? {
                    pairs.push(pair);
                }
                Ok(Record(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A value of a column.
#[derive(Clone, Debug)]
enum Scalar {
    Missing,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// JSON text of an array or object.
    Nested(String),
}

impl From<Value> for Scalar {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Missing,
            Value::Bool(value) => Self::Boolean(value),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Self::Integer(whole),
                None => number.as_f64().map_or(Self::Missing, Self::Float),
            },
            Value::String(text) => Self::Text(text),
            nested @ (Value::Array(_) | Value::Object(_)) => Self::Nested(nested.to_string()),
        }
    }
}

impl Scalar {
    fn value_type(&self) -> ValueType {
        match self {
            Self::Missing => ValueType::Unknown,
            Self::Boolean(_) => ValueType::Boolean,
            Self::Integer(_) => ValueType::Integer,
            Self::Float(_) => ValueType::Float,
            Self::Nested(_) => ValueType::Text,
            // A number in quotes is text on purpose; JSON has no way to write a date but text.
            Self::Text(text) if date(text.as_bytes()).is_some() => ValueType::Date,
            Self::Text(text) => match timestamp(text.as_bytes()) {
                Some((_, true)) => ValueType::TimestampUtc,
                Some((_, false)) => ValueType::Timestamp,
                None => ValueType::Text,
            },
        }
    }

    /// Whether it can become a value of that type; a text may hold one.
    fn fits(&self, value_type: ValueType) -> bool {
        match (self, value_type) {
            (Self::Missing, _) | (_, ValueType::Text) => true,
            (_, ValueType::Unknown) => false,
            (_, ValueType::Boolean) => self.boolean().is_some(),
            (_, ValueType::Integer) => self.integer().is_some(),
            (_, ValueType::Float) => self.float().is_some(),
            (_, ValueType::Date) => self.date().is_some(),
            (_, ValueType::Timestamp) => self.micros(false).is_some(),
            (_, ValueType::TimestampUtc) => self.micros(true).is_some(),
        }
    }

    fn boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            Self::Integer(value @ (0 | 1)) => Some(*value == 1),
            Self::Text(text) => boolean(text.as_bytes()),
            _ => None,
        }
    }

    fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Text(text) => integer(text.as_bytes()),
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Text(text) => float(text.as_bytes(), b'.'),
            _ => None,
        }
    }

    fn date(&self) -> Option<i32> {
        match self {
            Self::Text(text) => date(text.as_bytes()),
            _ => None,
        }
    }

    fn micros(&self, utc: bool) -> Option<i64> {
        let Self::Text(text) = self else { return None };
        match timestamp(text.as_bytes()) {
            Some((micros, zoned)) => (zoned == utc).then_some(micros),
            None if utc => None,
            None => date(text.as_bytes()).map(|day| i64::from(day) * DAY),
        }
    }

    fn text(self) -> Option<String> {
        match self {
            Self::Missing => None,
            Self::Text(text) | Self::Nested(text) => Some(text),
            Self::Boolean(value) => Some(value.to_string()),
            Self::Integer(value) => Some(value.to_string()),
            Self::Float(value) => Some(serde_json::json!(value).to_string()),
        }
    }
}

/// The rows of some lines, column by column.
#[derive(Default)]
struct Chunk {
    names: Vec<String>,
    positions: HashMap<String, usize>,
    columns: Vec<Vec<Scalar>>,
    /// The line of each row.
    lines: Vec<usize>,
}

impl Chunk {
    fn push(&mut self, record: Record, line: usize) -> Result<(), String> {
        let rows = self.lines.len();
        for (name, value) in record.0 {
            let position = match self.positions.get(&name) {
                Some(position) => *position,
                None => {
                    self.positions.insert(name.clone(), self.names.len());
                    self.names.push(name);
                    self.columns.push(vec![Scalar::Missing; rows]);
                    self.names.len() - 1
                }
            };
            if self.columns[position].len() > rows {
                return Err(format!("key `{}` appears twice", self.names[position]));
            }
            self.columns[position].push(Scalar::from(value));
        }
        self.lines.push(line);
        for column in &mut self.columns {
            column.resize(rows + 1, Scalar::Missing);
        }
        Ok(())
    }
}

/// Parses the bytes of a file; `whole` is false when they are only its first part.
pub(super) fn parse(file: &Path, bytes: Vec<u8>, whole: bool, options: &ReadOptions) -> Result<csv::Parsed, DataError> {
    let bytes = text::decode(file, bytes, options.encoding.as_deref())?;
    let chunks = if bytes.trim_ascii_start().first() == Some(&b'[') {
        vec![array(file, &bytes, whole)?]
    } else {
        lines(file, &bytes, whole)?
    };
    let mut names: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    names.extend(chunks.iter().flat_map(|chunk| &chunk.names).filter(|name| seen.insert(name.as_str())).cloned());
    if names.is_empty() {
        return Err(DataError::new("empty-file", format!("`{}` is empty", file.display())));
    }
    if let Some(name) = options.types.keys().find(|name| !names.contains(name)) {
        return Err(DataError::unknown_column(name, names.iter().map(String::as_str)));
    }
    let types: Vec<ValueType> = names.par_iter().map(|name| column_type(&chunks, name, options)).collect();
    misfits(file, &chunks, &names, &types)?;
    let mut notes = Vec::new();
    let empty: Vec<String> = names
        .iter()
        .zip(&types)
        .filter(|(_, value_type)| **value_type == ValueType::Unknown)
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if !empty.is_empty() {
        notes
            .push(Note::new("empty-columns", format!("`{}`: no value at all in {}", file.display(), empty.join(", "))));
    }
    let batches: Vec<Vec<ArrayRef>> = chunks
        .into_par_iter()
        .map(|mut chunk| {
            let rows = chunk.lines.len();
            let columns = names.iter().zip(&types).map(|(name, value_type)| {
                let values = chunk.positions.get(name).map(|position| std::mem::take(&mut chunk.columns[*position]));
                finish(values.unwrap_or_else(|| vec![Scalar::Missing; rows]), *value_type)
            });
            columns.collect()
        })
        .collect();
    let settled = ReadOptions { format: Some(Format::JsonLines), ..options.clone() };
    Ok(csv::Parsed { columns: Columns::new(file, names, types, batches), notes, settled })
}

fn bad(file: &Path, line: usize, why: impl fmt::Display) -> DataError {
    DataError::new("bad-json", format!("`{}`: line {line} is not a JSON object: {why}", file.display()))
        .help("every line must hold one object, or the file one array of objects")
}

/// What serde_json says, without its line of the one line it saw.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn lines(file: &Path, bytes: &[u8], whole: bool) -> Result<Vec<Chunk>, DataError> {
    let bytes = match memchr::memrchr(b'\n', bytes) {
        // The last line may be cut.
        Some(end) if !whole => &bytes[..=end],
        _ => bytes,
    };
    let mut starts = vec![0];
    while let Some(last) = starts.last().copied().filter(|last| bytes.len() - last > CHUNK) {
        let Some(end) = memchr::memchr(b'\n', &bytes[last + CHUNK..]) else { break };
        starts.push(last + CHUNK + end + 1);
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    let pieces: Vec<&[u8]> = starts.iter().zip(ends).map(|(start, end)| &bytes[*start..end]).collect();
    let counts: Vec<usize> = pieces.par_iter().map(|piece| memchr::memchr_iter(b'\n', piece).count()).collect();
    let first_lines: Vec<usize> = counts
        .iter()
        .scan(1, |line, count| {
            let first = *line;
            *line += count;
            Some(first)
        })
        .collect();
    let work: Vec<(&[u8], usize, usize)> =
        pieces.iter().zip(&starts).zip(&first_lines).map(|((piece, start), line)| (*piece, *start, *line)).collect();
    work.into_par_iter()
        .map(|(piece, start, first_line)| {
            text::check(file, bytes, piece, start)?;
            let mut chunk = Chunk::default();
            for (number, line) in piece.split(|byte| *byte == b'\n').enumerate() {
                let line = line.trim_ascii();
                if line.is_empty() {
                    continue;
                }
                let number = first_line + number;
                let record = serde_json::from_slice(line).map_err(|error| bad(file, number, reason(&error)))?;
                chunk.push(record, number).map_err(|why| bad(file, number, why))?;
            }
            Ok(chunk)
        })
        .collect()
}

/// The rows of one array of objects.
fn array(file: &Path, bytes: &[u8], whole: bool) -> Result<Chunk, DataError> {
    struct Rows<'a>(&'a mut Chunk);
    impl<'de> DeserializeSeed<'de> for Rows<'_> {
        type Value = ();
        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_seq(self)
        }
    }
    impl<'de> Visitor<'de> for Rows<'_> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of objects")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
            while let Some(record) = rows.next_element::<Record>()? {
                let row = self.0.lines.len() + 1;
                self.0.push(record, row).map_err(serde::de::Error::custom)?;
            }
            Ok(())
        }
    }
    let mut chunk = Chunk::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = Rows(&mut chunk).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match read {
        Err(error) if whole => Err(bad(file, error.line(), reason(&error))),
        // The first part of an array breaks off in its midst.
        _ => Ok(chunk),
    }
}

fn column_type(chunks: &[Chunk], name: &str, options: &ReadOptions) -> ValueType {
    let values = || chunks.iter().filter_map(|chunk| Some(&chunk.columns[*chunk.positions.get(name)?])).flatten();
    let inferred = || values().fold(ValueType::Unknown, |joined, value| joined.join(value.value_type()));
    match options.types.get(name) {
        Some(trainyard_core::ColumnType::Timestamp) => match inferred() {
            ValueType::TimestampUtc => ValueType::TimestampUtc,
            _ => ValueType::Timestamp,
        },
        Some(declared) => ValueType::declared(*declared),
        None => inferred(),
    }
}

/// Refuses values that do not fit the type a column was declared to have.
fn misfits(file: &Path, chunks: &[Chunk], names: &[String], types: &[ValueType]) -> Result<(), DataError> {
    let mut wrong = Vec::new();
    for (name, value_type) in names.iter().zip(types) {
        let rows = chunks.iter().filter_map(|chunk| Some((chunk, *chunk.positions.get(name)?)));
        let values = rows.flat_map(|(chunk, position)| chunk.columns[position].iter().zip(&chunk.lines));
        let lines: Vec<usize> = values.filter(|(value, _)| !value.fits(*value_type)).map(|(_, line)| *line).collect();
        if !lines.is_empty() {
            let shown: Vec<String> = lines.iter().take(SHOWN).map(usize::to_string).collect();
            let more = if lines.len() > SHOWN { ", …" } else { "" };
            wrong.push(format!(
                "column `{name}` holds what is no {} on line {}{more}",
                value_type.name(),
                shown.join(", ")
            ));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(DataError::new("wrong-type", format!("`{}`: {}", file.display(), wrong.join("; ")))
        .help("declare another type"))
}

fn finish(values: Vec<Scalar>, value_type: ValueType) -> ArrayRef {
    match value_type {
        ValueType::Unknown => Arc::new(NullArray::new(values.len())),
        ValueType::Boolean => Arc::new(values.iter().map(Scalar::boolean).collect::<BooleanArray>()),
        ValueType::Integer => Arc::new(values.iter().map(Scalar::integer).collect::<Int64Array>()),
        ValueType::Float => Arc::new(values.iter().map(Scalar::float).collect::<Float64Array>()),
        ValueType::Date => Arc::new(values.iter().map(Scalar::date).collect::<Date32Array>()),
        ValueType::Timestamp => {
            Arc::new(values.iter().map(|value| value.micros(false)).collect::<TimestampMicrosecondArray>())
        }
        ValueType::TimestampUtc => {
            let array: TimestampMicrosecondArray = values.iter().map(|value| value.micros(true)).collect();
            Arc::new(array.with_timezone("UTC"))
        }
        ValueType::Text => Arc::new(values.into_iter().map(Scalar::text).collect::<StringArray>()),
    }
}
