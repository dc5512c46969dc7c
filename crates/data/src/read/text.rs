//! From bytes to UTF-8 text: encodings, byte order marks, and what is no text at all.

use std::path::Path;

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};

use crate::error::DataError;

/// Bytes at the start of a file among which a binary one is sure to hold a zero.
pub(super) const HEAD: usize = 1 << 16;

/// The lines of a file, or some of them.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) text: &'a [u8],
    /// Lines before it.
    pub(crate) before: usize,
    /// What ends a line.
    pub(crate) line_end: u8,
    /// The first bytes of the file, which tell what it is if it is no text.
    pub(crate) head: &'a [u8],
}

impl<'a> Part<'a> {
    /// All lines.
    pub(crate) fn whole(text: &'a [u8]) -> Self {
        Self { text, before: 0, line_end: line_end(text), head: &text[..text.len().min(HEAD)] }
    }

    /// The number, from 1, of the line that holds the byte at `at`.
    pub(crate) fn line_at(&self, at: usize) -> usize {
        self.before + memchr::memchr_iter(self.line_end, &self.text[..at.min(self.text.len())]).count() + 1
    }
}

/// What ends a line of the whole text of a file: a line feed, or a carriage return where there is none.
pub(crate) fn line_end(text: &[u8]) -> u8 {
    if memchr::memchr(b'\n', text).is_some() || memchr::memchr(b'\r', text).is_none() { b'\n' } else { b'\r' }
}

/// The encoding of that label, by the names of the web.
pub(crate) fn encoding(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.trim().as_bytes())
}

/// The encoding of a file that starts with these bytes, and how many of them are its mark.
pub(super) fn encoding_of(bytes: &[u8], label: Option<&str>) -> Result<(&'static Encoding, usize), DataError> {
    let marked = Encoding::for_bom(bytes);
    let encoding = match (label, marked) {
        (Some(label), _) => {
            encoding(label).ok_or_else(|| DataError::new("bad-option", format!("unknown encoding `{label}`")))?
        }
        (None, Some((encoding, _))) => encoding,
        (None, None) => UTF_8,
    };
    Ok((encoding, marked.filter(|(of, _)| *of == encoding).map_or(0, |(_, mark)| mark)))
}

/// Bytes meant as UTF-8 without a byte order mark; those of another encoding are converted. UTF-8 itself is left
/// unchecked: [`check`] does that in pieces.
pub(crate) fn decode(file: &Path, mut bytes: Vec<u8>, label: Option<&str>) -> Result<Vec<u8>, DataError> {
    let (encoding, mark) = encoding_of(&bytes, label)?;
    bytes.drain(..mark);
    if encoding == UTF_8 {
        return Ok(bytes);
    }
    let (text, failed) = encoding.decode_without_bom_handling(&bytes);
    if failed {
        return Err(undecodable(file, encoding));
    }
    Ok(text.into_owned().into_bytes())
}

/// Appends to `text` what the next bytes mean; `last` says that none follow.
pub(super) fn decode_more(
    file: &Path,
    decoder: &mut Decoder,
    bytes: &[u8],
    last: bool,
    text: &mut Vec<u8>,
) -> Result<(), DataError> {
    let (mut read, mut written) = (0, text.len());
    loop {
        let room = decoder.max_utf8_buffer_length(bytes.len() - read).unwrap_or(bytes.len());
        text.resize(written + room, 0);
        let (result, more, wrote, failed) = decoder.decode_to_utf8(&bytes[read..], &mut text[written..], last);
        (read, written) = (read + more, written + wrote);
        if failed {
            return Err(undecodable(file, decoder.encoding()));
        }
        if result == CoderResult::InputEmpty {
            text.truncate(written);
            return Ok(());
        }
    }
}

fn undecodable(file: &Path, encoding: &'static Encoding) -> DataError {
    DataError::new("bad-encoding", format!("`{}` holds bytes that are not {}", file.display(), encoding.name()))
}

