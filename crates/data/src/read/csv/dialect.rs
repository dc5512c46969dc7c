//! How a delimited file is written: given by the options, else detected from its first part.

use std::{collections::BTreeMap, path::Path};

use super::record::{Field, Records, cell, unquoted};
use crate::{
    error::DataError,
    read::{
        options::{Delimiter, Quote, ReadOptions},
        value::ValueType,
    },
};

/// Bytes looked at to detect the dialect.
const SAMPLE: usize = 256 << 10;

/// Records looked at to detect the delimiter.
const SAMPLE_RECORDS: usize = 200;

/// Texts that stand for a missing value unless others are given; an empty field always does.
const MISSING: [&str; 13] =
    ["NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "?"];

/// Whether a reader without other orders takes `text` for a missing value.
pub(crate) fn is_default_missing(text: &[u8]) -> bool {
    text.is_empty() || MISSING.iter().any(|known| known.as_bytes() == text)
}

/// How a delimited file is written.
#[derive(Clone, Debug)]
pub(crate) struct Dialect {
    pub(super) delimiter: Delimiter,
    pub(super) quote: Option<u8>,
    pub(super) terminator: u8,
    pub(super) comment: Option<u8>,
    pub(super) trim: bool,
    pub(super) decimal: u8,
    pub(super) missing: Missing,
    /// A missing marker in quotes is missing too: so in files where every field is quoted. Elsewhere quotes mark text.
    pub(super) quoted_missing: bool,
}

/// The texts that stand for a missing value.
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    texts: Vec<Vec<u8>>,
    /// Whether a text, or padding before one, starts with the byte: settles nearly every field at once.
    first: [bool; 256],
}

impl Missing {
    pub(crate) fn new(texts: Option<&Vec<String>>) -> Self {
        let texts: Vec<Vec<u8>> = match texts {
            Some(texts) => texts.iter().map(|text| text.trim().as_bytes().to_vec()).collect(),
            None => MISSING.iter().map(|text| text.as_bytes().to_vec()).collect(),
        };
        let mut first = [false; 256];
        let padding = b" \t";
        texts.iter().filter_map(|text| text.first()).chain(padding).for_each(|byte| first[usize::from(*byte)] = true);
        Self { texts, first }
    }

    /// Whether `text`, spaces around it aside, stands for a missing value.
    #[inline]
    pub(crate) fn has(&self, text: &[u8]) -> bool {
        text.first().is_none_or(|first| self.first[usize::from(*first)] && self.has_trimmed(text.trim_ascii()))
    }

    fn has_trimmed(&self, text: &[u8]) -> bool {
        text.is_empty() || self.texts.iter().any(|known| known == text)
    }
}

impl Dialect {
    /// True for a byte that counts for nothing around a field.
    #[inline]
    pub(super) fn is_padding(&self, byte: u8) -> bool {
        (byte == b' ' || byte == b'\t') && self.delimiter != Delimiter::Char(byte)
    }

    /// Settles the dialect of a file that starts with `text` and whose lines end with `terminator`; `tabs` says that the
    /// format already tells the delimiter.
    pub(super) fn settle(
        file: &Path,
        text: &[u8],
        terminator: u8,
        options: &ReadOptions,
        tabs: bool,
    ) -> Result<Self, DataError> {
        let quote = match options.quote {
            None => Some(b'"'),
            Some(Quote::Char(quote)) => Some(quote),
            Some(Quote::Off) => None,
        };
        let decimal = options.decimal.map_or(b'.', |mark| if mark == ',' { b',' } else { b'.' });
        let comment = options.comment.and_then(|mark| u8::try_from(mark).ok());
        let missing = Missing::new(options.missing.as_ref());
        let mut dialect = Self {
            delimiter: Delimiter::Char(b','),
            quote,
            terminator,
            comment,
            trim: true,
            decimal,
            missing,
            quoted_missing: false,
        };
        let sample = sample(text, terminator);
        dialect.delimiter = match options.delimiter {
            Some(delimiter) => delimiter,
            None if tabs => Delimiter::Char(b'\t'),
            None => detect_delimiter(sample, &dialect),
        };
        if let Delimiter::Char(delimiter) = dialect.delimiter
            && dialect.quote == Some(delimiter)
        {
            return Err(DataError::new(
                "bad-option",
                format!("`{}`: `{}` cannot both separate and enclose fields", file.display(), char::from(delimiter)),
            ));
        }
        dialect.trim = false;
        let traits = Traits::of(sample, &dialect);
        dialect.trim = match (options.trim, dialect.delimiter) {
            (_, Delimiter::Whitespace) => false,
            (Some(trim), _) => trim,
            (None, _) => traits.padded * 2 >= traits.inner && traits.padded > 0,
        };
        let traits = if dialect.trim { Traits::of(sample, &dialect) } else { traits };
        let comma_free = !matches!(dialect.delimiter, Delimiter::Char(b',') | Delimiter::Whitespace);
        if options.decimal.is_none() && comma_free && traits.comma_numbers > 0 && traits.point_numbers == 0 {
            dialect.decimal = b',';
        }
        dialect.quoted_missing = traits.bare == 0 && traits.quoted_numbers > 0;
        Ok(dialect)
    }
}

/// The first part of `text` that ends with a line.
fn sample(text: &[u8], terminator: u8) -> &[u8] {
    if text.len() <= SAMPLE {
        return text;
    }
    let head = &text[..SAMPLE];
    memchr::memrchr(terminator, head).map_or(head, |end| &head[..=end])
}

