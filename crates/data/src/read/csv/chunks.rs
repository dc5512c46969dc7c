//! Cuts a text into pieces that start and end with a record, so that they can be parsed in parallel.

use super::{
    dialect::Dialect,
    record::{Records, Unclosed, closing},
};
use crate::read::{options::Delimiter, windows::Cuts};

/// Where `text`, of which more may follow, can be cut into chunks of about so many bytes. That is chosen for the cache and
/// for fair shares, never by the number of threads: the result must not depend on it. Each cut depends on the text
/// before it alone.
pub(in crate::read) fn cuts(text: &[u8], dialect: &Dialect, chunk: usize) -> Cuts {
    match (dialect.quote, dialect.comment) {
        (None, _) => Cuts { ends: plain(text, dialect.terminator, chunk), unclosed: None },
        // A quote in a comment opens nothing: only reading the records tells.
        (Some(_), Some(_)) => by_record(text, dialect, chunk),
        (Some(quote), None) => around_quotes(text, dialect, quote, chunk),
    }
}

/// Where the lines of `text` can be cut.
pub(in crate::read) fn plain(text: &[u8], terminator: u8, chunk: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while text.len() - at > chunk {
        let Some(end) = memchr::memchr(terminator, &text[at + chunk..]) else { break };
        at += chunk + end + 1;
        ends.push(at);
    }
    ends
}

fn by_record(text: &[u8], dialect: &Dialect, chunk: usize) -> Cuts {
    let (mut records, mut fields, mut cuts, mut start) = (Records::new(text, dialect), Vec::new(), Cuts::default(), 0);
    loop {
        fields.clear();
        match records.next(&mut fields) {
            Err(Unclosed(at)) => cuts.unclosed = Some(at),
            // A record that ends with the text may go on.
            Ok(Some(_)) if records.position() < text.len() => {
                if records.position() - start > chunk {
                    start = records.position();
                    cuts.ends.push(start);
                }
                continue;
            }
            Ok(_) => {}
        }
        return cuts;
    }
}

/// Goes from quote to quote and cuts at line ends between quoted fields.
fn around_quotes(text: &[u8], dialect: &Dialect, quote: u8, chunk: usize) -> Cuts {
    let mut cuts = Cuts::default();
    let mut target = chunk;
    let mut at = 0;
    while at < text.len() {
        let next = memchr::memchr(quote, &text[at..]).map_or(text.len(), |found| at + found);
        while target.max(at) < next {
            let from = target.max(at);
            let Some(end) = memchr::memchr(dialect.terminator, &text[from..next]) else { break };
            cuts.ends.push(from + end + 1);
            target = from + end + 1 + chunk;
        }
        at = match text.get(next) {
            Some(_) if opens(text, next, dialect) => match closing(text, next) {
                Some((close, _)) => close + 1,
                None => {
                    cuts.unclosed = Some(next);
                    return cuts;
                }
            },
            _ => next + 1,
        };
    }
    cuts
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
