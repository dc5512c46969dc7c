//! Cuts a text into pieces that start and end with a record, so that they can be parsed in parallel.

use super::{
    dialect::Dialect,
    record::{Records, Unclosed, closing},
};
use crate::read::options::Delimiter;

/// Bytes in a chunk, about. Chosen for the cache and for fair shares, never by the number of threads: the result must
/// not depend on that.
const CHUNK: usize = 4 << 20;

/// Where the chunks of `text` end; the last one is the end of the text.
pub(super) fn ends(text: &[u8], dialect: &Dialect) -> Result<Vec<usize>, Unclosed> {
    ends_by(text, dialect, CHUNK)
}

pub(super) fn ends_by(text: &[u8], dialect: &Dialect, chunk: usize) -> Result<Vec<usize>, Unclosed> {
    match dialect.quote.filter(|quote| memchr::memchr(*quote, text).is_some()) {
        None => Ok(plain(text, dialect.terminator, chunk)),
        // A quote in a comment opens nothing: only reading the records tells.
        Some(_) if dialect.comment.is_some() => by_record(text, dialect, chunk),
        Some(quote) => around_quotes(text, dialect, quote, chunk),
    }
}

fn plain(text: &[u8], terminator: u8, chunk: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while text.len() - at > chunk {
        let Some(end) = memchr::memchr(terminator, &text[at + chunk..]) else { break };
        at += chunk + end + 1;
        ends.push(at);
    }
    if at < text.len() {
        ends.push(text.len());
    }
    ends
}

fn by_record(text: &[u8], dialect: &Dialect, chunk: usize) -> Result<Vec<usize>, Unclosed> {
    let (mut records, mut fields, mut ends, mut start) = (Records::new(text, dialect), Vec::new(), Vec::new(), 0);
    while records.next(&mut fields)?.is_some() {
        fields.clear();
        if records.position() - start >= chunk {
            start = records.position();
            ends.push(start);
        }
    }
    if start < text.len() {
        ends.push(text.len());
    }
    Ok(ends)
}

/// Goes from quote to quote and cuts at line ends between quoted fields.
fn around_quotes(text: &[u8], dialect: &Dialect, quote: u8, chunk: usize) -> Result<Vec<usize>, Unclosed> {
    let mut ends: Vec<usize> = Vec::new();
    let mut target = chunk;
    let mut at = 0;
    while at < text.len() {
        let next = memchr::memchr(quote, &text[at..]).map_or(text.len(), |found| at + found);
        while target.max(at) < next {
            let from = target.max(at);
            let Some(end) = memchr::memchr(dialect.terminator, &text[from..next]) else { break };
            ends.push(from + end + 1);
            target = from + end + 1 + chunk;
        }
        at = match text.get(next) {
            Some(_) if opens(text, next, dialect) => closing(text, next).ok_or(Unclosed(next))?.0 + 1,
            _ => next + 1,
        };
    }
    if ends.last().copied().unwrap_or(0) < text.len() {
        ends.push(text.len());
    }
    Ok(ends)
}

/// Whether the quote at `at`, which is in no quoted field, is the first character of its field.
fn opens(text: &[u8], at: usize, dialect: &Dialect) -> bool {
    let mut before = &text[..at];
    if dialect.trim {
        while let Some((last, rest)) = before.split_last()
            && dialect.is_padding(*last)
        {
            before = rest;
        }
    }
    before.last().is_none_or(|byte| {
        *byte == dialect.terminator
            || match dialect.delimiter {
                Delimiter::Char(delimiter) => *byte == delimiter,
                Delimiter::Whitespace => {
                    matches!(byte, b' ' | b'\t') || (*byte == b'\r' && dialect.terminator == b'\n')
                }
            }
    })
}

/// The last position in `text` that is certainly the end of a record, where the text may go on.
pub(super) fn last_whole_record(text: &[u8], dialect: &Dialect) -> usize {
    let (mut records, mut fields, mut end) = (Records::new(text, dialect), Vec::new(), 0);
    while let Ok(Some(_)) = records.next(&mut fields) {
        fields.clear();
        let at = records.position();
        if at < text.len() || text.last() == Some(&dialect.terminator) {
            end = at;
        }
    }
    end
}
