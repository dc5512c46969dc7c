//! From bytes to UTF-8 text: encodings, byte order marks, and what is no text at all.

use std::path::Path;

use encoding_rs::{Encoding, UTF_8};

use crate::error::DataError;

/// Bytes at the start of a file among which a binary one is sure to hold a zero.
const HEAD: usize = 1 << 16;

/// The encoding of that label, by the names of the web.
pub(crate) fn encoding(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.trim().as_bytes())
}

/// Bytes meant as UTF-8 without a byte order mark; those of another encoding are converted. UTF-8 itself is left
/// unchecked: [`check`] does that in pieces.
pub(crate) fn decode(file: &Path, mut bytes: Vec<u8>, label: Option<&str>) -> Result<Vec<u8>, DataError> {
    let marked = Encoding::for_bom(&bytes);
    let encoding = match (label, marked) {
        (Some(label), _) => {
            encoding(label).ok_or_else(|| DataError::new("bad-option", format!("unknown encoding `{label}`")))?
        }
        (None, Some((encoding, _))) => encoding,
        (None, None) => UTF_8,
    };
    if let Some((_, mark)) = marked.filter(|(of, _)| *of == encoding) {
        bytes.drain(..mark);
    }
    if encoding == UTF_8 {
        return Ok(bytes);
    }
    let (text, failed) = encoding.decode_without_bom_handling(&bytes);
    if failed {
        return Err(DataError::new(
            "bad-encoding",
            format!("`{}` holds bytes that are not {}", file.display(), encoding.name()),
        ));
    }
    Ok(text.into_owned().into_bytes())
}

/// Refuses a piece of a file that is not UTF-8 text; `start` is where in `whole` the piece starts.
pub(crate) fn check(file: &Path, whole: &[u8], piece: &[u8], start: usize) -> Result<(), DataError> {
    if let Some(at) = memchr::memchr(0, piece) {
        return Err(binary(file, whole, start + at));
    }
    let Err(error) = std::str::from_utf8(piece) else { return Ok(()) };
    let line = line_at(whole, start + error.valid_up_to());
    if known_binary(whole).is_some() || memchr::memchr(0, &whole[..whole.len().min(HEAD)]).is_some() {
        return Err(binary(file, whole, start));
    }
    Err(DataError::new("bad-encoding", format!("`{}`: line {line} is not UTF-8", file.display()))
        .help("say what it is, as in `encoding: windows-1252`"))
}

fn binary(file: &Path, whole: &[u8], at: usize) -> DataError {
    let line = line_at(whole, at);
    let error =
        DataError::new("binary-file", format!("`{}` is not a text file: line {line} is binary", file.display()));
    match known_binary(whole) {
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

/// The number, from 1, of the line that holds the byte at `at`.
pub(crate) fn line_at(bytes: &[u8], at: usize) -> usize {
    let before = &bytes[..at.min(bytes.len())];
    let feeds = memchr::memchr_iter(b'\n', before).count();
    if feeds > 0 || memchr::memchr(b'\n', bytes).is_some() {
        return feeds + 1;
    }
    memchr::memchr_iter(b'\r', before).count() + 1
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
        let error = check(file, whole, &whole[2..], 2).unwrap_err();
        assert_eq!(error.message, "`f.csv`: line 3 is not UTF-8");
        let zip = b"PK\x03\x04\0\0";
        let error = check(file, zip, zip, 0).unwrap_err();
        assert_eq!(error.code, "binary-file");
        assert!(error.help.is_some_and(|help| help.contains("Excel")));
    }
}