/// The delimiter that cuts most records into the same number of fields. Ties go to the one that is rarer in text.
fn detect_delimiter(sample: &[u8], dialect: &Dialect) -> Delimiter {
    let candidates = [
        Delimiter::Char(b'\t'),
        Delimiter::Char(b';'),
        Delimiter::Char(b'|'),
        Delimiter::Char(b','),
        Delimiter::Whitespace,
    ];
    let mut best = (0.5, Delimiter::Char(b','));
    for delimiter in candidates {
        if matches!(delimiter, Delimiter::Char(byte) if dialect.quote == Some(byte)) {
            continue;
        }
        let share =
            regularity(sample, &Dialect { delimiter, trim: delimiter != Delimiter::Whitespace, ..dialect.clone() });
        if share > best.0 {
            best = (share, delimiter);
        }
    }
    best.1
}

/// The share of records with the most frequent number of fields, which must be two or more.
fn regularity(sample: &[u8], dialect: &Dialect) -> f64 {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut fields, mut records, mut numbers, mut seen) = (Vec::new(), Records::new(sample, dialect), 0, 0);
    let mut total = 0;
    while total < SAMPLE_RECORDS && matches!(records.next(&mut fields), Ok(Some(_))) {
        *counts.entry(fields.len()).or_default() += 1;
        total += 1;
        seen += fields.len();
        numbers += fields.iter().filter(|field| !is_text(cell(sample, **field), dialect.decimal)).count();
        fields.clear();
    }
    // Words are separated by spaces, too: only numbers make a table of them.
    if dialect.delimiter == Delimiter::Whitespace && numbers * 2 < seen {
        return 0.0;
    }
    let usual = counts.iter().filter(|(fields, _)| **fields > 1).map(|(_, records)| *records).max().unwrap_or(0);
    usual as f64 / total.max(1) as f64
}

fn is_text(text: &[u8], decimal: u8) -> bool {
    ValueType::of(text, decimal) == ValueType::Text
}

/// What the fields of a sample look like.
#[derive(Default)]
struct Traits {
    /// Fields that follow another in their record and are not empty.
    inner: usize,
    /// Those of them that start with a space.
    padded: usize,
    /// Fields without quotes that are not empty.
    bare: usize,
    /// Numbers in quotes.
    quoted_numbers: usize,
    /// Numbers such as `1,5`; `1,500` may be a thousand and a half thousand.
    comma_numbers: usize,
    /// Numbers such as `1.5`.
    point_numbers: usize,
}

impl Traits {
    fn of(sample: &[u8], dialect: &Dialect) -> Self {
        let mut traits = Self::default();
        let (mut fields, mut records) = (Vec::new(), Records::new(sample, dialect));
        // The first record may hold names.
        let mut first = true;
        while matches!(records.next(&mut fields), Ok(Some(_))) {
            for (position, field) in fields.iter().enumerate() {
                traits.add(sample, *field, position > 0, first);
            }
            first = false;
            fields.clear();
        }
        traits
    }

    fn add(&mut self, sample: &[u8], field: Field, inner: bool, first: bool) {
        let text = cell(sample, field);
        if !text.is_empty() && !field.is_quoted() {
            self.bare += usize::from(!first);
            self.inner += usize::from(inner);
            self.padded += usize::from(inner && text[0] == b' ');
        }
        if field.is_quoted() && !is_text(text, b'.') {
            self.quoted_numbers += 1;
        }
        match fraction(text.trim_ascii()) {
            Some((b',', digits)) => self.comma_numbers += usize::from(digits != 3),
            Some((b'.', _)) => self.point_numbers += 1,
            _ => {}
        }
    }
}

/// The mark and the number of digits after it of a text that is digits, one mark, digits.
fn fraction(text: &[u8]) -> Option<(u8, usize)> {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let at = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let (whole, rest) = text.split_at(at);
    let (mark, digits) = rest.split_first()?;
    let number = !whole.is_empty() && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    number.then_some((*mark, digits.len()))
}

/// Whether the first of these records holds the names of the columns, and whether that is more than a guess.
pub(super) fn detect_header(sample: &[u8], dialect: &Dialect, first: &[Field], rest: &[Vec<Field>]) -> (bool, bool) {
    let names: Vec<Vec<u8>> =
        first.iter().map(|field| unquoted(sample, *field, dialect).trim_ascii().to_vec()).collect();
    let is_name = |name: &Vec<u8>| name.is_empty() || (!dialect.missing.has(name) && is_text(name, dialect.decimal));
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    if !names.iter().all(is_name) || names.iter().filter(|name| name.is_empty()).count() > 1 {
        return (false, true);
    }
    if rest.is_empty() {
        return (distinct.len() == names.len(), false);
    }
    let column = |at: usize| rest.iter().filter_map(move |record| record.get(at)).map(|field| cell(sample, *field));
    let is_typed = |at: usize| {
        let values = column(at).filter(|text| !dialect.missing.has(text.trim_ascii()));
        let joined = values.fold(ValueType::Unknown, |joined, text| joined.join(ValueType::of(text, dialect.decimal)));
        !matches!(joined, ValueType::Text | ValueType::Unknown)
    };
    if (0..names.len()).any(is_typed) {
        return (true, true);
    }
    let recurs = |at: usize| column(at).any(|text| text.trim_ascii() == names[at].as_slice());
    (distinct.len() == names.len() && !(0..names.len()).any(recurs), false)
}
