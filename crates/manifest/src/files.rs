//! The texts being checked, and how a span of bytes becomes a place that a person can find.

use std::ops::Range;

use trainyard_core::Place;

/// Bytes `start..end` of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// Index in [`Files`].
    pub(crate) file: u32,
    /// First byte.
    pub(crate) start: u32,
    /// One past the last byte.
    pub(crate) end: u32,
}

impl Span {
    /// Where it starts, covering nothing.
    pub(crate) fn first(self) -> Self {
        Self { end: self.start, ..self }
    }
}

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    /// As the user named it.
    pub(crate) name: String,
    /// Its text, without a byte order mark.
    pub(crate) text: String,
    /// Where each line starts.
    lines: Vec<usize>,
}

/// Every file read so far; the first is the pipeline itself.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// The files.
    pub(crate) files: Vec<File>,
}

impl Files {
    /// Takes in a file and returns its index; the same file twice is one.
    pub(crate) fn add(&mut self, name: String, text: String) -> u32 {
        let text = text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text);
        if let Some(known) = self.files.iter().position(|file| file.name == name && file.text == text) {
            return u32::try_from(known).unwrap_or(u32::MAX);
        }
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.files.push(File { name, text, lines });
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    fn file(&self, span: Span) -> Option<&File> {
        self.files.get(span.file as usize)
    }

    /// The text under a span; empty when the span is none of ours.
    pub(crate) fn slice(&self, span: Span) -> &str {
        self.file(span).and_then(|file| file.text.get(span.start as usize..span.end as usize)).unwrap_or("")
    }

    /// Where a span stands: its first line's part of it.
    pub(crate) fn place(&self, span: Span) -> Option<Place> {
        let file = self.file(span)?;
        let mut start = (span.start as usize).min(file.text.len());
        while !file.text.is_char_boundary(start) {
            start -= 1;
        }
        let line = file.lines.partition_point(|&at| at <= start).max(1);
        let line_start = file.lines[line - 1];
        let line_end = file.text[start..].find(['\n', '\r']).map_or(file.text.len(), |at| start + at);
        let mut end = (span.end as usize).clamp(start, line_end);
        while !file.text.is_char_boundary(end) {
            end -= 1;
        }
        Some(Place {
            file: file.name.clone(),
            line,
            column: file.text[line_start..start].chars().count() + 1,
            length: file.text[start..end].trim_end().chars().count().max(1),
        })
    }

    /// The part of `span` where `words` stands for the first time, as a whole word; `span` itself when it does not.
    pub(crate) fn narrow(&self, span: Span, words: &str) -> Span {
        let text = self.slice(span);
        let of_a_word = |c: char| c.is_alphanumeric() || c == '_';
        let found = (!words.is_empty())
            .then(|| {
                text.match_indices(words).find(|(at, found)| {
                    !text[..*at].ends_with(of_a_word) && !text[at + found.len()..].starts_with(of_a_word)
                })
            })
            .flatten();
        match found {
            Some((at, found)) => sub(span, at..at + found.len()),
            None => span,
        }
    }

    /// The part of `span` that shows bytes `range` of `value`, where the file shows the value unchanged.
    pub(crate) fn within(&self, span: Span, value: &str, range: Range<usize>) -> Span {
        match self.slice(span).find(value) {
            Some(at) => sub(span, at + range.start..at + range.end),
            None => span,
        }
    }
}

fn sub(span: Span, range: Range<usize>) -> Span {
    let offset = |at: usize| span.start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
    Span { file: span.file, start: offset(range.start), end: offset(range.end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Files {
        let mut files = Files::default();
        files.add("p.yaml".to_owned(), text.to_owned());
        files
    }

    #[test]
    fn places_count_characters_not_bytes() {
        let files = files("a: 1\nß: über\n");
        let start = u32::try_from(files.files[0].text.find("über").unwrap()).unwrap();
        let place = files.place(Span { file: 0, start, end: start + 5 }).unwrap();
        assert_eq!((place.line, place.column, place.length), (2, 4, 4));
    }

    #[test]
    fn places_stay_on_one_line_and_inside_the_file() {
        let files = files("a: |\n  b\n");
        let place = files.place(Span { file: 0, start: 3, end: 999 }).unwrap();
        assert_eq!((place.line, place.column, place.length), (1, 4, 1));
        let end = files.place(Span { file: 0, start: 999, end: 999 }).unwrap();
        assert_eq!((end.line, end.column, end.length), (3, 1, 1));
    }

    #[test]
    fn narrow_finds_whole_words_only() {
        let files = files("SELECT torqe_max, torqe FROM x");
        let span = Span { file: 0, start: 0, end: 30 };
        assert_eq!(files.narrow(span, "torqe"), Span { file: 0, start: 18, end: 23 });
        assert_eq!(files.narrow(span, "speed"), span);
    }
}