/// Refuses a piece of a file that is not UTF-8 text; `start` is where in `part` the piece starts.
pub(crate) fn check(file: &Path, part: &Part<'_>, piece: &[u8], start: usize) -> Result<(), DataError> {
    if let Some(at) = memchr::memchr(0, piece) {
        return Err(binary(file, part, start + at));
    }
    let Err(error) = std::str::from_utf8(piece) else { return Ok(()) };
    let line = part.line_at(start + error.valid_up_to());
    if known_binary(part.head).is_some() || memchr::memchr(0, part.head).is_some() {
        return Err(binary(file, part, start));
    }
    Err(DataError::new("bad-encoding", format!("`{}`: line {line} is not UTF-8", file.display()))
        .help("say what it is, as in `encoding: windows-1252`"))
}

fn binary(file: &Path, part: &Part<'_>, at: usize) -> DataError {
    let line = part.line_at(at);
    let error =
        DataError::new("binary-file", format!("`{}` is not a text file: line {line} is binary", file.display()));
    match known_binary(part.head) {
        Some(what) => error.help(what),
        None => error.help("if it is UTF-16 text, say so with `encoding: utf-16le`"),
    }
}

fn known_binary(bytes: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 6] = [
        (b"PAR1", "it is a Parquet file: say `format: parquet`"),
        (b"ARROW1", "it is an Arrow file: say `format: arrow`"),
        (b"PK\x03\x04", "it is a zip archive or an Excel workbook: unpack it, or save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0", "it is an Excel workbook: save the sheet as CSV"),
        (b"SQLite format 3", "it is an SQLite database: export the table as CSV"),
        (b"%PDF", "it is a PDF document"),
    ];
    KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_labels_decide() {
        let file = Path::new("f.csv");
        assert_eq!(decode(file, b"\xef\xbb\xbfa,b".to_vec(), None).unwrap(), b"a,b");
        assert_eq!(decode(file, b"\xff\xfea\0,\0".to_vec(), None).unwrap(), b"a,");
        assert_eq!(decode(file, b"caf\xe9".to_vec(), Some("windows-1252")).unwrap(), "café".as_bytes());
        assert_eq!(decode(file, b"\xef\xbb\xbfa".to_vec(), Some("utf-8")).unwrap(), b"a");
        assert_eq!(decode(file, b"a".to_vec(), Some("klingon")).unwrap_err().code, "bad-option");
        assert_eq!(decode(file, b"\xff\xff".to_vec(), Some("shift_jis")).unwrap_err().code, "bad-encoding");
    }

    #[test]
    fn what_is_no_text_is_named_with_its_line() {
        let file = Path::new("f.csv");
        let whole = b"a\nb\ncaf\xe9\n";
        let error = check(file, &Part::whole(whole), &whole[2..], 2).unwrap_err();
        assert_eq!(error.message, "`f.csv`: line 3 is not UTF-8");
        let zip = b"PK\x03\x04\0\0";
        let error = check(file, &Part::whole(zip), zip, 0).unwrap_err();
        assert_eq!(error.code, "binary-file");
        assert!(error.help.is_some_and(|help| help.contains("Excel")));
    }

    #[test]
    fn bytes_that_come_in_pieces_mean_the_same() {
        let file = Path::new("f.csv");
        for (label, bytes) in [("utf-16le", b"a\0,\0\x3d\xd8\x00\xde\n\0".as_slice()), ("shift_jis", b"\x83e,\x83X")] {
            let whole = decode(file, bytes.to_vec(), Some(label)).unwrap();
            for size in 1..4 {
                let (mut decoder, mut text) = (encoding(label).unwrap().new_decoder_without_bom_handling(), Vec::new());
                bytes.chunks(size).for_each(|piece| decode_more(file, &mut decoder, piece, false, &mut text).unwrap());
                decode_more(file, &mut decoder, b"", true, &mut text).unwrap();
                assert_eq!(text, whole, "{label} by {size}");
            }
        }
        let mut decoder = encoding("utf-16le").unwrap().new_decoder_without_bom_handling();
        assert_eq!(decode_more(file, &mut decoder, b"a", true, &mut Vec::new()).unwrap_err().code, "bad-encoding");
    }
}
