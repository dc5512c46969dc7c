//! Which terms are worth a feature.

use std::{borrow::Cow, collections::HashMap};

use super::terms::Cutter;
use crate::features::{TextParams, TextWeight};

/// How often a term occurs.
pub(super) struct Term {
    /// In how many texts.
    texts: usize,
    /// How often in all of them.
    times: usize,
    /// The text last counted.
    last: usize,
}

/// Counts the terms of the texts `0..total`.
pub(super) fn count<'a>(
    cutter: &Cutter,
    total: usize,
    text: &dyn Fn(usize) -> Option<Cow<'a, str>>,
) -> HashMap<String, Term> {
    let mut terms: HashMap<String, Term> = HashMap::new();
    for place in 0..total {
        let Some(text) = text(place) else { continue };
        cutter.cut(&text, &mut |found| match terms.get_mut(found) {
            Some(term) => {
                term.times += 1;
                term.texts += usize::from(term.last != place);
                term.last = place;
            }
            None => {
                terms.insert(found.to_owned(), Term { texts: 1, times: 1, last: place });
            }
        });
    }
    terms
}

/// The terms kept, sorted by text, each with the number of texts that have it. Among terms that occur equally often the
/// first by text are kept.
pub(super) fn choose(
    terms: HashMap<String, Term>,
    total: usize,
    params: &TextParams,
    most: usize,
) -> Vec<(String, usize)> {
    let least = if params.min_df < 1.0 { params.min_df * total as f64 } else { params.min_df };
    let greatest = if params.max_df <= 1.0 { params.max_df * total as f64 } else { params.max_df };
    let fits = |term: &Term| (least..=greatest).contains(&(term.texts as f64));
    let mut kept: Vec<(String, Term)> = terms.into_iter().filter(|(_, term)| fits(term)).collect();
    // By text first, so that the order of the map does not matter.
    kept.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    if kept.len() > most {
        let times = |term: &Term| if params.weight == TextWeight::Binary { term.texts } else { term.times };
        kept.sort_by_key(|(_, term)| std::cmp::Reverse(times(term)));
        kept.truncate(most);
        kept.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    }
    kept.into_iter().map(|(text, term)| (text, term.texts)).collect()
}
