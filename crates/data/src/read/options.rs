//! How a file is to be read: everything that detection would otherwise decide.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use trainyard_core::{ColumnType, Problem};

/// How a file is to be read. What is absent is detected from the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// The file format; taken from the file name's ending when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// What separates fields: one character, `tab`, or `whitespace` for runs of spaces and tabs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// Whether the first row holds the column names. Detected when absent: a first row of distinct texts above
    /// numbers, dates or other texts is taken for names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Names for all columns in order. With `header: true` they replace the names in the file; without `header`, the
    /// first row is skipped only when detection takes it for names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Types of columns that must not be inferred; a value that does not fit is an error.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, ColumnType>,
    /// The decimal mark of numbers, `.` or `,`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// What encloses fields that hold delimiters or line ends: one character, `"` by default, or `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
    /// Lines that start with this character are skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<char>,
    /// Whether spaces around unquoted fields are removed; by default when most fields start with a space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trim: Option<bool>,
    /// Texts that stand for a missing value instead of the usual ones (`NA`, `N/A`, `n/a`, `#N/A`, `<NA>`, `NaN`,
    /// `nan`, `NAN`, `null`, `NULL`, `None`, `?`). An empty field is always missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<String>>,
    /// The character encoding, such as `windows-1252`; UTF-8 by default, UTF-16 when the file starts with its mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// What happens to a row with too few or too many fields; `fail` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ragged: Option<Ragged>,
    /// Decides types from this many first rows instead of all; a later value that does not fit is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infer_rows: Option<usize>,
}

/// A file format that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Text, a record a line, fields separated by a delimiter.
    Csv,
    /// As CSV, separated by tabs.
    Tsv,
    /// A JSON object a line, or one array of objects.
    JsonLines,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC, file or stream, also known as Feather.
    Arrow,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Csv, Self::Tsv, Self::JsonLines, Self::Parquet, Self::Arrow];

    /// Its name as in a pipeline file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::JsonLines => "json-lines",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// True where fields are text and types are inferred.
    #[must_use]
    pub const fn is_delimited(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What happens to a row whose number of fields differs from the first row's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ragged {
    /// Nothing is read; the error names the first such lines.
    #[default]
    Fail,
    /// Such rows are left out, counted and reported.
    Skip,
}

/// What separates fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// One ASCII character.
    Char(u8),
    /// Runs of spaces and tabs; those at either end of a line count for nothing.
    Whitespace,
}

/// What encloses fields that hold delimiters or line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// One ASCII character; within quotes it is written twice.
    Char(u8),
    /// Nothing: every character stands for itself.
    Off,
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(b'\t') => f.write_str("tab"),
            Self::Char(byte) => write!(f, "{}", char::from(*byte)),
            Self::Whitespace => f.write_str("whitespace"),
        }
    }
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(byte) => write!(f, "{}", char::from(*byte)),
            Self::Off => f.write_str("off"),
        }
    }
}

/// The only character of `text`, when that is ASCII and not a line end.
fn single(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Some(*byte),
        _ => None,
    }
}

impl Serialize for Delimiter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Delimiter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "tab" | "\\t" => Ok(Self::Char(b'\t')),
            "whitespace" => Ok(Self::Whitespace),
            "comma" => Ok(Self::Char(b',')),
            "semicolon" => Ok(Self::Char(b';')),
            other => single(other).map(Self::Char).ok_or_else(|| {
                de::Error::custom(format!("a delimiter is one ASCII character, `tab` or `whitespace`, not `{other}`"))
            }),
        }
    }
}

impl Serialize for Quote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quote {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Quote;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one ASCII character or `off`")
            }
            // YAML 1.1 writers mean `off` by `false`.
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Quote, E> {
                if on { Ok(Quote::Char(b'"')) } else { Ok(Quote::Off) }
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quote, E> {
                match text {
                    "off" => Ok(Quote::Off),
                    other => single(other)
                        .map(Quote::Char)
                        .ok_or_else(|| E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Delimiter {
    fn schema_name() -> Cow<'static, str> {
        "Delimiter".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "One ASCII character, `tab`, or `whitespace` for runs of spaces and tabs.",
            "examples": [",", ";", "tab", "|", "whitespace"]
        })
    }
}

impl JsonSchema for Quote {
    fn schema_name() -> Cow<'static, str> {
        "Quote".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "boolean"],
            "description": "One ASCII character, or `off` when quotes stand for themselves.",
            "examples": ["\"", "'", "off"]
        })
    }
}

