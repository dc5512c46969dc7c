//! Texts as counts of terms, with the tokenizer and hash that onnxruntime adds to the standard. Letters are made lower case
//! one by one, so that a capital that becomes two letters, or a sigma at a word's end, may come out otherwise.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use trainyard_learn::features::{TextNorm, TextUnit, Vectoriser};

use crate::onnx::{
    Refusal,
    graph::{self, CONTRIB, Graph, ML, Value, int, ints, text, texts},
    inputs::Input,
    proto::element,
};

impl Graph {
    /// The features of a column's texts.
    pub(super) fn words(&mut self, vectoriser: &Vectoriser, input: &Input) -> Result<Value, Refusal> {
        if vectoriser.by == TextUnit::CharacterInWord && vectoriser.hashed.is_some() {
            let message = format!("hashed runs of characters within words, which `{}` is made into", input.column);
            return Err(Refusal::of(message));
        }
        let value = self.texts_of(input)?;
        let mut value = self.reshape(&value, &[-1]);
        if vectoriser.lowercase {
            let settings = vec![text("case_change_action", "LOWER"), int("is_case_sensitive", 1), text("locale", "")];
            value = self.node("StringNormalizer", &[&value], settings);
        }
        let [least, most] = vectoriser.ngrams;
        let lengths: BTreeSet<usize> = match vectoriser.by {
            // A word shorter than a run is a term as a whole.
            TextUnit::CharacterInWord => vectoriser.terms.iter().map(|term| term.chars().count()).collect(),
            _ => (least.max(1) as usize..=most as usize).collect(),
        };
        let longest = lengths.last().copied().unwrap_or(1);
        let pieces = self.pieces(vectoriser, &value, longest);
        let width = vectoriser.hashed.map_or(vectoriser.terms.len(), |size| size as usize);
        // One column more, where what is no term is counted.
        let mut counts = self.zeros(&value, width + 1);
        for length in lengths {
            let (places, signs) = self.terms(vectoriser, &pieces, length, longest, width);
            let settings = vec![int("axis", 1), text("reduction", "add")];
            counts = self.node("ScatterElements", &[&counts, &places, &signs], settings);
        }
        let kept: Vec<usize> = (0..width).collect();
        let counts = self.pick(&counts, &kept);
        Ok(self.weighed(vectoriser, counts))
    }

    /// The pieces of each text in order, and `longest` empty ones at the end.
    fn pieces(&mut self, vectoriser: &Vectoriser, value: &str, longest: usize) -> Value {
        let space = class(char::is_whitespace);
        let pieces = match vectoriser.by {
            TextUnit::Word => {
                let word = class(|character| character.is_alphanumeric() || character == '_');
                let pieces = self.tokens(value, &format!("[{word}]{{2,}}"));
                self.without_stop_words(vectoriser, pieces)
            }
            TextUnit::Character => {
                let pieces = self.tokens(value, &format!("[{space}]+|[^{space}]"));
                let run = self.node("RegexFullMatch", &[&pieces], vec![text("pattern", &format!("[{space}]{{2,}}"))]);
                let single = self.constant(graph::strings([" "]));
                self.choose(&run, &single, &pieces)
            }
            TextUnit::CharacterInWord => {
                let words = self.tokens(value, &format!("[^{space}]+"));
                let none = self.constant(graph::strings([""]));
                let single = self.constant(graph::strings([" "]));
                let absent = self.op("Equal", &[&words, &none]);
                let begun = self.op("StringConcat", &[&single, &words]);
                let padded = self.op("StringConcat", &[&begun, &single]);
                let padded = self.choose(&absent, &none, &padded);
                self.tokens(&padded, "(?s).")
            }
        };
        let shape = self.op("Shape", &[&pieces]);
        let all_but_last = self.slice(&shape, 0, 0, -1);
        let more = self.whole(&[longest as i64]);
        let shape = self.node("Concat", &[&all_but_last, &more], vec![int("axis", 0)]);
        let none = self.constant(graph::strings([""]));
        let empty = self.op("Expand", &[&none, &shape]);
        self.node("Concat", &[&pieces, &empty], vec![int("axis", -1)])
    }

    fn tokens(&mut self, value: &str, expression: &str) -> Value {
        let settings = vec![int("mark", 0), int("mincharnum", 1), text("pad_value", ""), text("tokenexp", expression)];
        self.node_of(CONTRIB, "Tokenizer", &[value], settings)
    }

