//! Free texts as counts of words or runs of characters.

mod terms;
mod vocabulary;

use std::{borrow::Cow, ops::Range};

use serde::{Deserialize, Serialize};

use crate::{
    FrameColumn, LearnError, Values, chunks,
    features::{TextNorm, TextStopWords, TextUnit, TextWeight, Transform, choice::Choice, hash, levels::number_text},
};
use terms::Cutter;

/// What is counted in a text, and how counts become features. A feature is the term's count (1 + ln count where
/// `sublinear`, 1 where binary), times its weight where there are weights; then all features of the text are divided by
/// the root of the sum of their squares under `norm: l2`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vectoriser {
    /// What a text is cut into.
    pub by: TextUnit,
    /// Fewest and most pieces that stand together as one term.
    pub ngrams: [u32; 2],
    /// Whether letters are made lower case first.
    pub lowercase: bool,
    /// Words left out before terms are formed.
    pub stop_words: TextStopWords,
    /// The known terms, sorted by text, one a feature; none when terms are hashed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<String>,
    /// A factor a term; none when counts are taken as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
    /// Number of features that terms are hashed to: term `t` counts in feature `|hash(t)| mod hashed`, upwards or, where
    /// the hash is negative, downwards; the hash is that of [`Transform::Hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashed: Option<u32>,
    /// Whether a term counts once however often it occurs.
    pub binary: bool,
    /// Whether a term that occurs n times counts as 1 + ln n.
    pub sublinear: bool,
    /// The length that the features of a text are brought to.
    pub norm: TextNorm,
}

/// Rows that one thread works on at a time.
const CHUNK: usize = 256;

impl Vectoriser {
    /// What each feature counts.
    pub(super) fn names(&self) -> impl Iterator<Item = String> + '_ {
        let hashed = (0..self.hashed.unwrap_or(0)).map(|place| format!("#{place}"));
        self.terms.iter().cloned().chain(hashed)
    }

    /// The features of a text that are not 0, ascending by place.
    fn features(&self, text: &str) -> Vec<(u32, f64)> {
        let mut found: Vec<(u32, f64)> = Vec::new();
        Cutter { by: self.by, ngrams: self.ngrams, lowercase: self.lowercase, stop_words: self.stop_words }.cut(
            text,
            &mut |term| match self.hashed {
                Some(size) => found.push(hash::place(term, size)),
                None => {
                    if let Ok(place) = self.terms.binary_search_by(|known| known.as_str().cmp(term)) {
                        found.push((place as u32, 1.0));
                    }
                }
            },
        );
        // Whole numbers add up exactly in any order.
        found.sort_unstable_by_key(|(place, _)| *place);
        found.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        for (place, value) in &mut found {
            if self.binary && *value != 0.0 {
                *value = 1.0;
            }
            if self.sublinear && *value != 0.0 {
                *value = (1.0 + value.abs().ln()).copysign(*value);
            }
            if let Some(weight) = self.weights.get(*place as usize) {
                *value *= weight;
            }
        }
        if self.norm == TextNorm::L2 {
            let length = found.iter().map(|(_, value)| value * value).sum::<f64>().sqrt();
            if length > 0.0 {
                found.iter_mut().for_each(|(_, value)| *value /= length);
            }
        }
        found
    }
}

/// The text of a row; none where it is missing.
pub(super) fn text_of(values: &Values, row: usize) -> Option<Cow<'_, str>> {
    match values {
        Values::Number(numbers) | Values::Moment(numbers) => {
            let number = numbers[row];
            (!number.is_nan()).then(|| Cow::Owned(number_text(number)))
        }
        Values::Category { codes, levels } => levels.get(codes[row] as usize).map(|text| Cow::Borrowed(text.as_str())),
    }
}

