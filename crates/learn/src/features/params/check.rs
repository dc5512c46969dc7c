//! Whether what was said about features can be done: every problem at once.

use std::collections::BTreeSet;

use trainyard_core::problem::nearest;

use super::{
    Binning, ClipParams, FeatureParams, Interactions, Pca, Select, Smoothing, TargetEncoding, TextParams, TextUnit,
    TextWeight,
};
use crate::{LearnError, features::glob};

impl FeatureParams {
    /// Checks the parameters against the names of the raw columns (the target not among them): every problem at once.
    #[must_use]
    pub fn check(&self, names: &[String]) -> Vec<LearnError> {
        let mut problems = self.check_ranges();
        let exact = |name: &String, field| (!names.contains(name)).then(|| unknown(name, field, names));
        let either = |name: &String, field| {
            let known = names.iter().any(|column| column == name || glob::matches(name, column));
            (!known).then(|| unknown(name, field, names))
        };
        problems.extend(self.columns.iter().flatten().filter_map(|name| exact(name, "columns")));
        problems.extend(self.exclude.iter().filter_map(|name| exact(name, "exclude")));
        problems.extend(self.by_column.keys().filter_map(|name| either(name, "by_column")));
        if let Some(Interactions { pairs, columns, .. }) = &self.interactions {
            problems.extend(pairs.iter().flatten().filter_map(|name| exact(name, "interactions")));
            problems.extend(columns.iter().filter_map(|name| either(name, "interactions")));
        }
        let reduced = self.pca.iter().flat_map(|pca| pca.columns.iter().flatten());
        problems.extend(reduced.filter_map(|name| either(name, "pca")));
        let mut seen = BTreeSet::new();
        for name in self.columns.iter().flatten() {
            if !seen.insert(name) {
                problems.push(LearnError {
                    code: "duplicate-column",
                    message: format!("column `{name}` is named twice"),
                    help: None,
                    field: Some("columns"),
                });
            }
        }
        if problems.is_empty() && self.chosen(names).is_empty() {
            problems.push(LearnError {
                code: "no-features",
                message: "no column is left to learn from".to_owned(),
                help: Some("name at least one column beside the target".to_owned()),
                field: Some("columns"),
            });
        }
        problems
    }

    /// The raw columns to learn from, in the order of `names`.
    #[must_use]
    pub fn chosen(&self, names: &[String]) -> Vec<String> {
        names
            .iter()
            .filter(|name| self.columns.as_ref().is_none_or(|columns| columns.contains(name)))
            .filter(|name| !self.exclude.contains(name))
            .cloned()
            .collect()
    }

    fn check_ranges(&self) -> Vec<LearnError> {
        let mut ranges = Ranges { whose: String::new(), problems: Vec::new() };
        ranges.levels(self.max_levels, self.min_share, Some(self.impute.constant));
        ranges.whole("impute", "impute.neighbours", self.impute.neighbours, 1, u32::MAX);
        ranges.whole("impute", "impute.donors", self.impute.donors, 1, u32::MAX);
        ranges.encoding(Some(&self.target_encoding), self.hash_size);
        ranges.numbers(self.clip, self.bins);
        ranges.parts(self.date.parts.as_deref());
        ranges.text(Some(&self.text));
        ranges.stages(self.interactions.as_ref(), self.pca.as_ref(), self.select.as_ref());
        for (name, column) in &self.by_column {
            ranges.whose = format!(" of column `{name}`");
            ranges.levels(column.max_levels, column.min_share, column.impute.constant);
            ranges.encoding(column.target_encoding.as_ref(), column.hash_size);
            ranges.numbers(column.clip, column.bins);
            ranges.parts(column.date.as_ref().and_then(|date| date.parts.as_deref()));
            ranges.text(column.text.as_ref());
        }
        ranges.problems
    }
}