    /// Moves stop words behind all others, as empty pieces.
    fn without_stop_words(&mut self, vectoriser: &Vectoriser, pieces: Value) -> Value {
        let stops = vectoriser.stop_words.words();
        if stops.is_empty() {
            return pieces;
        }
        let settings = vec![
            texts("keys_strings", stops.iter().copied()),
            ints("values_int64s", vec![1; stops.len()]),
            int("default_int64", 0),
        ];
        let stop = self.node_of(ML, "LabelEncoder", &[&pieces], settings);
        let shape = self.node("Shape", &[&pieces], vec![int("start", 1), int("end", 2)]);
        let one = self.constant(graph::longs(&[], &[1]));
        let zero = self.constant(graph::longs(&[], &[0]));
        let scalar = self.constant(graph::longs(&[0], &[]));
        let count = self.op("Reshape", &[&shape, &scalar]);
        let places = self.op("Range", &[&zero, &count, &one]);
        let far = self.whole(&[1 << 40]);
        let behind = self.op("Mul", &[&stop, &far]);
        let keys = self.op("Add", &[&behind, &places]);
        let settings = vec![int("axis", 1), int("largest", 0), int("sorted", 1)];
        let (_, order) = self.node_pair("TopK", &[&keys, &shape], settings);
        let none = self.constant(graph::strings([""]));
        let is_stop = self.cast(&stop, element::BOOL);
        let pieces = self.choose(&is_stop, &none, &pieces);
        self.node("GatherElements", &[&pieces, &order], vec![int("axis", 1)])
    }

    /// The entries from `from` to before `to` along a dimension; `to` may count from the end.
    fn slice(&mut self, value: &str, axis: i64, from: i64, to: i64) -> Value {
        let (from, to, axis) = (self.whole(&[from]), self.whole(&[to]), self.whole(&[axis]));
        self.op("Slice", &[value, &from, &to, &axis])
    }

    /// The place of every term of `length` pieces among the features, and how it counts: `[N, terms]` both. What is no
    /// term counts 0.
    fn terms(
        &mut self,
        vectoriser: &Vectoriser,
        pieces: &str,
        length: usize,
        longest: usize,
        width: usize,
    ) -> (Value, Value) {
        // A window begins at every piece; those at the end hold empty pieces.
        let window = |graph: &mut Self, at: usize| graph.slice(pieces, -1, at as i64, at as i64 - longest as i64);
        let mut term = window(self, 0);
        let mut last = term.clone();
        for at in 1..length {
            if vectoriser.by == TextUnit::Word {
                let space = self.constant(graph::strings([" "]));
                term = self.op("StringConcat", &[&term, &space]);
            }
            last = window(self, at);
            term = self.op("StringConcat", &[&term, &last]);
        }
        let none = self.constant(graph::strings([""]));
        let ended = self.op("Equal", &[&last, &none]);
        let zero = self.number(0.0);
        let (place, sign) = match vectoriser.hashed {
            Some(size) => {
                let (place, sign) = self.hashed(&term, size);
                (place, self.choose(&ended, &zero, &sign))
            }
            None => {
                let settings = vec![
                    texts("keys_strings", vectoriser.terms.iter().map(String::as_str)),
                    ints("values_int64s", (0..width as i64).collect()),
                    int("default_int64", width as i64),
                ];
                let place = self.node_of(ML, "LabelEncoder", &[&term], settings);
                let one = self.number(1.0);
                (place, self.choose(&ended, &zero, &one))
            }
        };
        // Pieces of one word after the other.
        if vectoriser.by == TextUnit::CharacterInWord {
            return (self.flat(&place), self.flat(&sign));
        }
        (place, sign)
    }

    /// `[N, words, terms]` as `[N, words * terms]`.
    fn flat(&mut self, value: &str) -> Value {
        self.node("Flatten", &[value], vec![int("axis", 1)])
    }

    /// Counts as the features that the vectoriser makes of them.
    fn weighed(&mut self, vectoriser: &Vectoriser, counts: Value) -> Value {
        let (zero, one) = (self.number(0.0), self.number(1.0));
        let mut value = counts;
        let none = self.op("Equal", &[&value, &zero]);
        if vectoriser.binary {
            value = self.choose(&none, &zero, &one);
        }
        if vectoriser.sublinear {
            let size = self.op("Abs", &[&value]);
            let size = self.choose(&none, &one, &size);
            let log = self.op("Log", &[&size]);
            let grown = self.add(&one, &log);
            let sign = self.op("Sign", &[&value]);
            value = self.mul(&sign, &grown);
        }
        if !vectoriser.weights.is_empty() {
            let weights = self.list(&vectoriser.weights);
            value = self.mul(&value, &weights);
        }
        if vectoriser.norm == TextNorm::L2 {
            let squares = self.mul(&value, &value);
            let sum = self.row_sum(&squares);
            let length = self.op("Sqrt", &[&sum]);
            let empty = self.op("Equal", &[&length, &zero]);
            let length = self.choose(&empty, &one, &length);
            value = self.div(&value, &length);
        }
        value
    }
}

/// The characters that `is` holds for, as the inside of a character class.
fn class(is: impl Fn(char) -> bool) -> String {
    let mut class = String::new();
    let mut begun: Option<u32> = None;
    for code in 0..=u32::from(char::MAX) + 1 {
        let held = char::from_u32(code).is_some_and(&is);
        match (held, begun) {
            (true, None) => begun = Some(code),
            (false, Some(first)) => {
                // A `String` takes every write.
                let _ = write!(class, "\\x{{{first:x}}}-\\x{{{:x}}}", code - 1);
                begun = None;
            }
            _ => {}
        }
    }
    class
}
