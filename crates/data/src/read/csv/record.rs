//! From text to records and fields.
//!
//! A field that starts with the quote character runs to the next single one; two of them stand for one. Any other
//! quote character stands for itself. What follows a closing quote up to the delimiter belongs to the field. Blank
//! lines and comment lines are no records.

use std::borrow::Cow;

use super::dialect::Dialect;
use crate::read::{files::LONGEST_LINE, options::Delimiter};

/// Where a field stands in a text of less than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    start: u32,
    /// The length; the two highest bits are flags.
    length: u32,
}

/// The field stood in quotes.
const QUOTED: u32 = 1 << 31;
/// The range still holds its quotes, since it is not the plain text between them.
const RAW: u32 = 1 << 30;

impl Field {
    fn new(start: usize, end: usize, flags: u32) -> Self {
        // Chunks are kept below the flags' bits.
        Self { start: start as u32, length: (end - start) as u32 | flags }
    }

    #[inline]
    pub(super) const fn is_quoted(self) -> bool {
        self.length & QUOTED != 0
    }

    #[inline]
    pub(super) const fn is_raw(self) -> bool {
        self.length & RAW != 0
    }

    pub(super) const fn start(self) -> usize {
        self.start as usize
    }
}

/// The bytes of a field; those of a raw one still hold its quotes.
#[inline]
pub(super) fn cell(text: &[u8], field: Field) -> &[u8] {
    let start = field.start as usize;
    &text[start..start + (field.length & !(QUOTED | RAW)) as usize]
}

/// The bytes of a field without its quotes.
pub(super) fn unquoted<'a>(text: &'a [u8], field: Field, dialect: &Dialect) -> Cow<'a, [u8]> {
    let raw = cell(text, field);
    let (true, Some(quote)) = (field.is_raw(), dialect.quote) else { return Cow::Borrowed(raw) };
    let mut plain = Vec::with_capacity(raw.len());
    let mut rest = &raw[1..];
    while let Some(at) = memchr::memchr(quote, rest) {
        plain.extend_from_slice(&rest[..at]);
        let doubled = rest.get(at + 1) == Some(&quote);
        rest = &rest[at + 1 + usize::from(doubled)..];
        if !doubled {
            break;
        }
        plain.push(quote);
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// A quoted field that does not end, by the position of its quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclosed(pub(super) usize);

/// The records of a text, one after the other.
pub(super) struct Records<'a> {
    text: &'a [u8],
    dialect: &'a Dialect,
    at: usize,
}

impl<'a> Records<'a> {
    pub(super) const fn new(text: &'a [u8], dialect: &'a Dialect) -> Self {
        Self { text, dialect, at: 0 }
    }

    /// Where the next record starts, or the lines that count for nothing before it.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// Appends the next record's fields to `fields` and says where the record starts; none at the end.
    #[inline]
    pub(super) fn next(&mut self, fields: &mut Vec<Field>) -> Result<Option<usize>, Unclosed> {
        self.skip_idle_lines();
        let start = self.at;
        if start >= self.text.len() {
            return Ok(None);
        }
        self.at = match self.dialect.delimiter {
            Delimiter::Char(delimiter) => self.delimited(delimiter, fields)?,
            Delimiter::Whitespace => self.spaced(fields)?,
        };
        Ok(Some(start))
    }

    /// Skips blank lines and comments.
    #[inline]
    fn skip_idle_lines(&mut self) {
        while let Some(first) = self.text.get(self.at) {
            if Some(*first) == self.dialect.comment {
                self.at = self.after_line(self.at);
                continue;
            }
            if *first > b' ' {
                return;
            }
            let mut end = self.at;
            while self.text.get(end).is_some_and(|byte| {
                *byte != self.dialect.terminator && (*byte == b'\r' || self.dialect.is_padding(*byte))
            }) {
                end += 1;
            }
            match self.text.get(end) {
                None => self.at = end,
                Some(byte) if *byte == self.dialect.terminator => self.at = end + 1,
                Some(_) => return,
            }
        }
    }

    fn after_line(&self, from: usize) -> usize {
        memchr::memchr(self.dialect.terminator, &self.text[from..]).map_or(self.text.len(), |end| from + end + 1)
    }

