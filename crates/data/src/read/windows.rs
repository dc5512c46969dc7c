//! The text of a file too large for memory, in windows of whole records.
//!
//! A window consists of whole chunks, and where a chunk ends depends on the text before it alone. So the chunks are those
//! that the text would be cut into if it were in memory, whatever the size of the windows.

use encoding_rs::{Decoder, UTF_8};

use super::{
    Cancelled,
    files::{Blocks, LONGEST_LINE, Opened},
    text::{self, Part},
};
use crate::error::DataError;

/// A record longer than this is none: fields count their bytes in 30 bits.
pub(super) const LONGEST_RECORD: usize = 1 << 30;

/// How much is read, parsed and kept at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Unpacked bytes of files that are read in memory.
    pub(crate) memory: u64,
    /// Bytes of text in a window, about.
    pub(crate) window: usize,
    /// Bytes of text parsed by one thread at a time, about.
    pub(crate) chunk: usize,
    /// Bytes read from the file at a time.
    pub(crate) block: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { memory: crate::table::MEMORY, window: 32 << 20, chunk: 4 << 20, block: 8 << 20 }
    }
}

/// Where a text can be cut into chunks, each of whole records.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    /// The ends of those chunks that more text would not change.
    pub(super) ends: Vec<usize>,
    /// The quote that nothing closes, where the search came to an end.
    pub(super) unclosed: Option<usize>,
}

/// Some whole records.
pub(super) struct Window<'a> {
    pub(super) part: Part<'a>,
    /// Where its chunks end; the last one is the end of the text.
    pub(super) ends: Vec<usize>,
    /// A quote that nothing closes.
    pub(super) unclosed: Option<usize>,
}

/// The decoded text of a file, from its start.
pub(super) struct Windows<'a> {
    opened: &'a Opened<'a>,
    blocks: Blocks<'a>,
    bounds: Bounds,
    label: Option<&'a str>,
    decoder: Option<Decoder>,
    text: Vec<u8>,
    /// Bytes of `text` that were given out.
    used: usize,
    /// Lines before `text`.
    before: usize,
    /// The first bytes of the file.
    head: Vec<u8>,
    started: bool,
    ended: bool,
}

impl<'a> Windows<'a> {
    pub(super) fn new(
        opened: &'a Opened<'a>,
        label: Option<&'a str>,
        bounds: Bounds,
        cancelled: Cancelled<'a>,
    ) -> Result<Self, DataError> {
        let blocks = opened.blocks(cancelled)?;
        let (text, head) = (Vec::new(), Vec::new());
        let (used, before, started, ended) = (0, 0, false, false);
        Ok(Self { opened, blocks, bounds, label, decoder: None, text, used, before, head, started, ended })
    }

    /// The text up to at least so many bytes from where it stands, and whether that is all.
    pub(super) fn prefix(&mut self, bytes: usize) -> Result<(&[u8], bool), DataError> {
        while !self.ended && self.text.len() < bytes {
            self.fill()?;
        }
        Ok((&self.text, self.ended))
    }

    /// Leaves out the first bytes of what [`Windows::prefix`] gave.
    pub(super) fn skip(&mut self, bytes: usize, line_end: u8) {
        self.used = bytes.min(self.text.len());
        self.drop_used(line_end);
    }

    /// The next window, none at the end.
    pub(super) fn next(&mut self, line_end: u8, cut: impl Fn(&[u8]) -> Cuts) -> Result<Option<Window<'_>>, DataError> {
        self.drop_used(line_end);
        let mut want = self.bounds.window;
        let (ends, unclosed) = loop {
            self.prefix(want)?;
            let seen = want.min(self.text.len());
            let Cuts { mut ends, unclosed } = cut(&self.text[..seen]);
            if self.ended && seen == self.text.len() {
                if seen == 0 {
                    return Ok(None);
                }
                if ends.last() != Some(&seen) {
                    ends.push(seen);
                }
                break (ends, unclosed);
            }
            if !ends.is_empty() {
                break (ends, None);
            }
            // Whatever follows, it comes too late to close the quote, or to end the record.
            if unclosed.is_some_and(|at| seen - at > LONGEST_LINE) || seen >= LONGEST_RECORD {
                break (vec![seen], unclosed);
            }
            want *= 2;
        };
        self.used = ends.last().copied().unwrap_or(0);
        let part = Part { text: &self.text[..self.used], before: self.before, line_end, head: &self.head };
        Ok(Some(Window { part, ends, unclosed }))
    }

    /// Whether lines end with a line feed, which one anywhere in the text decides, or with a carriage return.
    pub(super) fn line_end(mut self) -> Result<u8, DataError> {
        let mut returns = false;
        loop {
            let (text, whole) = self.prefix(1)?;
            if memchr::memchr(b'\n', text).is_some() {
                return Ok(b'\n');
            }
            returns |= memchr::memchr(b'\r', text).is_some();
            if whole {
                return Ok(if returns { b'\r' } else { b'\n' });
            }
            self.text.clear();
        }
    }

    /// Takes up to as many bytes as `into` holds; none at the end.
    pub(super) fn copy(&mut self, into: &mut [u8]) -> Result<usize, DataError> {
        if self.used == self.text.len() {
            self.drop_used(b'\n');
            self.prefix(1)?;
        }
        let length = into.len().min(self.text.len() - self.used);
        into[..length].copy_from_slice(&self.text[self.used..self.used + length]);
        self.used += length;
        Ok(length)
    }

    fn drop_used(&mut self, line_end: u8) {
        self.before += memchr::memchr_iter(line_end, &self.text[..self.used]).count();
        self.text.drain(..self.used);
        self.used = 0;
    }

    fn fill(&mut self) -> Result<(), DataError> {
        if !self.started {
            return self.start();
        }
        let Some(decoder) = &mut self.decoder else {
            self.ended = !self.blocks.more(&mut self.text, self.bounds.block)?;
            return Ok(());
        };
        let mut bytes = Vec::new();
        self.ended = !self.blocks.more(&mut bytes, self.bounds.block)?;
        text::decode_more(self.opened.file, decoder, &bytes, self.ended, &mut self.text)
    }

    fn start(&mut self) -> Result<(), DataError> {
        // A byte order mark, and what a binary file starts with, must be seen at once.
        let (mut bytes, first) = (Vec::new(), self.bounds.block.max(text::HEAD));
        self.ended = !self.blocks.more(&mut bytes, first)?;
        let (encoding, mark) = text::encoding_of(&bytes, self.label)?;
        bytes.drain(..mark);
        if encoding == UTF_8 {
            self.text = bytes;
        } else {
            let mut decoder = encoding.new_decoder_without_bom_handling();
            text::decode_more(self.opened.file, &mut decoder, &bytes, self.ended, &mut self.text)?;
            self.decoder = Some(decoder);
        }
        self.head = self.text[..self.text.len().min(text::HEAD)].to_vec();
        self.started = true;
        Ok(())
    }
}
