//! JSON lines: an object a line, or one array of objects. Keys become columns in order of first appearance.
//!
//! A missing key or `null` is a missing value. Arrays and objects are kept as JSON text. Texts that are all dates or
//! all moments become such; a column of mixed kinds becomes text.

mod stream;

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
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

pub(super) use self::stream::{Survey, survey};
use super::{
    Note, csv,
    options::{Format, ReadOptions},
    text::{self, Part},
    unify::Columns,
    value::{DAY, ValueType, boolean, date, float, integer, timestamp},
    windows::{Bounds, Cuts},
};
use crate::error::DataError;

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
    /// The line of each row; in an array, its number.
    lines: Vec<usize>,
    /// Rows of an array before the first one.
    before: usize,
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
        let text = match memchr::memrchr(b'\n', &bytes) {
            // The last line may be cut.
            Some(end) if !whole => &bytes[..=end],
            _ => &bytes,
        };
        let mut ends = cuts(text, Bounds::default().chunk).ends;
        if ends.last() != Some(&text.len()) {
            ends.push(text.len());
        }
        lines(file, &Part { line_end: b'\n', ..Part::whole(text) }, &ends)?
    };
    let mut names: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    names.extend(chunks.iter().flat_map(|chunk| &chunk.names).filter(|name| seen.insert(name.as_str())).cloned());
    unknown_types(file, &names, options)?;
    let types: Vec<ValueType> = names
        .par_iter()
        .map(|name| {
            let values = chunks.iter().filter_map(|chunk| Some(&chunk.columns[*chunk.positions.get(name)?])).flatten();
            let inferred = values.fold(ValueType::Unknown, |joined, value| joined.join(value.value_type()));
            settled_type(name, inferred, options)
        })
        .collect();
    let mut misfits = Misfits::new(names.len());
    misfits.add(&chunks, &names, &types);
    misfits.refuse(file, &names, &types)?;
    let notes = notes(file, &names, &types);
    let batches = arrays(chunks, &names, &types);
    let settled = ReadOptions { format: Some(Format::JsonLines), ..options.clone() };
    Ok(csv::Parsed { columns: Columns::new(file, names, &types, batches), notes, settled })
}

/// Refuses a file without columns, and declared types of columns that it has not.
fn unknown_types(file: &Path, names: &[String], options: &ReadOptions) -> Result<(), DataError> {
    if names.is_empty() {
        return Err(DataError::new("empty-file", format!("`{}` is empty", file.display())));
    }
    match options.types.keys().find(|name| !names.contains(name)) {
        Some(name) => Err(DataError::unknown_column(name, names.iter().map(String::as_str))),
        None => Ok(()),
    }
}

/// Notes columns without values.
fn notes(file: &Path, names: &[String], types: &[ValueType]) -> Vec<Note> {
    let pairs = names.iter().zip(types);
    let empty: Vec<String> = pairs
        .filter(|(_, value_type)| **value_type == ValueType::Unknown)
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if empty.is_empty() {
        return Vec::new();
    }
    vec![Note::new("empty-columns", format!("`{}`: no value at all in {}", file.display(), empty.join(", ")))]
}

