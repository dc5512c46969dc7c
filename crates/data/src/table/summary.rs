//! What was seen of a column of a file while its digest was taken: enough to tell that it keeps a contract without
//! reading it a second time.

use std::collections::HashSet;

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{Float64Type, Int32Type, Int64Type},
};

/// Distinct texts remembered of a column; of one with more, none is.
const MOST_TEXTS: usize = 256;

/// What was seen of all rows of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    /// Rows without a value.
    pub(crate) nulls: usize,
    /// The smallest and the largest number, integers as the floats nearest to them; none when a value is NaN, when there
    /// is no value, or when the column holds no numbers.
    pub(crate) range: Option<[f64; 2]>,
    /// The texts that occur; none when they are many, or the column holds no texts as numbers into a dictionary.
    pub(crate) texts: Option<HashSet<String>>,
}

/// Collects a [`Summary`] piece by piece.
#[derive(Default)]
pub(super) struct Seen {
    nulls: usize,
    /// Lowest and highest so far.
    range: Option<[f64; 2]>,
    /// A value is no number.
    odd: bool,
    texts: HashSet<String>,
    many: bool,
}

impl Seen {
    pub(super) fn push(&mut self, array: &ArrayRef) {
        self.nulls += array.logical_null_count();
        self.many |= array.data_type().is_primitive();
        if let Some(floats) = array.as_primitive_opt::<Float64Type>() {
            if floats.null_count() == 0 {
                self.floats(floats.values());
            } else {
                self.floats(&floats.iter().flatten().collect::<Vec<f64>>());
            }
        } else if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
            let ends = if integers.null_count() == 0 {
                let values = integers.values().iter().copied();
                values.fold(None, |ends: Option<(i64, i64)>, value| {
                    let (low, high) = ends.unwrap_or((value, value));
                    Some((low.min(value), high.max(value)))
                })
            } else {
                integers.iter().flatten().fold(None, |ends: Option<(i64, i64)>, value| {
                    let (low, high) = ends.unwrap_or((value, value));
                    Some((low.min(value), high.max(value)))
                })
            };
            #[expect(clippy::cast_precision_loss, reason = "limits are floats; rounding keeps the order")]
            if let Some((low, high)) = ends {
                self.widen(low as f64, high as f64);
            }
        } else {
            self.odd = true;
            self.texts(array);
        }
    }

    pub(super) fn summary(self) -> Summary {
        let range = if self.odd { None } else { self.range };
        Summary { nulls: self.nulls, range, texts: (!self.many).then_some(self.texts) }
    }

    fn floats(&mut self, values: &[f64]) {
        // Lanes of their own let the processor compare several at once.
        let (mut low, mut high, mut odd) = ([f64::INFINITY; 8], [f64::NEG_INFINITY; 8], [false; 8]);
        let (chunks, rest) = values.as_chunks::<8>();
        for chunk in chunks {
            for lane in 0..8 {
                let value = chunk[lane];
                low[lane] = if value < low[lane] { value } else { low[lane] };
                high[lane] = if value > high[lane] { value } else { high[lane] };
                odd[lane] |= value.is_nan();
            }
        }
        self.odd |= odd.contains(&true) || rest.iter().any(|value| value.is_nan());
        let low = low.iter().chain(rest).copied().fold(f64::INFINITY, f64::min);
        let high = high.iter().chain(rest).copied().fold(f64::NEG_INFINITY, f64::max);
        if !values.is_empty() {
            self.widen(low, high);
        }
    }

    fn widen(&mut self, low: f64, high: f64) {
        let [lowest, highest] = self.range.unwrap_or([low, high]);
        self.range = Some([lowest.min(low), highest.max(high)]);
    }

    /// The texts of a dictionary that occur. A dictionary may hold others.
    fn texts(&mut self, array: &ArrayRef) {
        let known = array
            .as_dictionary_opt::<Int32Type>()
            .and_then(|coded| coded.values().as_string_opt::<i32>().map(|known| (coded.keys(), known)));
        let Some((keys, known)) = known.filter(|(_, known)| known.len() <= MOST_TEXTS) else {
            self.many = true;
            return;
        };
        let mut occurs = [false; MOST_TEXTS];
        for (row, key) in keys.values().iter().enumerate() {
            if let Some(occurs) = usize::try_from(*key).ok().and_then(|key| occurs.get_mut(key)) {
                *occurs |= keys.null_count() == 0 || keys.is_valid(row);
            }
        }
        for code in (0..known.len()).filter(|code| occurs[*code] && known.is_valid(*code)) {
            if !self.texts.contains(known.value(code)) {
                self.texts.insert(known.value(code).to_owned());
            }
        }
        self.many |= self.texts.len() > MOST_TEXTS;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, DictionaryArray, Float64Array, Int64Array, StringArray};

    use super::*;

    fn of(arrays: &[ArrayRef]) -> Summary {
        let mut seen = Seen::default();
        arrays.iter().for_each(|array| seen.push(array));
        seen.summary()
    }

    #[test]
    fn numbers_have_a_range_unless_one_is_odd() {
        let floats = |values: Vec<Option<f64>>| Arc::new(Float64Array::from(values)) as ArrayRef;
        let many: Vec<Option<f64>> = (0..100).map(|value| Some(f64::from(value) - 50.0)).collect();
        let summary = of(&[floats(many.clone()), floats(vec![Some(77.0), None])]);
        assert_eq!((summary.nulls, summary.range), (1, Some([-50.0, 77.0])));
        for position in [0, 7, 99] {
            let mut odd = many.clone();
            odd[position] = Some(f64::NAN);
            assert_eq!(of(&[floats(odd)]).range, None);
        }
        let infinite = of(&[floats(vec![Some(f64::INFINITY), Some(0.0)])]);
        assert_eq!(infinite.range, Some([0.0, f64::INFINITY]));
        assert_eq!(infinite.texts, None, "none was looked for");
        assert_eq!(of(&[floats(vec![None])]).range, None);
        let integers = Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(3)])) as ArrayRef;
        assert_eq!(of(&[integers]).range, Some([-9_223_372_036_854_775_808.0, 3.0]));
    }

    #[test]
    fn texts_are_those_that_occur() {
        let coded: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("b"), Some("a")].into_iter().collect();
        let part = Arc::new(coded.slice(0, 2)) as ArrayRef;
        assert_eq!(of(&[Arc::clone(&part)]).texts, Some(HashSet::from(["a".to_owned()])));
        assert_eq!(of(&[part, Arc::new(coded)]).texts.map(|texts| texts.len()), Some(2));
        assert_eq!(of(&[Arc::new(StringArray::from(vec!["a"]))]).texts, None);
        let booleans = of(&[Arc::new(BooleanArray::from(vec![true]))]);
        assert_eq!((booleans.range, booleans.texts), (None, None));
    }
}
