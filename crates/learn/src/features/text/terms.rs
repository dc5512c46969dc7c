//! Cutting a text into terms, as scikit-learn's `CountVectorizer` does.
//!
//! A word is a run of at least two characters that are letters, digits or `_`; letters and digits by Unicode's
//! properties Alphabetic and Numeric, which take in marks that belong to a letter of some scripts.

use std::borrow::Cow;

use crate::features::{TextStopWords, TextUnit};

/// The 318 words of the Glasgow information retrieval group, sorted by text (as in scikit-learn 1.9.1).
const ENGLISH: &str = include_str!("english.txt");

/// How a text is cut.
pub(super) struct Cutter {
    pub(super) by: TextUnit,
    pub(super) ngrams: [u32; 2],
    pub(super) lowercase: bool,
    pub(super) stop_words: TextStopWords,
}

impl Cutter {
    /// Hands every term of `text` to `found`, as often as it occurs.
    pub(super) fn cut(&self, text: &str, found: &mut dyn FnMut(&str)) {
        let text: Cow<'_, str> = if self.lowercase { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) };
        match self.by {
            TextUnit::Word => self.words(&text, found),
            TextUnit::Character => self.runs(&single_spaces(&text), found),
            TextUnit::CharacterInWord => self.runs_in_words(&text, found),
        }
    }

    fn words(&self, text: &str, found: &mut dyn FnMut(&str)) {
        let part_of_word = |character: char| character.is_alphanumeric() || character == '_';
        let words: Vec<&str> = text
            .split(|character| !part_of_word(character))
            .filter(|word| word.chars().nth(1).is_some() && !self.stops(word))
            .collect();
        let mut term = String::new();
        for count in self.ngrams[0]..=self.ngrams[1] {
            for window in words.windows(count as usize) {
                if let [word] = window {
                    found(word);
                    continue;
                }
                term.clear();
                for (place, word) in window.iter().enumerate() {
                    if place > 0 {
                        term.push(' ');
                    }
                    term.push_str(word);
                }
                found(&term);
            }
        }
    }

    fn stops(&self, word: &str) -> bool {
        match self.stop_words {
            TextStopWords::None => false,
            TextStopWords::English => english().binary_search(&word).is_ok(),
        }
    }

    fn runs(&self, text: &str, found: &mut dyn FnMut(&str)) {
        let places = boundaries(text);
        for count in self.ngrams[0]..=self.ngrams[1] {
            for window in places.windows(count as usize + 1) {
                found(&text[window[0]..window[count as usize]]);
            }
        }
    }

    fn runs_in_words(&self, text: &str, found: &mut dyn FnMut(&str)) {
        let mut padded = String::new();
        for word in text.split_whitespace() {
            padded.clear();
            padded.extend([" ", word, " "]);
            let places = boundaries(&padded);
            for count in self.ngrams[0]..=self.ngrams[1] {
                let mut longer = false;
                for window in places.windows(count as usize + 1) {
                    found(&padded[window[0]..window[count as usize]]);
                    longer = true;
                }
                // A word no longer than the run is one term, once.
                if !longer {
                    found(&padded);
                }
                if count as usize + 1 >= places.len() {
                    break;
                }
            }
        }
    }
}

/// The places where characters begin, and the end.
fn boundaries(text: &str) -> Vec<usize> {
    text.char_indices().map(|(place, _)| place).chain(std::iter::once(text.len())).collect()
}

/// Runs of two or more white spaces as one space; a single one stays what it is.
fn single_spaces(text: &str) -> String {
    let mut single = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if !character.is_whitespace() || !characters.peek().is_some_and(|next| next.is_whitespace()) {
            single.push(character);
            continue;
        }
        while characters.next_if(|next| next.is_whitespace()).is_some() {}
        single.push(' ');
    }
    single
}

impl TextStopWords {
    /// The words, sorted by text.
    #[must_use]
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::English => english(),
        }
    }
}

fn english() -> &'static [&'static str] {
    static WORDS: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
    WORDS.get_or_init(|| ENGLISH.lines().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(by: TextUnit, ngrams: [u32; 2], text: &str) -> Vec<String> {
        let mut found = Vec::new();
        Cutter { by, ngrams, lowercase: true, stop_words: TextStopWords::None }
            .cut(text, &mut |term| found.push(term.to_owned()));
        found
    }

    #[test]
    fn words_have_two_characters() {
        assert_eq!(
            cut(TextUnit::Word, [1, 2], "I'm a Straße, 2nd x_1!"),
            ["straße", "2nd", "x_1", "straße 2nd", "2nd x_1"]
        );
        assert!(cut(TextUnit::Word, [1, 3], "").is_empty());
        assert!(cut(TextUnit::Word, [2, 3], "one").is_empty());
    }

    #[test]
    fn characters_are_counted_by_character() {
        assert_eq!(cut(TextUnit::Character, [2, 3], "aé \t b"), ["aé", "é ", " b", "aé ", "é b"]);
        // scikit-learn 1.9.1: CountVectorizer(analyzer="char_wb", ngram_range=(3, 5)).build_analyzer()("a bcd")
        let expected = [" a ", " bc", "bcd", "cd ", " bcd", "bcd ", " bcd "];
        assert_eq!(cut(TextUnit::CharacterInWord, [3, 5], "a bcd"), expected);
        assert_eq!(cut(TextUnit::CharacterInWord, [5, 6], "a bcd"), [" a ", " bcd "]);
    }

    #[test]
    fn stop_words_are_sorted() {
        assert!(english().is_sorted() && english().len() == 318);
        let mut found = Vec::new();
        Cutter { by: TextUnit::Word, ngrams: [1, 2], lowercase: true, stop_words: TextStopWords::English }
            .cut("The pump of the plant is Hot", &mut |term| found.push(term.to_owned()));
        assert_eq!(found, ["pump", "plant", "hot", "pump plant", "plant hot"]);
    }
}