/// The columns of each chunk.
fn arrays(chunks: Vec<Chunk>, names: &[String], types: &[ValueType]) -> Vec<Vec<ArrayRef>> {
    let of_chunk = |mut chunk: Chunk| {
        let rows = chunk.lines.len();
        let columns = names.iter().zip(types).map(|(name, value_type)| {
            let values = chunk.positions.get(name).map(|position| std::mem::take(&mut chunk.columns[*position]));
            finish(values.unwrap_or_else(|| vec![Scalar::Missing; rows]), *value_type)
        });
        columns.collect()
    };
    chunks.into_par_iter().map(of_chunk).collect()
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

/// Where `text`, of which more may follow, can be cut into chunks of about so many bytes.
fn cuts(text: &[u8], chunk: usize) -> Cuts {
    Cuts { ends: csv::lines(text, b'\n', chunk), unclosed: None }
}

/// The rows of the lines of `part`, chunk by chunk.
fn lines(file: &Path, part: &Part<'_>, ends: &[usize]) -> Result<Vec<Chunk>, DataError> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let pieces: Vec<(usize, &[u8])> = starts.zip(ends).map(|(start, end)| (start, &part.text[start..*end])).collect();
    let counts: Vec<usize> = pieces.par_iter().map(|(_, piece)| memchr::memchr_iter(b'\n', piece).count()).collect();
    let first_lines = counts.iter().scan(part.before + 1, |line, count| {
        let first = *line;
        *line += count;
        Some(first)
    });
    let work: Vec<(usize, &[u8], usize)> =
        pieces.iter().zip(first_lines).map(|((start, piece), line)| (*start, *piece, line)).collect();
    let chunks: Vec<Result<Chunk, DataError>> = work
        .into_par_iter()
        .map(|(start, piece, first_line)| {
            text::check(file, part, piece, start)?;
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
        .collect();
    // Of several mistakes, the first one is told at any number of threads.
    chunks.into_iter().collect()
}

/// The rows of one array of objects.
fn array(file: &Path, bytes: &[u8], whole: bool) -> Result<Chunk, DataError> {
    let mut all = Chunk::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = array_rows(&mut deserializer, &mut all, &mut |_, _| Ok(())).and_then(|()| deserializer.end());
    match read {
        Err(error) if whole => Err(bad(file, error.line(), reason(&error))),
        // The first part of an array breaks off in its midst.
        _ => Ok(all),
    }
}

/// Appends the rows of an array of objects to `rows`, and shows them to `full` after each, the last time with `true`.
fn array_rows<'de, D: Deserializer<'de>>(
    deserializer: D,
    rows: &mut Chunk,
    full: &mut dyn FnMut(&mut Chunk, bool) -> Result<(), String>,
) -> Result<(), D::Error> {
    struct Rows<'a>(&'a mut Chunk, &'a mut dyn FnMut(&mut Chunk, bool) -> Result<(), String>);
    impl<'de> Visitor<'de> for Rows<'_> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of objects")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
            use serde::de::Error;
            while let Some(record) = rows.next_element::<Record>()? {
                let row = self.0.before + self.0.lines.len() + 1;
                self.0.push(record, row).map_err(A::Error::custom)?;
                self.1(self.0, false).map_err(A::Error::custom)?;
            }
            self.1(self.0, true).map_err(A::Error::custom)
        }
    }
    deserializer.deserialize_seq(Rows(rows, full))
}

/// The type of a column: the declared one, or that of its values.
fn settled_type(name: &str, inferred: ValueType, options: &ReadOptions) -> ValueType {
    match options.types.get(name) {
        Some(trainyard_core::ColumnType::Timestamp) if inferred == ValueType::TimestampUtc => ValueType::TimestampUtc,
        Some(declared) => ValueType::declared(*declared),
        None => inferred,
    }
}

/// Values that do not fit the type a column was declared to have: the lines of the first few, and whether there are more.
struct Misfits(Vec<(Vec<usize>, bool)>);

impl Misfits {
    /// None yet in so many columns.
    fn new(columns: usize) -> Self {
        Self(vec![(Vec::new(), false); columns])
    }

    fn add(&mut self, chunks: &[Chunk], names: &[String], types: &[ValueType]) {
        for ((name, value_type), (shown, more)) in names.iter().zip(types).zip(&mut self.0) {
            let columns = chunks.iter().filter_map(|chunk| Some((chunk, *chunk.positions.get(name)?)));
            let values = columns.flat_map(|(chunk, position)| chunk.columns[position].iter().zip(&chunk.lines));
            for (_, line) in values.filter(|(value, _)| !value.fits(*value_type)) {
                if shown.len() < SHOWN {
                    shown.push(*line);
                } else {
                    *more = true;
                }
            }
        }
    }

    fn any(&self) -> bool {
        self.0.iter().any(|(shown, _)| !shown.is_empty())
    }

    fn refuse(&self, file: &Path, names: &[String], types: &[ValueType]) -> Result<(), DataError> {
        let wrong = names.iter().zip(types).zip(&self.0).filter(|(_, (shown, _))| !shown.is_empty());
        let wrong: Vec<String> = wrong
            .map(|((name, value_type), (shown, more))| {
                let lines: Vec<String> = shown.iter().map(usize::to_string).collect();
                let more = if *more { ", …" } else { "" };
                format!("column `{name}` holds what is no {} on line {}{more}", value_type.name(), lines.join(", "))
            })
            .collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(DataError::new("wrong-type", format!("`{}`: {}", file.display(), wrong.join("; ")))
            .help("declare another type"))
    }
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