fn unknown(name: &str, field: &'static str, names: &[String]) -> LearnError {
    LearnError {
        code: "unknown-column",
        message: match glob::is_pattern(name) {
            true => format!("no feature column is called like `{name}`"),
            false => format!("no feature column `{name}`"),
        },
        help: nearest(name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?")),
        field: Some(field),
    }
}

struct Ranges {
    whose: String,
    problems: Vec<LearnError>,
}

impl Ranges {
    fn refuse(&mut self, field: &'static str, key: &str, expected: &str) {
        let message = format!("`{key}`{} must {expected}", self.whose);
        self.problems.push(LearnError { code: "out-of-range", message, help: None, field: Some(field) });
    }

    fn whole(&mut self, field: &'static str, key: &str, value: Option<u32>, least: u32, most: u32) {
        let Some(value) = value.filter(|value| !(least..=most).contains(value)) else { return };
        match most {
            u32::MAX => self.refuse(field, key, &format!("be at least {least}, found {value}")),
            _ => self.refuse(field, key, &format!("be {least} to {most}, found {value}")),
        }
    }

    fn levels(&mut self, max_levels: Option<u32>, min_share: Option<f64>, constant: Option<f64>) {
        self.whole("max_levels", "max_levels", max_levels, 1, u32::MAX);
        if let Some(share) = min_share.filter(|share| !(0.0..=0.5).contains(share)) {
            self.refuse("min_share", "min_share", &format!("lie between 0 and 0.5, found {share}"));
        }
        if let Some(constant) = constant.filter(|constant| !constant.is_finite()) {
            self.refuse("impute", "impute.constant", &format!("be a finite number, found {constant}"));
        }
    }

    fn encoding(&mut self, target: Option<&TargetEncoding>, hash_size: Option<u32>) {
        if let Some(TargetEncoding { smoothing, folds }) = target {
            self.whole("target_encoding", "target_encoding.folds", Some(*folds), 2, 50);
            if let Smoothing::Rows(rows) = smoothing
                && !(rows.is_finite() && *rows >= 0.0)
            {
                let expected = format!("be `auto` or a number of at least 0, found {rows}");
                self.refuse("target_encoding", "target_encoding.smoothing", &expected);
            }
        }
        self.whole("hash_size", "hash_size", hash_size, 2, 65_536);
    }

    fn numbers(&mut self, clip: Option<ClipParams>, bins: Option<Binning>) {
        if let Some(Binning { count, .. }) = bins {
            self.whole("bins", "bins.count", Some(count), 2, 1000);
        }
        let Some(ClipParams { low, high, quantiles }) = clip else { return };
        let given = low.is_some() || high.is_some();
        if given == quantiles.is_some() {
            self.refuse("clip", "clip", "have either `low` and `high` or `quantiles`");
        }
        if [low, high].into_iter().flatten().any(|bound| !bound.is_finite())
            || matches!((low, high), (Some(low), Some(high)) if low >= high)
        {
            self.refuse("clip", "clip", "have finite bounds with `low` below `high`");
        }
        if let Some([low, high]) = quantiles
            && !(0.0..=1.0).contains(&low)
                | !(0.0..=1.0).contains(&high)
                | (low.partial_cmp(&high) != Some(std::cmp::Ordering::Less))
        {
            let expected = format!("be two ascending shares between 0 and 1, found {low} and {high}");
            self.refuse("clip", "clip.quantiles", &expected);
        }
    }

    fn parts(&mut self, parts: Option<&[super::DatePart]>) {
        let Some(parts) = parts else { return };
        let distinct: BTreeSet<_> = parts.iter().collect();
        if parts.is_empty() || distinct.len() < parts.len() {
            self.refuse("date", "date.parts", "name at least one part, and none twice");
        }
    }

    fn text(&mut self, text: Option<&TextParams>) {
        let Some(text) = text else { return };
        let [fewest, most] = text.ngrams;
        if !(1..=10).contains(&fewest) || !(fewest..=10).contains(&most) {
            let expected = format!("be two ascending numbers from 1 to 10, found {fewest} and {most}");
            self.refuse("text", "text.ngrams", &expected);
        }
        for (key, value) in [("text.min_df", text.min_df), ("text.max_df", text.max_df)] {
            if !(value.is_finite() && value >= 0.0) {
                self.refuse("text", key, &format!("be a number of at least 0, found {value}"));
            } else if value > 1.0 && value.fract() != 0.0 {
                self.refuse("text", key, &format!("be a share up to 1 or a whole number of texts, found {value}"));
            }
        }
        self.whole("text", "text.max_features", text.max_features, 1, 1_000_000);
        self.whole("text", "text.hash_size", text.hash_size, 2, 65_536);
        if text.by != TextUnit::Word && text.stop_words != super::TextStopWords::None {
            self.refuse("text", "text.stop_words", "be `none` where `by` is not `word`");
        }
        if text.hash_size.is_some() && text.weight != TextWeight::Hash {
            self.refuse("text", "text.hash_size", "be left out where `weight` is not `hash`");
        }
    }

    fn stages(&mut self, interactions: Option<&Interactions>, pca: Option<&Pca>, select: Option<&Select>) {
        if interactions.is_some_and(|products| products.pairs.is_empty() && products.columns.is_empty()) {
            self.refuse("interactions", "interactions", "name `pairs` or `columns`");
        }
        if let Some(Pca { components, share, .. }) = pca {
            self.whole("pca", "pca.components", *components, 1, u32::MAX);
            if components.is_some() && share.is_some() {
                self.refuse("pca", "pca", "have either `components` or `share`");
            }
            if share.is_some_and(|share| !(share > 0.0 && share < 1.0)) {
                self.refuse("pca", "pca.share", "lie above 0 and below 1");
            }
        }
        let Some(Select { count, share, threshold, .. }) = select else { return };
        if usize::from(count.is_some()) + usize::from(share.is_some()) + usize::from(threshold.is_some()) != 1 {
            self.refuse("select", "select", "have exactly one of `count`, `share` and `threshold`");
        }
        self.whole("select", "select.count", *count, 1, u32::MAX);
        if share.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
            self.refuse("select", "select.share", "lie above 0 and at most at 1");
        }
        if threshold.is_some_and(|threshold| !(threshold.is_finite() && threshold >= 0.0)) {
            self.refuse("select", "select.threshold", "be a finite number of at least 0");
        }
    }
}