/// Learns the vocabulary of a column; none when its texts say nothing and it was not asked to be a text.
pub(super) fn fit_text(
    choice: &Choice,
    column: &FrameColumn,
    rows: Option<&[usize]>,
) -> Result<Option<Transform>, LearnError> {
    let params = &choice.text;
    let hashed = params.weight == TextWeight::Hash;
    let shortened = hashed || params.weight == TextWeight::TfIdf;
    let mut vectoriser = Vectoriser {
        by: params.by,
        ngrams: params.ngrams,
        lowercase: params.lowercase,
        stop_words: params.stop_words,
        terms: Vec::new(),
        weights: Vec::new(),
        hashed: hashed.then_some(choice.text_hashes),
        binary: params.weight == TextWeight::Binary,
        sublinear: params.sublinear.unwrap_or(params.weight == TextWeight::TfIdf),
        norm: params.norm.unwrap_or(if shortened { TextNorm::L2 } else { TextNorm::None }),
    };
    if hashed {
        return Ok(Some(Transform::Text { vectoriser }));
    }
    let total = rows.map_or(column.values.len(), <[usize]>::len);
    let text = |place: usize| text_of(&column.values, rows.map_or(place, |rows| rows[place]));
    let cutter =
        Cutter { by: params.by, ngrams: params.ngrams, lowercase: params.lowercase, stop_words: params.stop_words };
    let found = vocabulary::count(&cutter, total, &text);
    let kept = vocabulary::choose(found, total, params, choice.terms as usize);
    if kept.is_empty() {
        return match choice.asked {
            false => Ok(None),
            true => Err(LearnError {
                code: "no-terms",
                message: format!("the texts of column `{}` have no term left to count", column.name),
                help: Some("lower `text.min_df`, raise `text.max_df`, or use `text.by: character-in-word`".to_owned()),
                field: Some("text"),
            }),
        };
    }
    if params.weight == TextWeight::TfIdf {
        let texts = total as f64;
        vectoriser.weights = kept.iter().map(|(_, df)| ((1.0 + texts) / (1.0 + *df as f64)).ln() + 1.0).collect();
    }
    vectoriser.terms = kept.into_iter().map(|(term, _)| term).collect();
    Ok(Some(Transform::Text { vectoriser }))
}

/// Writes the features of a column's texts, one after the other, into `out`, which holds zeros.
pub(super) fn write(vectoriser: &Vectoriser, values: &Values, rows: Range<usize>, out: &mut [f64]) {
    let count = rows.len();
    let found = chunks::map(count, CHUNK, |range| {
        let features = |at: usize| text_of(values, rows.start + at).map(|text| vectoriser.features(&text));
        range.map(|at| features(at).unwrap_or_default()).collect::<Vec<_>>()
    });
    for (row, found) in found.into_iter().flatten().enumerate() {
        for (place, value) in found {
            out[place as usize * count + row] = value;
        }
    }
}

/// Distinct texts below which a column is not taken for free text.
const FEWEST_TEXTS: usize = 20;
/// Share of the texts that must be distinct.
const DISTINCT: f64 = 0.3;
/// Words a distinct text must have on average.
const WORDS: f64 = 3.0;

/// True when the texts, of `rows` or of every row, are sentences rather than levels: at least 20 distinct ones, three in
/// ten of them distinct, and three words each on average. A word is what stands between white space and has a letter.
#[must_use]
pub fn is_free_text(values: &Values, rows: Option<&[usize]>) -> bool {
    let Values::Category { codes, levels } = values else { return false };
    let mut seen = vec![false; levels.len()];
    let mut present = 0_usize;
    let mut note = |code: u32| {
        if let Some(seen) = seen.get_mut(code as usize) {
            *seen = true;
            present += 1;
        }
    };
    match rows {
        Some(rows) => rows.iter().for_each(|&row| note(codes[row])),
        None => codes.iter().for_each(|&code| note(code)),
    }
    let distinct = seen.iter().filter(|seen| **seen).count();
    if distinct < FEWEST_TEXTS || (distinct as f64) < DISTINCT * present as f64 {
        return false;
    }
    let word = |word: &&str| word.chars().any(char::is_alphabetic);
    let words: usize = levels
        .iter()
        .zip(&seen)
        .filter(|(_, seen)| **seen)
        .map(|(text, _)| text.split_whitespace().filter(word).count())
        .sum();
    words as f64 >= WORDS * distinct as f64
}