impl ReadOptions {
    /// What is wrong with the options by themselves, each with its key as path.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong =
            |key: &str, message: String| problems.push(Problem::error("bad-option", message).at([key.to_owned()]));
        if let Some(decimal) = self.decimal.filter(|mark| !matches!(mark, '.' | ',')) {
            wrong("decimal", format!("the decimal mark is `.` or `,`, not `{decimal}`"));
        }
        if let Some(comment) = self.comment.filter(|mark| !mark.is_ascii() || mark.is_ascii_control()) {
            wrong("comment", format!("a comment mark is one ASCII character, not `{comment}`"));
        }
        let delimiter = match self.delimiter {
            Some(Delimiter::Char(byte)) => Some(byte),
            _ => None,
        };
        if let (Some(delimiter), Some(Quote::Char(quote))) = (delimiter, self.quote)
            && delimiter == quote
        {
            wrong("quote", format!("`{}` cannot both separate and enclose fields", char::from(quote)));
        }
        if delimiter == Some(b',') && self.decimal == Some(',') {
            wrong("decimal", "`,` cannot both separate fields and be the decimal mark".to_owned());
        }
        if let Some(columns) = &self.columns {
            let mut seen = std::collections::BTreeSet::new();
            for name in columns.iter().filter(|name| !seen.insert(name.as_str())) {
                wrong("columns", format!("column `{name}` is named twice"));
            }
            if columns.is_empty() {
                wrong("columns", "at least one column must be named".to_owned());
            }
        }
        for (name, _) in self.types.iter().filter(|(_, column_type)| **column_type == ColumnType::Other) {
            wrong("types", format!("column `{name}` cannot be read as `other`"));
        }
        if let Some(label) = self.encoding.as_ref().filter(|label| super::text::encoding(label).is_none()) {
            wrong("encoding", format!("unknown encoding `{label}`: expected one such as `utf-8` or `windows-1252`"));
        }
        if self.infer_rows == Some(0) {
            wrong("infer_rows", "types cannot be decided from no row".to_owned());
        }
        if let Some(format) = self.format.filter(|format| !format.is_delimited()) {
            self.meaningless(format).into_iter().for_each(|key| {
                problems.push(
                    Problem::error("bad-option", format!("`{key}` has no meaning for format `{format}`")).at([key]),
                );
            });
        }
        problems
    }

    /// The keys that are set although they mean nothing for `format`.
    #[must_use]
    pub fn meaningless(&self, format: Format) -> Vec<&'static str> {
        let inferred = format.is_delimited() || format == Format::JsonLines;
        let set = [
            ("delimiter", self.delimiter.is_some(), format.is_delimited()),
            ("header", self.header.is_some(), format.is_delimited()),
            ("columns", self.columns.is_some(), format.is_delimited()),
            ("types", !self.types.is_empty(), inferred),
            ("decimal", self.decimal.is_some(), format.is_delimited()),
            ("quote", self.quote.is_some(), format.is_delimited()),
            ("comment", self.comment.is_some(), format.is_delimited()),
            ("trim", self.trim.is_some(), format.is_delimited()),
            ("missing", self.missing.is_some(), format.is_delimited()),
            ("encoding", self.encoding.is_some(), inferred),
            ("ragged", self.ragged.is_some(), format.is_delimited()),
            ("infer_rows", self.infer_rows.is_some(), format.is_delimited()),
        ];
        set.into_iter().filter(|(_, set, meant)| *set && !meant).map(|(key, ..)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_and_quotes_have_names() {
        let options: ReadOptions =
            serde_json::from_str(r#"{"delimiter": "tab", "quote": false, "columns": ["a"], "ragged": "skip"}"#)
                .unwrap();
        assert_eq!((options.delimiter, options.quote), (Some(Delimiter::Char(b'\t')), Some(Quote::Off)));
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(json, r#"{"delimiter":"tab","columns":["a"],"quote":"off","ragged":"skip"}"#);
        assert!(serde_json::from_str::<ReadOptions>(r#"{"delimiter": "::"}"#).is_err());
        assert!(serde_json::from_str::<ReadOptions>(r#"{"delimeter": ","}"#).is_err());
    }

    #[test]
    fn every_wrong_option_is_reported() {
        let options = ReadOptions {
            decimal: Some(','),
            delimiter: Some(Delimiter::Char(b',')),
            quote: Some(Quote::Char(b',')),
            columns: Some(vec!["a".into(), "a".into()]),
            encoding: Some("klingon".into()),
            infer_rows: Some(0),
            ..ReadOptions::default()
        };
        let at: Vec<String> = options.problems().into_iter().flat_map(|problem| problem.at).collect();
        assert_eq!(at, ["quote", "decimal", "columns", "encoding", "infer_rows"]);
        let parquet =
            ReadOptions { format: Some(Format::Parquet), header: Some(true), ..ReadOptions::default() }.problems();
        assert_eq!(parquet[0].message, "`header` has no meaning for format `parquet`");
        assert!(ReadOptions::default().problems().is_empty());
    }
}