    fn delimited(&self, delimiter: u8, fields: &mut Vec<Field>) -> Result<usize, Unclosed> {
        let (text, dialect) = (self.text, self.dialect);
        let mut at = self.at;
        loop {
            let mut start = at;
            if dialect.trim {
                while text.get(start).is_some_and(|byte| dialect.is_padding(*byte)) {
                    start += 1;
                }
            }
            let end = if dialect.quote.is_some() && text.get(start).copied() == dialect.quote {
                let stops = |byte: u8| byte == delimiter || byte == dialect.terminator;
                self.quoted(start, stops, fields)?
            } else {
                let end = find(text, start, delimiter, dialect.terminator);
                let mut stop = end;
                if dialect.terminator == b'\n'
                    && stop > start
                    && text[stop - 1] == b'\r'
                    && text.get(end).is_none_or(|byte| *byte == b'\n')
                {
                    stop -= 1;
                }
                if dialect.trim {
                    while stop > start && dialect.is_padding(text[stop - 1]) {
                        stop -= 1;
                    }
                }
                fields.push(Field::new(start, stop, 0));
                end
            };
            match text.get(end) {
                Some(byte) if *byte == delimiter => at = end + 1,
                Some(_) => return Ok(end + 1),
                None => return Ok(end),
            }
        }
    }

    fn spaced(&self, fields: &mut Vec<Field>) -> Result<usize, Unclosed> {
        let (text, dialect) = (self.text, self.dialect);
        let space = |byte: u8| byte == b' ' || byte == b'\t' || (byte == b'\r' && dialect.terminator == b'\n');
        let mut at = self.at;
        loop {
            while text.get(at).is_some_and(|byte| space(*byte)) {
                at += 1;
            }
            match text.get(at) {
                None => return Ok(at),
                Some(byte) if *byte == dialect.terminator => return Ok(at + 1),
                Some(byte) if Some(*byte) == dialect.quote => {
                    at = self.quoted(at, |byte| space(byte) || byte == dialect.terminator, fields)?;
                }
                Some(_) => {
                    let start = at;
                    while text.get(at).is_some_and(|byte| !space(*byte) && *byte != dialect.terminator) {
                        at += 1;
                    }
                    fields.push(Field::new(start, at, 0));
                }
            }
        }
    }

    /// Appends the quoted field at `start`; says where its delimiter or line end is.
    fn quoted(&self, start: usize, stops: impl Fn(u8) -> bool, fields: &mut Vec<Field>) -> Result<usize, Unclosed> {
        let (text, dialect) = (self.text, self.dialect);
        let (close, doubled) = closing(text, start).ok_or(Unclosed(start))?;
        let mut end = close + 1;
        while text.get(end).is_some_and(|byte| {
            !stops(*byte)
                && ((*byte == b'\r' && dialect.terminator == b'\n') || (dialect.trim && dialect.is_padding(*byte)))
        }) {
            end += 1;
        }
        if text.get(end).is_some_and(|byte| !stops(*byte)) {
            // Text after the closing quote.
            end = close + 1;
            while text.get(end).is_some_and(|byte| !stops(*byte)) {
                end += 1;
            }
            let line_end = text.get(end).is_none_or(|byte| *byte == b'\n') && dialect.terminator == b'\n';
            let stop = if line_end && text[end - 1] == b'\r' { end - 1 } else { end };
            fields.push(Field::new(start, stop, QUOTED | RAW));
        } else if doubled {
            fields.push(Field::new(start, close + 1, QUOTED | RAW));
        } else {
            fields.push(Field::new(start + 1, close, QUOTED));
        }
        Ok(end)
    }
}

/// Where the quote that opens at `start` closes, and whether doubled ones stand between.
pub(super) fn closing(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let quote = text[start];
    let bound = text.len().min(start.saturating_add(LONGEST_LINE));
    let mut doubled = false;
    let mut at = start + 1;
    loop {
        let close = at + memchr::memchr(quote, text.get(at..bound)?)?;
        if text.get(close + 1) != Some(&quote) {
            return Some((close, doubled));
        }
        doubled = true;
        at = close + 2;
    }
}

/// The first position from `start` that holds either byte, or the end.
#[inline]
fn find(text: &[u8], start: usize, delimiter: u8, terminator: u8) -> usize {
    // Most fields are a few bytes long, for which a plain loop wins.
    let near = text.len().min(start + 16);
    let mut at = start;
    while at < near {
        let byte = text[at];
        if byte == delimiter || byte == terminator {
            return at;
        }
        at += 1;
    }
    memchr::memchr2(delimiter, terminator, &text[at..]).map_or(text.len(), |found| at + found)
}
